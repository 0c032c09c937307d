import { quoteIdentifier } from "../db/identifier.js";
import type { Node, Parser } from "../db/parse.js";

/** One statement of a schema script, with the settings that the statements before it left in force. */
export interface ScriptStatement {
  readonly sql: string;
  /** In the script, from 1. */
  readonly line: number;
  /** Undefined when the parser does not know the statement: the server may. */
  readonly node: Node | undefined;
  /** Statements that put its settings in force until the transaction ends. */
  readonly settings: readonly string[];
}

/**
 * The statements of a script that pg_dump or the catalog reader wrote, without those that only set something: each of the
 * others carries its settings, so that any session can run it at any time. Settings that the server does not know are
 * left out: a newer pg_dump writes some for its own sake.
 */
export function readScript(
  parser: Parser,
  text: string,
  knownSettings: ReadonlySet<string>,
): readonly ScriptStatement[] {
  const inForce = new Map<string, string>();
  const statements: ScriptStatement[] = [];
  for (const { text: sql, line, node } of parser.parse(withoutPsql(text))) {
    const setting = readSetting(sql, node);
    if (setting === undefined) statements.push({ sql, line, node, settings: [...inForce.values()] });
    else if (isKnown(setting.name, knownSettings)) inForce.set(setting.name, setting.sql);
  }
  return statements;
}

/** `pg_settings` leaves out the role, which decides in whose name a grant is made. */
function isKnown(name: string, knownSettings: ReadonlySet<string>): boolean {
  return name === "role" || name.includes(".") || knownSettings.has(name);
}

/**
 * pg_dump may frame a script with `\restrict KEY` and `\unrestrict KEY`, which only psql knows. Lines stay where they are, and
 * a body or a comment that holds such a line keeps it.
 */
function withoutPsql(text: string): string {
  return text
    .replace(/^((?:(?:--[^\n]*)?\n)*)\\restrict [A-Za-z0-9]+(?=\n)/, "$1")
    .replace(/\n\\unrestrict [A-Za-z0-9]+\n*$/, "\n");
}

function readSetting(sql: string, node: Node | undefined): { readonly name: string; readonly sql: string } | undefined {
  const [name, local] = settingOf(sql, node);
  return name === undefined ? undefined : { name: name.toLowerCase(), sql: local };
}

function settingOf(sql: string, node: Node | undefined): readonly [name: string | undefined, local: string] {
  const set = node && "VariableSetStmt" in node ? node.VariableSetStmt : undefined;
  if (set?.name === "session_authorization" || set?.name === "role") return ["role", roleStatement(set.args?.[0])];
  if (set?.name !== undefined) return [set.name, sql.replace(/^SET\s+(SESSION\s+)?/i, "SET LOCAL ")];
  const call = /^SELECT\s+pg_catalog\.set_config\('([^']+)',\s*('(?:[^']|'')*'),\s*false\)$/i.exec(sql);
  return [call?.[1], `SELECT pg_catalog.set_config('${call?.[1]}', ${call?.[2]}, true)`];
}

/**
 * A grant that another role than the owner made is made in its name again: pg_dump says so with SESSION AUTHORIZATION, the
 * catalog reader with SET ROLE. The role is enough, and asks for a membership where the other asks for a superuser.
 */
function roleStatement(value: Node | undefined): string {
  const name = value && "A_Const" in value ? value.A_Const.sval?.sval : undefined;
  return name === undefined ? "SET LOCAL role TO DEFAULT" : `SET LOCAL ROLE ${quoteIdentifier(name)}`;
}
