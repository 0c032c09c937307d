import { messageOf } from "../core/errors.js";
import type { Parser } from "../db/parse.js";
import type { Database } from "../db/pool.js";
import type { ScratchDatabase, ScratchServer } from "../db/scratch.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import { type BuildOptions, buildSchema, type ParsedMigration } from "../migrate/build.js";
import { requireExtensions } from "../migrate/extensions.js";
import { createNamedRoles } from "../migrate/roles.js";
import { emptyTables, type FilledTable, fillTables } from "../migrate/rows.js";
import { traceMigration } from "./migration.js";
import type { MigrationTrace } from "./model.js";
import { type Relations, readRelations } from "./state.js";
import { findTouched, namesOf, type TouchedNames } from "./touched.js";

export interface TraceOptions extends BuildOptions {
  readonly server: ScratchServer;
  readonly parser: Parser;
  /** Built first, and not traced. */
  readonly applied: readonly ParsedMigration[];
  readonly pending: readonly ParsedMigration[];
  /** How many rows to make up in each table; 0 for empty tables. */
  readonly rows: number;
  /** True for a server of the operator's own: what would change more of it than a database is not run. */
  readonly isSharedServer: boolean;
}

export interface TraceRecord {
  /** False where the scratch server's role may not make an event trigger: why a table is written anew is not known then. */
  readonly hasReasons: boolean;
  readonly migrations: readonly MigrationTrace[];
  readonly tables: readonly FilledTable[];
}

/**
 * Runs migrations on a scratch server as a migrator would, and tells what each statement locks, writes anew and scans.
 * Throws E_MIGRATION_FAILED with file, line and column when one does not run on the schema that those before it made.
 */
export async function traceOnScratch(options: TraceOptions): Promise<TraceRecord> {
  try {
    return await traceAll(options);
  } catch (error) {
    throw options.server.explain(error);
  }
}

async function traceAll(options: TraceOptions): Promise<TraceRecord> {
  const { server, applied, pending } = options;
  await requireExtensions(server, [...applied, ...pending]);
  const scratches: ScratchDatabase[] = [await server.createDatabase()];
  try {
    const hasReasons = await prepare(scratches, applied, pending, options);
    const fillings = { filled: new Map<number, FilledTable>(), told: new Map<number, FilledTable>() };
    const touched = namesOf(pending);
    const migrations: MigrationTrace[] = [];
    let first: Relations | undefined;
    for (const [index, migration] of pending.entries()) {
      options.onProgress?.({ message: `tracing ${migration.file.name}`, done: index, total: pending.length });
      first ??= await onCurrent(scratches, (database) => readRelations(database, "transaction"));
      migrations.push(await traceOne(scratches, migration, { ...options, ...fillings, first, touched }));
    }
    return { hasReasons, migrations, tables: [...fillings.told.values()] };
  } finally {
    for (const scratch of scratches) await scratch[Symbol.asyncDispose]();
  }
}

/** Named here and made where it is needed, since a scratch database that was spoilt is replaced by a copy. */
async function onCurrent<T>(
  scratches: readonly ScratchDatabase[],
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const scratch = scratches.at(-1);
  if (scratch === undefined) throw new TypeError("there is no scratch database");
  await using database = await scratch.open({ applicationName: "roomctl/trace", maxConnections: 2, lockTimeoutMs: 0 });
  return await work(database);
}

async function prepare(
  scratches: readonly ScratchDatabase[],
  applied: readonly ParsedMigration[],
  pending: readonly ParsedMigration[],
  options: TraceOptions,
): Promise<boolean> {
  return await onCurrent(scratches, async (database) => {
    await createNamedRoles(database, pending);
    await buildSchema(database, applied, options);
    return await noteRewrites(database);
  });
}

/** Only a superuser may make an event trigger, which --scratch-url need not name. */
async function noteRewrites(database: Database): Promise<boolean> {
  try {
    await database.execute(loadStatement("trace/rewrites"));
    return true;
  } catch (error) {
    if (codeOf(error) === sqlstate.insufficientPrivilege) return false;
    throw error;
  }
}

interface OneTrace extends TraceOptions {
  readonly first: Relations;
  readonly filled: Map<number, FilledTable>;
  /** What became of each table, even if it was emptied later. */
  readonly told: Map<number, FilledTable>;
  readonly touched: TouchedNames | undefined;
}

/** Rows that we made up may break a rule that the app's own rows keep: the migration is then run on empty tables. */
async function traceOne(
  scratches: ScratchDatabase[],
  migration: ParsedMigration,
  options: OneTrace,
): Promise<MigrationTrace> {
  const { rows, server } = options;
  if (rows > 0) await onCurrent(scratches, (database) => fill(database, options));
  const isUndoable = migration.up.isTransactional;
  const current = scratches.at(-1);
  const copy = rows > 0 && !isUndoable && current ? await server.createDatabase(current.name) : undefined;
  try {
    return await onCurrent(scratches, (database) => traceMigration(database, migration, options));
  } catch (error) {
    if (rows === 0 || !isBrokenByRows(error)) throw error;
    if (copy) scratches.push(copy);
    const emptied = `made-up rows do not fit it: ${messageOf(causeOf(error))}`;
    await onCurrent(scratches, (database) => empty(database, options));
    return { ...(await onCurrent(scratches, (database) => traceMigration(database, migration, options))), emptied };
  } finally {
    if (copy && scratches.at(-1) !== copy) await copy[Symbol.asyncDispose]();
  }
}

async function fill(database: Database, { rows, filled, told, touched }: OneTrace): Promise<void> {
  await using connection = await database.connect();
  const isWanted = await findTouched(connection, touched);
  await fillTables(connection, { rows, done: filled, isWanted });
  for (const [oid, table] of filled) told.set(oid, table);
}

async function empty(database: Database, { filled }: OneTrace): Promise<void> {
  await using connection = await database.connect();
  await emptyTables(connection, filled);
  filled.clear();
}

/** SQLSTATE classes 22 and 23: values that do not convert, and rows against a constraint. */
function isBrokenByRows(error: unknown): boolean {
  return /^2[23]/.test(codeOf(causeOf(error)) ?? "");
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
