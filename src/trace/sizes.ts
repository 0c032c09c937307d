import { formatName, parseName } from "../db/identifier.js";
import type { Database, Queryable } from "../db/pool.js";
import { isLockConflict } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import type { MigrationTrace, ScanTrace, StatementTrace, TableSize, TracedRelation } from "./model.js";

/** How fast a server is taken to read a table, or to write one anew with its indexes. Every estimate rests on it. */
const assumedBytesPerSecond = 100_000_000;

/** Sizes by the name on the target. */
export type TableSizes = ReadonlyMap<string, TableSize>;

/**
 * Reads how large the tables of a trace are on the target. Only reads, and waits for nobody's lock longer than half a
 * second: undefined then, since to measure a table PostgreSQL has to open it.
 */
export async function readSizes(
  database: Database,
  migrations: readonly MigrationTrace[],
): Promise<TableSizes | undefined> {
  const names = tableNames(migrations).map(parseName);
  const values = [names.map(({ schema }) => schema), names.map(({ name }) => name)];
  try {
    const options = { readOnly: true, lockTimeoutMs: 500 } as const;
    return await withTransaction(database, options, (connection) => query(connection, values));
  } catch (error) {
    if (isLockConflict(error)) return undefined;
    throw error;
  }
}

interface SizeRow extends TableSize {
  readonly schema: string;
  readonly name: string;
}

async function query(queryable: Queryable, values: readonly unknown[]): Promise<TableSizes> {
  const rows = await queryable.query<SizeRow>(loadStatement("trace/sizes"), values);
  return new Map(rows.map(({ schema, name, ...size }) => [formatName({ schema, name }), size]));
}

function tableNames(migrations: readonly MigrationTrace[]): readonly string[] {
  const found = migrations.flatMap(({ statements }) =>
    statements.flatMap(({ locks, rewrites, scans }) => [...locks, ...rewrites, ...scans]),
  );
  return [...new Set(found.filter(isTable).map(({ name, nameBefore }) => nameBefore ?? name))];
}

function isTable({ kind }: TracedRelation): boolean {
  return kind === "table" || kind === "materialized view";
}

/**
 * The same traces with what they mean for tables of these sizes. A table that a traced migration made and that the target
 * has all the same (CREATE TABLE IF NOT EXISTS, before the first history) is taken for that one: it gets its `nameBefore`.
 * Not so when another table had the name before, and was renamed. Pure.
 */
export function withSizes(migrations: readonly MigrationTrace[], sizes: TableSizes): readonly MigrationTrace[] {
  const taken = new Set(migrations.flatMap(({ statements }) => statements.flatMap(namesBefore)));
  const match = <T extends TracedRelation>(relation: T): T => {
    const { name, nameBefore } = relation;
    if (nameBefore !== null || !isTable(relation) || taken.has(name) || !sizes.has(name)) return relation;
    return { ...relation, nameBefore: name };
  };
  return migrations.map((migration) => ({
    ...migration,
    statements: migration.statements.map((statement) =>
      sizeStatement(
        {
          ...statement,
          locks: statement.locks.map(match),
          rewrites: statement.rewrites.map(match),
          scans: statement.scans.map(match),
        },
        sizes,
      ),
    ),
  }));
}

function namesBefore({ locks, rewrites, scans }: StatementTrace): readonly string[] {
  return [...locks, ...rewrites, ...scans].flatMap(({ nameBefore }) => nameBefore ?? []);
}

function sizeStatement(statement: StatementTrace, sizes: TableSizes): StatementTrace {
  const sizeOf = (relation: TracedRelation) => (isTable(relation) ? sizes.get(relation.nameBefore ?? "") : undefined);
  const isRewritten = ({ name }: TracedRelation) => statement.rewrites.some((rewrite) => rewrite.name === name);
  return {
    ...statement,
    locks: statement.locks.map((lock) => ({ ...lock, target: sizeOf(lock) ?? null })),
    rewrites: statement.rewrites.map((rewrite) => ({ ...rewrite, estimateMs: rewriteMs(sizeOf(rewrite)) })),
    scans: statement.scans.map((scan) => ({
      ...scan,
      estimateMs: isRewritten(scan) ? null : scanMs(scan, sizeOf(scan)),
    })),
  };
}

/** A rewrite builds every index again. */
function rewriteMs(size: TableSize | undefined): number | null {
  return size === undefined ? null : millisecondsFor(size.tableBytes + size.indexBytes);
}

function scanMs({ times }: ScanTrace, size: TableSize | undefined): number | null {
  return size === undefined ? null : millisecondsFor(size.tableBytes * times);
}

function millisecondsFor(bytes: number): number {
  return (bytes / assumedBytesPerSecond) * 1000;
}
