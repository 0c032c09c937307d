import { RoomctlError } from "../core/errors.js";
import type { ParsedStatement, Parser } from "../db/parse.js";
import { type EncodingChange, findEncodingChange, mentionsEncoding } from "./encoding.js";
import { asksForNoTransaction, type SqlText } from "./layout.js";
import { needsNoTransaction, transactionControlOf } from "./transaction-mode.js";

/** One part of a migration, parsed. */
export interface Script extends SqlText {
  readonly statements: readonly ParsedStatement[];
  /** True when it runs in one transaction; false when a statement of it cannot, or its file says so. */
  readonly isTransactional: boolean;
  /** The first statement that begins or ends a transaction of its own. Such a script must not run. */
  readonly ownControl: ParsedStatement | undefined;
  /** The first one that says the rest is in another encoding. Such a script must not run either. */
  readonly encodingChange: EncodingChange | undefined;
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
    encodingChange: findEncodingChange(statements, parser),
  };
}

/** False for a text without a word for which a script may have to be refused, whatever it stands for there. */
export function mayBeRefused({ sql }: SqlText): boolean {
  return mentionsEncoding(sql) || /\\|\b(?:begin|start|commit|end|abort|rollback|prepare|copy)\b/i.test(sql);
}

/** The first statement that only psql could run: one of its own commands, or COPY with the rows in the file. */
export function findPsqlOnly({ statements }: Script): ParsedStatement | undefined {
  return statements.find(({ node, text }) => {
    if (node === undefined) return text.startsWith("\\");
    return "CopyStmt" in node && !node.CopyStmt.filename && !node.CopyStmt.is_program;
  });
}

/** Throws E_USAGE for a script that changes the encoding of what comes after. */
export function assertKeepsEncoding(script: Script): void {
  const { encodingChange } = script;
  if (encodingChange)
    throw new RoomctlError("E_USAGE", encodingMessage(script, encodingChange), { hint: encodingHint });
}

export const encodingHint = "take it out, and save the file as UTF-8: everything that roomctl sends is";

export function encodingMessage({ path }: Script, { line, text }: EncodingChange): string {
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
