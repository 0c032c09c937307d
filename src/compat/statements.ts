import { RoomctlError } from "../core/errors.js";
import { quoteName } from "../db/identifier.js";
import type { Parser } from "../db/parse.js";
import type { Database } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import { unnormalise } from "./normalised.js";
import { type CompatQuery, type QuerySet, queryOf, type SkippedQuery } from "./queries.js";
import { schemasIn } from "./tree.js";

const source = "pg_stat_statements";

/** Either half alone would only lead to the other's error. */
const installing = `install it: add ${source} to shared_preload_libraries, restart the server, then CREATE EXTENSION IF NOT EXISTS ${source}`;

/**
 * What a database was asked, from its pg_stat_statements: the `limit` most frequent queries, and what was passed over.
 * Throws E_USAGE when the extension is not there, and E_PRIVILEGE when it may not be read.
 */
export async function readStatementQueries(parser: Parser, database: Database, limit: number): Promise<QuerySet> {
  const rows = await readStatements(database);
  const queries: CompatQuery[] = [];
  const skipped: SkippedQuery[] = [];
  for (const row of rows) {
    if (queries.length >= limit) break;
    const set = toQuery(parser, row);
    queries.push(...set.queries);
    skipped.push(...set.skipped);
  }
  if (queries.length > 0) return { queries, skipped };
  if (rows.some(isHidden)) throw notReadable();
  throw new RoomctlError("E_USAGE", `${source} knows no query of this database`, {
    hint: "use the old release for a while first, or give its queries with --queries FILE",
  });
}

interface StatementRow {
  readonly id: string | null;
  readonly query: string | null;
  readonly calls: number;
}

async function readStatements(database: Database): Promise<readonly StatementRow[]> {
  const [extension] = await database.query<{ schema: string }>(loadStatement("compat/extension"));
  if (extension === undefined) {
    throw new RoomctlError("E_USAGE", `${source} is not installed in this database`, {
      hint: `give the queries of the old release with --queries FILE, or ${installing}`,
    });
  }
  const view = quoteName({ schema: extension.schema, name: source });
  const sql = loadStatement("compat/statements").replace(`public.${source}`, () => view);
  try {
    return await database.query<StatementRow>(sql);
  } catch (cause) {
    if (codeOf(cause) === sqlstate.insufficientPrivilege) throw notReadable(cause);
    if (codeOf(cause) !== sqlstate.objectNotInPrerequisiteState) throw cause;
    throw new RoomctlError("E_USAGE", `${source} is installed, but the server does not load it`, {
      hint: `give the queries of the old release with --queries FILE, or ${installing}`,
      cause,
    });
  }
}

/** What PostgreSQL shows in place of another role's statement. */
function isHidden({ query }: StatementRow): boolean {
  return query === "<insufficient privilege>";
}

function notReadable(cause?: unknown): RoomctlError {
  return new RoomctlError("E_PRIVILEGE", `this role may not read the statements of others in ${source}`, {
    hint: "GRANT pg_read_all_stats to it, or give --queries FILE",
    cause,
  });
}

function toQuery(parser: Parser, row: StatementRow): QuerySet {
  const name = `statement ${row.id ?? "of another role"}`;
  const skip = (reason: string): QuerySet => ({ queries: [], skipped: [{ name, source, line: null, reason }] });
  if (isHidden(row)) return skip("another role ran it, and this one may not read its text");
  if (row.query === null) return skip("the server has lost its text");
  const statements = parser.parse(row.query);
  const [statement] = statements;
  if (statement === undefined || statements.length > 1) return skip("it is not one statement");
  if (statement.node === undefined) return skip("its text is cut off, or PostgreSQL's parser does not know it");
  const schemas = schemasIn(statement.node);
  const isForeign = schemas.length > 0 && schemas.every((schema) => ownSchemas.has(schema ?? ""));
  if (isForeign || /\bpg_stat_statements/.test(row.query))
    return skip("it reads the catalog or roomctl's own tables only");
  const set = queryOf(statement, { name, source, line: null, calls: row.calls, isNormalised: true });
  return { ...set, queries: set.queries.map((query) => unnormalise(parser, query)) };
}

const ownSchemas: ReadonlySet<string> = new Set(["roomctl", "pg_catalog", "information_schema"]);
