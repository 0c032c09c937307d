import { type QualifiedName, quoteName } from "../db/identifier.js";
import type { Connection, Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";

/** A table as it stands in a transaction, with what the transaction did to its rows so far. */
interface Holding extends QualifiedName {
  readonly oid: number;
  readonly fileNode: number | null;
  readonly partitionOf: number | null;
  readonly columns: readonly HeldColumn[];
  readonly deletedRows: number;
  readonly updatedRows: number;
  readonly insertedRows: number;
}

interface HeldColumn {
  readonly number: number;
  readonly name: string;
  readonly type: string;
}

export type Holdings = ReadonlyMap<number, Holding>;

/** What takes data away: `drop` and `retype` whole tables or columns, `truncate` all rows, the others so many rows. */
export type LossCause = "drop" | "retype" | "truncate" | "delete" | "update";

/** A difference between two readings that takes data of a table away. */
export interface Change {
  readonly oid: number;
  readonly cause: LossCause;
  /** Of the column that is dropped or has another type. */
  readonly columnNumber?: number;
  /** How many rows were deleted or updated. */
  readonly touchedRows?: number;
}

/** Every table of the app's, by oid. The counts of rows are PostgreSQL's own and need `track_counts`. */
export async function readHoldings(queryable: Queryable): Promise<Holdings> {
  const rows = await queryable.query<Holding>(loadStatement("migrate/holdings"));
  return new Map(rows.map((row) => [row.oid, row]));
}

/** What happened between two readings in one transaction that takes data away. */
export async function compareHoldings(connection: Connection, before: Holdings, after: Holdings): Promise<Change[]> {
  const changes: Change[] = [];
  for (const table of before.values()) {
    const now = after.get(table.oid);
    if (now === undefined) {
      const isCounted = table.partitionOf !== null && !after.has(table.partitionOf);
      if (!isCounted) changes.push({ oid: table.oid, cause: "drop" });
    } else {
      changes.push(...changedColumns(table, now), ...(await changedRows(connection, table, now)));
    }
  }
  return changes;
}

/** A type that changes without a new storage file leaves every value as it is: varchar(20) to text, say. */
function changedColumns(before: Holding, after: Holding): readonly Change[] {
  const types = new Map(after.columns.map(({ number, type }) => [number, type]));
  const isRewritten = before.fileNode !== after.fileNode;
  return before.columns.flatMap(({ number, type }): readonly Change[] => {
    const now = types.get(number);
    if (now === undefined) return [{ oid: before.oid, cause: "drop", columnNumber: number }];
    return now !== type && isRewritten ? [{ oid: before.oid, cause: "retype", columnNumber: number }] : [];
  });
}

async function changedRows(connection: Connection, before: Holding, after: Holding): Promise<readonly Change[]> {
  const { oid } = before;
  if (await isTruncated(connection, before, after)) return [{ oid, cause: "truncate" }];
  const deleted = after.deletedRows - before.deletedRows;
  const updated = after.updatedRows - before.updatedRows;
  return [
    ...(deleted > 0 ? [{ oid, cause: "delete", touchedRows: deleted } as const] : []),
    ...(updated > 0 ? [{ oid, cause: "update", touchedRows: updated } as const] : []),
  ];
}

/**
 * TRUNCATE counts nothing and sets the counts back; it gives the table a new, empty file. So does a rewrite, which
 * keeps the rows: a new file that is empty, or into which rows were put since, cannot be told from a truncated one.
 */
async function isTruncated(connection: Connection, before: Holding, after: Holding): Promise<boolean> {
  if (after.fileNode === before.fileNode) return false;
  if (after.insertedRows !== before.insertedRows) return true;
  const [row] = await connection.query<{ empty: boolean }>(
    `SELECT NOT EXISTS (SELECT FROM ONLY ${quoteName(after)}) AS empty`,
  );
  return row?.empty ?? true;
}
