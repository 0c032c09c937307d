import { quoteIdentifier, quoteLiteral } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";

interface DatabaseFacts {
  readonly settings: readonly { readonly role: string | null; readonly setting: string }[] | null;
  readonly connectionLimit: number | null;
  readonly comment: string | null;
  readonly hasPublic: boolean;
}

export interface DatabaseStatements {
  /** Before everything else. */
  readonly first: readonly string[];
  /** After everything else: settings and the limit would hold for whoever is still at work. */
  readonly last: readonly string[];
}

/** Statements for the database itself, whatever it is called where they run. */
export async function readDatabaseStatements(connection: Connection): Promise<DatabaseStatements> {
  const [facts] = await connection.query<DatabaseFacts>(loadStatement("catalog/database"));
  const { settings, connectionLimit = null, comment = null, hasPublic = true } = facts ?? {};
  return {
    // Without CASCADE: an empty one only.
    first: hasPublic ? [] : ['DROP SCHEMA IF EXISTS "public"'],
    last: [
      ...(comment === null ? [] : [onThisDatabase("COMMENT ON DATABASE", `IS ${quoteLiteral(comment)}`)]),
      ...(settings ?? []).map(({ role, setting }) => settingStatement(role, setting)),
      ...(connectionLimit === null ? [] : [onThisDatabase("ALTER DATABASE", `CONNECTION LIMIT ${connectionLimit}`)]),
    ],
  };
}

/** Runs `before`, the name of the database that it runs in, `after`. */
export function onThisDatabase(before: string, after: string): string {
  const name = "pg_catalog.quote_ident(pg_catalog.current_database())";
  return `DO ${quoteLiteral(`BEGIN EXECUTE ${quoteLiteral(`${before} `)} || ${name} || ${quoteLiteral(` ${after}`)}; END`)}`;
}

/** Settings whose value is a list of names, and is kept as SQL writes it. */
const lists = [
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
];

function settingStatement(role: string | null, setting: string): string {
  const cut = setting.indexOf("=");
  const name = setting.slice(0, cut);
  const value = setting.slice(cut + 1);
  const quotedName = name.split(".").map(quoteIdentifier).join(".");
  const to = lists.includes(name.toLowerCase()) ? listOf(value) : quoteLiteral(value);
  const who = role === null ? "ALTER DATABASE" : `ALTER ROLE ${quoteIdentifier(role)} IN DATABASE`;
  return onThisDatabase(who, `SET ${quotedName} TO ${to}`);
}

function listOf(value: string): string {
  const items = value.match(/"(?:[^"]|"")*"|[^",\s]+/g) ?? [];
  const names = items.map((item) => (item.startsWith('"') ? item.slice(1, -1).replaceAll('""', '"') : item));
  return names.length === 0 ? "''" : names.map(quoteLiteral).join(", ");
}
