import { RoomctlError } from "../core/errors.js";
import type { ParsedStatement, Parser } from "../db/parse.js";
import { asksForNoTransaction, type SqlText } from "./layout.js";
import { needsNoTransaction, transactionControlOf } from "./transaction-mode.js";

/** One part of a migration, parsed. */
export interface Script extends SqlText {
  readonly statements: readonly ParsedStatement[];
  /** True when it runs in one transaction; false when a statement of it cannot, or its file says so. */
  readonly isTransactional: boolean;
  /** The first statement that begins or ends a transaction of its own. Such a script must not run. */
  readonly ownControl: ParsedStatement | undefined;
}

/** What was parsed, for as long as its text is held: planning, planning again under the lock and running see the same. */
const parsed = new WeakMap<SqlText, Script>();

/** Splits and parses one part, and finds out how it has to run. */
export function parseScript(parser: Parser, text: SqlText): Script {
  const known = parsed.get(text);
  if (known) return known;
  const script = parseText(parser, text);
  parsed.set(text, script);
  return script;
}

function parseText(parser: Parser, { path, sql }: SqlText): Script {
  const statements = parser.parse(sql);
  return {
    path,
    sql,
    statements,
    isTransactional: !asksForNoTransaction({ path, sql }) && !statements.some((one) => needsNoTransaction(one, parser)),
    ownControl: statements.find((statement) => transactionControlOf(statement) !== undefined),
  };
}

/** False for a text without a word for which a script may have to be refused, whatever it stands for there. */
export function mayBeRefused({ sql }: SqlText): boolean {
  return /\\|\b(?:begin|start|commit|end|abort|rollback|prepare|copy|names|client_encoding)\b/i.test(sql);
}

/** The first statement that only psql could run: one of its own commands, or COPY with the rows in the file. */
export function findPsqlOnly({ statements }: Script): ParsedStatement | undefined {
  return statements.find(({ node, text }) => {
    if (node === undefined) return text.startsWith("\\");
    return "CopyStmt" in node && !node.CopyStmt.filename && !node.CopyStmt.is_program;
  });
}

/**
 * The first statement that says the session's texts are in another encoding than UTF-8. Ours always are: what comes after it,
 * the rest of the file and our notes, would be stored as something else.
 */
export function findEncodingChange({ statements }: Script): ParsedStatement | undefined {
  return statements.find(({ node, text }) => {
    if (node === undefined) return false;
    if ("VariableSetStmt" in node) {
      const { name, kind, args } = node.VariableSetStmt;
      if (name !== "client_encoding" || kind !== "VAR_SET_VALUE") return false;
      return !isUtf8(/"sval":"([^"]*)"/.exec(JSON.stringify(args ?? null))?.[1]);
    }
    const called = /\bset_config\s*\(\s*'client_encoding'\s*,\s*(?:'([^']*)')?/i.exec("SelectStmt" in node ? text : "");
    return called !== null && !isUtf8(called[1]);
  });
}

/** As PostgreSQL reads the names of encodings: case, hyphens and the like do not count. */
function isUtf8(name: string | undefined): boolean {
  return ["utf8", "unicode"].includes(name?.replace(/[^a-z0-9]/gi, "").toLowerCase() ?? "");
}

/** Throws E_USAGE for a script that `findEncodingChange` finds something in. */
export function assertKeepsEncoding(script: Script): void {
  const found = findEncodingChange(script);
  if (found) throw new RoomctlError("E_USAGE", encodingMessage(script, found), { hint: encodingHint });
}

export const encodingHint = "take it out, and save the file as UTF-8: everything that roomctl sends is";

export function encodingMessage({ path }: Script, { line, text }: ParsedStatement): string {
  return `${path}:${line} changes the encoding of all that comes after it: ${text.split("\n", 1)[0]?.slice(0, 60)}`;
}

/** The word with which a script begins or ends a transaction of its own, if it does. */
export function controlWordOf({ ownControl }: Script): string | undefined {
  return ownControl && transactionControlOf(ownControl);
}

/** Throws E_USAGE when a script begins or ends a transaction: the one that roomctl wraps around it would be torn. */
export function assertNoOwnControl(script: Script): void {
  const { path, ownControl } = script;
  const word = controlWordOf(script);
  if (ownControl === undefined || word === undefined) return;
  throw new RoomctlError("E_USAGE", `${path}:${ownControl.line} has its own ${word}, and would be left half applied`, {
    hint: "take it out: roomctl runs each file in one transaction, or each statement by itself where it must",
  });
}
