import { quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import type { AuditColumn, AuditTable } from "./facts.js";

/** How much a table holds, and when something was last written to it. */
export interface RowFacts {
  /** Null where only an estimate was wanted and the table was never analyzed. */
  readonly rows: number | null;
  readonly newestWrite: Date | null;
  readonly newestWriteColumn: string | null;
}

/**
 * Counts exactly, and takes the newest timestamp in the same pass. With `estimate` no table is read through: rows come
 * from the planner's statistics, and the newest write only from a column that an index leads with.
 */
export async function readRows(connection: Connection, table: AuditTable, estimate: boolean): Promise<RowFacts> {
  const column = newestWriteColumn(estimate ? table.columns.filter(({ isIndexed }) => isIndexed) : table.columns);
  const [found] = estimate
    ? await readNewest(connection, table, column)
    : await connection.query<RowsFound>(countStatement(table, column));
  const rows = estimate ? table.estimatedRows : Number(found?.rows);
  return { rows, newestWrite: readable(found?.newest), newestWriteColumn: column?.name ?? null };
}

interface RowsFound {
  readonly rows?: string;
  readonly newest: Date | null;
}

/**
 * The column that tells best when a row was last written. By name: what is set on every write, then what is set when
 * the row or its event came to be; deadlines (`expires_at`, `due_at` …) say nothing about writes. Among equals a column
 * that cannot be null, then one that an index leads with.
 */
export function newestWriteColumn(columns: readonly AuditColumn[]): AuditColumn | undefined {
  const rankOf = (column: AuditColumn) =>
    writeNames.findIndex((pattern) => pattern.test(column.name)) * 4 +
    (column.notNull ? 0 : 2) +
    (column.isIndexed ? 0 : 1);
  return columns
    .filter(({ name, type }) => type.startsWith("timestamp") && !deadline.test(name))
    .map((column) => ({ column, rank: rankOf(column) }))
    .sort((a, b) => a.rank - b.rank)[0]?.column;
}

const writeNames = [
  /^(updated|modified|changed|last_(updated|modified|changed|write))(_?(at|on|time))?$/i,
  /^(created|inserted|added)(_?(at|on|time))?$/i,
  /^(at|ts|time|timestamp|occurred_at|sent_at|logged_at|recorded_at|completed_at|happened_at)$/i,
  /(^|_)(at|on|time|ts)$/i,
  /./s,
];

const deadline = /expir|deadline|(^|_)(due|until|valid|next|scheduled|ends?|starts?|not_before|not_after)(_|$)/i;

async function readNewest(
  connection: Connection,
  table: AuditTable,
  column: AuditColumn | undefined,
): Promise<readonly RowsFound[]> {
  if (!column) return [];
  const quoted = quoteIdentifier(column.name);
  return connection.query<RowsFound>(
    `SELECT ${quoted}::timestamptz AS newest FROM ${quoteName(table)} WHERE isfinite(${quoted}) ORDER BY ${quoted} DESC LIMIT 1`,
  );
}

function countStatement(table: AuditTable, column: AuditColumn | undefined): string {
  const quoted = column && quoteIdentifier(column.name);
  const newest = quoted ? `max(${quoted}) FILTER (WHERE isfinite(${quoted}))::timestamptz` : "NULL::timestamptz";
  return `SELECT count(*) AS rows, ${newest} AS newest FROM ${quoteName(table)}`;
}

/** PostgreSQL's years go further than a JavaScript date. */
function readable(time: Date | null | undefined): Date | null {
  return time instanceof Date && !Number.isNaN(time.getTime()) ? time : null;
}
