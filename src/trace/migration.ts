import type { ParsedStatement, Parser } from "../db/parse.js";
import type { Database } from "../db/pool.js";
import type { ParsedMigration } from "../migrate/build.js";
import { changesServer, reachesOtherServers } from "../migrate/reach.js";
import { needsNoTransaction } from "../migrate/transaction-mode.js";
import type { HeldLock, MigrationTrace, StatementTrace } from "./model.js";
import { notTraced, type TraceRun, traceTransaction } from "./run.js";
import { traceSampled } from "./sample.js";
import type { Relations } from "./state.js";

export interface MigrationTraceOptions {
  readonly parser: Parser;
  readonly first: Relations;
  readonly isSharedServer: boolean;
}

/** Runs one migration as a migrator would, on a database where nothing matters, and keeps what it made. */
export async function traceMigration(
  database: Database,
  migration: ParsedMigration,
  options: MigrationTraceOptions,
): Promise<MigrationTrace> {
  await using connection = await database.connect();
  // Rows that parallel workers read are not counted for the session.
  await connection.reset({ max_parallel_workers_per_gather: "0", max_parallel_maintenance_workers: "0" });
  const startedMs = performance.now();
  const { file, up } = migration;
  const { first, isSharedServer } = options;
  const run = { connection, first, whyNotRun: (one: ParsedStatement) => reasonNotToRun(one, isSharedServer) };
  const trace = up.isTransactional
    ? await traceCommitted(run, migration, up.statements)
    : { statements: await traceSeparately(database, run, migration, options.parser), held: [] };
  await connection.reset();
  const durationMs = performance.now() - startedMs;
  return { name: file.name, path: up.path, isTransactional: up.isTransactional, durationMs, ...trace, emptied: null };
}

async function traceCommitted(
  run: TraceRun,
  migration: ParsedMigration,
  statements: readonly ParsedStatement[],
): Promise<{ readonly statements: readonly StatementTrace[]; readonly held: readonly HeldLock[] }> {
  const { connection } = run;
  await connection.execute("BEGIN");
  try {
    const end = async () => {
      await connection.execute("COMMIT");
    };
    return await traceTransaction(run, migration, { statements, end });
  } catch (error) {
    // A session that is lost took it back by its end: the first error is the one to report.
    await connection.execute("ROLLBACK").catch(() => connection.discard());
    throw error;
  }
}

/** A statement that may run in a transaction gets one to itself: its locks can then be read instead of sampled. */
async function traceSeparately(
  database: Database,
  run: TraceRun,
  migration: ParsedMigration,
  parser: Parser,
): Promise<readonly StatementTrace[]> {
  await using observer = await database.connect();
  const traces: StatementTrace[] = [];
  for (const statement of migration.up.statements) {
    const notRun = run.whyNotRun(statement);
    if (notRun !== null) traces.push(notTraced(statement, notRun));
    else if (needsNoTransaction(statement, parser)) {
      traces.push(await traceSampled({ ...run, observer }, migration, statement));
    } else {
      traces.push(...(await traceCommitted(run, migration, [statement])).statements);
    }
  }
  return traces;
}

/** What must not happen even where nothing matters; null for everything else. */
export function reasonNotToRun(statement: ParsedStatement, isSharedServer: boolean): string | null {
  if (reachesOtherServers(statement)) return "it would reach another server";
  return isSharedServer && changesServer(statement) ? "it would change the server of --scratch-url" : null;
}
