import type { ParsedStatement, Parser } from "../db/parse.js";
import { treeOfBlock } from "./transaction-mode.js";

/** Where a script says that the session's texts are in another encoding, and with which words. */
export type EncodingChange = Pick<ParsedStatement, "line" | "text">;

/** False for a text that cannot change it by any statement of its own. */
export function mentionsEncoding(sql: string): boolean {
  return /\b(?:names|client_encoding)\b/i.test(sql);
}

/**
 * The first statement that says the session's texts are in another encoding than UTF-8, in DO blocks too. Ours always are:
 * what comes after it, the rest of the file and our notes, would be stored as something else. What a function does is not
 * looked for, and its own `SET client_encoding` ends with the call; that of a role or a database is for later sessions.
 */
export function findEncodingChange(statements: readonly ParsedStatement[], parser: Parser): EncodingChange | undefined {
  for (const statement of statements) {
    if (!mentionsEncoding(statement.text)) continue;
    const found = changesEncoding(statement) ? statement : findInBlock(statement, parser);
    if (found) return found;
  }
  return undefined;
}

function changesEncoding({ node, text }: ParsedStatement): boolean {
  if (node === undefined) return false;
  if (!("VariableSetStmt" in node)) return "SelectStmt" in node && callsSetConfig(text);
  const { name, kind, args } = node.VariableSetStmt;
  if (name !== "client_encoding" || kind !== "VAR_SET_VALUE") return false;
  return !isUtf8(/"sval":"([^"]*)"/.exec(JSON.stringify(args ?? null))?.[1]);
}

function callsSetConfig(sql: string): boolean {
  const called = /\bset_config\s*\(\s*'client_encoding'\s*,\s*(?:'([^']*)')?/i.exec(sql);
  return called !== null && !isUtf8(called[1]);
}

/** As PostgreSQL reads the names of encodings: case, hyphens and the like do not count. */
function isUtf8(name: string | undefined): boolean {
  return ["utf8", "unicode"].includes(name?.replace(/[^a-z0-9]/gi, "").toLowerCase() ?? "");
}

function findInBlock(statement: ParsedStatement, parser: Parser): EncodingChange | undefined {
  for (const { sql, line, isDynamic } of queriesIn(treeOfBlock(statement, parser), { line: 1, isDynamic: false })) {
    const text = isDynamic ? (constantOf(sql, parser) ?? sql) : sql;
    if (!mentionsEncoding(text)) continue;
    const isChange = callsSetConfig(text) || parser.parse(text).some(changesEncoding);
    if (isChange) return { line: firstLineOfBody(statement) + line - 1, text };
  }
  return undefined;
}

interface BlockQuery {
  /** A statement, or an expression. */
  readonly sql: string;
  /** In the body, from 1. */
  readonly line: number;
  /** The expression that EXECUTE runs the value of. */
  readonly isDynamic: boolean;
}

/** All that PL/pgSQL leaves to SQL, in the order of the body. */
function* queriesIn(tree: unknown, place: Omit<BlockQuery, "sql">): Generator<BlockQuery> {
  if (typeof tree !== "object" || tree === null) return;
  const line = "lineno" in tree ? Number(tree.lineno) : place.line;
  for (const [key, value] of Object.entries(tree)) {
    const isDynamic = place.isDynamic || key === "PLpgSQL_stmt_dynexecute";
    if (key === "query" && typeof value === "string") yield { sql: value, line, isDynamic };
    else yield* queriesIn(value, { line, isDynamic });
  }
}

/** The text of a string constant. What is put together at run time is not known. */
function constantOf(expression: string, parser: Parser): string | undefined {
  const node = parser.parse(`SELECT ${expression}`)[0]?.node;
  const target = node && "SelectStmt" in node ? node.SelectStmt.targetList?.[0] : undefined;
  const value = target && "ResTarget" in target ? target.ResTarget.val : undefined;
  return value && "A_Const" in value ? value.A_Const.sval?.sval : undefined;
}

/** The line of the file in which the body begins; that of DO for one whose quotes stand doubled in the file. */
function firstLineOfBody({ node, text, line }: ParsedStatement): number {
  const options = node && "DoStmt" in node ? (node.DoStmt.args ?? []) : [];
  const bodies = options.flatMap((option) => {
    const { defname, arg } = "DefElem" in option ? option.DefElem : {};
    return defname === "as" && arg && "String" in arg ? [arg.String.sval ?? ""] : [];
  });
  const before = text.slice(0, Math.max(0, text.indexOf(bodies[0] ?? "")));
  return line + before.split("\n").length - 1;
}
