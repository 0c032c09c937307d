import { RoomctlError } from "../core/errors.js";
import { formatName, type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection, Database, Queryable } from "../db/pool.js";
import { leaveOwnSchemaOut } from "../db/search-path.js";
import { loadStatement } from "../db/statement.js";
import { describeFailure } from "./failure.js";
import type { MigrationFile, SqlFile } from "./files.js";

/** Something that undoing a migration takes away, and how much is in it now. */
export interface DataLoss {
  readonly migration: string;
  readonly kind: "table" | "column" | "rows";
  /** As people write it. */
  readonly table: string;
  readonly column: string | null;
  /** Rows of the table, rows with a value in the column, or rows deleted. */
  readonly rows: number;
  readonly tableOid: number;
}

/**
 * Undoes migrations in a transaction that is always rolled back, and says what would be gone. Reading the files would
 * not do: a down file may decide in a DO block what it drops. It takes the same locks as the real run, for as long.
 * Throws E_MIGRATION_FAILED when a down file does not run.
 */
export async function rehearseDown(
  database: Database,
  migrations: readonly MigrationFile[],
): Promise<readonly DataLoss[]> {
  if (migrations.length === 0) return [];
  await using connection = await database.connect();
  await leaveOwnSchemaOut(connection);
  await connection.execute("BEGIN");
  try {
    const start = await readHoldings(connection);
    await connection.execute("SAVEPOINT before_down");
    const vanishing = await undoEach(connection, migrations);
    await connection.execute("ROLLBACK TO SAVEPOINT before_down");
    const losses: DataLoss[] = [];
    for (const item of vanishing) losses.push(...(await measure(connection, start, item)));
    await connection.execute("ROLLBACK");
    return losses;
  } finally {
    connection.discard();
  }
}

/** Throws E_PLAN_STALE when something that was empty in the plan no longer is. Runs in the transaction that drops it. */
export async function assertStillEmpty(connection: Connection, drops: readonly DataLoss[]): Promise<void> {
  for (const { tableOid, table, column } of drops) {
    const [name] = await connection.query<QualifiedName>(
      "SELECT nspname AS schema, relname AS name FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace WHERE pg_class.oid = $1",
      [tableOid],
    );
    if (name === undefined) continue;
    await connection.execute(`LOCK TABLE ${quoteName(name)} IN ACCESS EXCLUSIVE MODE`);
    if ((await countValues(connection, name, column)) === 0) continue;
    throw new RoomctlError("E_PLAN_STALE", `${table} was empty when this was planned, and now holds rows`, {
      hint: "plan it again: roomctl migrate down --dry-run",
    });
  }
}

interface Holding extends QualifiedName {
  readonly oid: number;
  readonly fileNode: number | null;
  readonly partitionOf: number | null;
  readonly columns: readonly { readonly number: number; readonly name: string }[];
  /** In this transaction so far. */
  readonly deletedRows: number;
}

type Holdings = ReadonlyMap<number, Holding>;

interface Vanishing {
  readonly migration: string;
  readonly oid: number;
  readonly kind: DataLoss["kind"];
  readonly columnNumber?: number;
  readonly deletedRows?: number;
}

async function readHoldings(queryable: Queryable): Promise<Holdings> {
  const rows = await queryable.query<Holding>(loadStatement("migrate/holdings"));
  return new Map(rows.map((row) => [row.oid, row]));
}

async function undoEach(connection: Connection, migrations: readonly MigrationFile[]): Promise<readonly Vanishing[]> {
  const vanishing: Vanishing[] = [];
  let before = await readHoldings(connection);
  for (const { name, down } of migrations) {
    if (down) await runStatements(connection, name, down);
    const after = await readHoldings(connection);
    for (const holding of before.values()) {
      vanishing.push(...(await compare(connection, { migration: name, before: holding, holdings: after })));
    }
    before = after;
  }
  return vanishing;
}

async function runStatements(connection: Connection, migration: string, file: SqlFile): Promise<void> {
  for (const statement of file.statements) {
    try {
      await connection.query(statement.text);
    } catch (error) {
      const { code, message, why, hint } = describeFailure(error, { migration, file, statement });
      throw new RoomctlError(code, `undoing ${message}: ${why}`, { hint, cause: error });
    }
  }
}

interface Comparison {
  readonly migration: string;
  readonly before: Holding;
  readonly holdings: Holdings;
}

async function compare(connection: Connection, comparison: Comparison): Promise<readonly Vanishing[]> {
  const { migration, before, holdings } = comparison;
  const { oid } = before;
  const after = holdings.get(oid);
  if (after === undefined) {
    const isCounted = before.partitionOf !== null && !holdings.has(before.partitionOf);
    return isCounted ? [] : [{ migration, oid, kind: "table" }];
  }
  const kept = new Set(after.columns.map(({ number }) => number));
  const columns = before.columns
    .filter(({ number }) => !kept.has(number))
    .map(({ number }) => ({ migration, oid, kind: "column", columnNumber: number }) as const);
  const deletedRows = after.deletedRows - before.deletedRows;
  if (deletedRows > 0) return [...columns, { migration, oid, kind: "rows", deletedRows }];
  // TRUNCATE counts nothing; it gives the table a new, empty file.
  const isEmptied = after.fileNode !== before.fileNode && (await countValues(connection, after, null)) === 0;
  return isEmptied ? [...columns, { migration, oid, kind: "rows" }] : columns;
}

/** How much is in it, at the start. What an earlier step of the same run would have made is no loss. */
async function measure(connection: Connection, start: Holdings, item: Vanishing): Promise<readonly DataLoss[]> {
  const table = start.get(item.oid);
  const column = table?.columns.find(({ number }) => number === item.columnNumber)?.name ?? null;
  if (table === undefined || (item.kind === "column" && column === null)) return [];
  const rows = item.deletedRows ?? (await countValues(connection, table, column));
  const { migration, kind, oid } = item;
  return [{ migration, kind, table: formatName(table), column, rows, tableOid: oid }];
}

async function countValues(queryable: Queryable, table: QualifiedName, column: string | null): Promise<number> {
  const what = column === null ? "*" : quoteIdentifier(column);
  const [row] = await queryable.query<{ count: number }>(
    `SELECT count(${what})::float8 AS count FROM ${quoteName(table)}`,
  );
  return row?.count ?? 0;
}
