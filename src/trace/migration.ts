import type { Connection, Database } from "../db/pool.js";
import type { ParsedMigration } from "../migrate/build.js";
import type { ParsedStatement, Parser } from "../migrate/parse.js";
import { changesServer, reachesOtherServers } from "../migrate/reach.js";
import { needsNoTransaction } from "../migrate/transaction-mode.js";
import type { HeldLock, MigrationTrace, StatementTrace } from "./model.js";
import { traceTransaction } from "./run.js";
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
  const trace = up.isTransactional
    ? await traceCommitted(connection, migration, { ...options, statements: up.statements })
    : { statements: await traceSeparately(database, connection, migration, options), held: [] };
  await connection.reset();
  const durationMs = performance.now() - startedMs;
  return { name: file.name, path: up.path, isTransactional: up.isTransactional, durationMs, ...trace, emptied: null };
}

interface Committed {
  readonly first: Relations;
  readonly statements: readonly ParsedStatement[];
}

async function traceCommitted(
  connection: Connection,
  migration: ParsedMigration,
  { first, statements }: Committed,
): Promise<{ readonly statements: readonly StatementTrace[]; readonly held: readonly HeldLock[] }> {
  await connection.execute("BEGIN");
  try {
    const end = async () => {
      await connection.execute("COMMIT");
    };
    return await traceTransaction({ connection, first }, migration, { statements, end });
  } catch (error) {
    await connection.execute("ROLLBACK");
    throw error;
  }
}

/** A statement that may run in a transaction gets one to itself: its locks can then be read instead of sampled. */
async function traceSeparately(
  database: Database,
  connection: Connection,
  migration: ParsedMigration,
  { parser, first, isSharedServer }: MigrationTraceOptions,
): Promise<readonly StatementTrace[]> {
  await using observer = await database.connect();
  const traces: StatementTrace[] = [];
  for (const statement of migration.up.statements) {
    const notRun = reasonNotToRun(statement, isSharedServer);
    if (notRun !== null) traces.push(notTraced(statement, notRun));
    else if (needsNoTransaction(statement, parser)) {
      traces.push(await traceSampled({ connection, observer, first }, migration, statement));
    } else {
      traces.push(...(await traceCommitted(connection, migration, { first, statements: [statement] })).statements);
    }
  }
  return traces;
}

function reasonNotToRun(statement: ParsedStatement, isSharedServer: boolean): string | null {
  if (reachesOtherServers(statement)) return "it would reach another server";
  return isSharedServer && changesServer(statement) ? "it would change the server of --scratch-url" : null;
}

function notTraced({ line, text }: ParsedStatement, notRun: string): StatementTrace {
  const nothing = { locks: [], stillHeld: [], rewrites: [], scans: [], indexBuilds: [], samples: null };
  return { line, text, durationMs: 0, ...nothing, notRun };
}
