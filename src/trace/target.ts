import { messageOf, RoomctlError } from "../core/errors.js";
import type { ParsedStatement } from "../db/parse.js";
import type { Connection, Database } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import type { ParsedMigration } from "../migrate/build.js";
import { reasonNotToRun } from "./migration.js";
import type { MigrationTrace } from "./model.js";
import { traceTransaction } from "./run.js";
import { readRelations } from "./state.js";

export interface TargetTraceOptions {
  /** How long to wait for each lock; at most a second. */
  readonly lockTimeoutMs: number;
  /** How long the whole transaction may take: nobody waits for us any longer. */
  readonly timeoutMs: number;
}

const longestLockWaitMs = 1000;

/** Throws E_PROTECTED when one of them cannot be rolled back. */
export function assertRollsBack(pending: readonly ParsedMigration[]): void {
  const alone = pending.find(({ up }) => !up.isTransactional);
  if (alone === undefined) return;
  throw new RoomctlError(
    "E_PROTECTED",
    `${alone.file.name} does not run in a transaction, so nothing could take it back on the target`,
    { hint: "trace it on a scratch server: roomctl migrate trace" },
  );
}

/**
 * Runs migrations on the target itself, all in one transaction that is rolled back. The locks are real while it lasts,
 * and no longer than `timeoutMs`. What a rollback does not take back stays: sequences move on.
 * Throws E_LOCK_TIMEOUT, or E_MIGRATION_FAILED with file, line and column; nothing is kept then either.
 */
export async function traceOnTarget(
  database: Database,
  pending: readonly ParsedMigration[],
  options: TargetTraceOptions,
): Promise<readonly MigrationTrace[]> {
  assertRollsBack(pending);
  const connection = await database.connect();
  try {
    await connection.execute("BEGIN");
    return await traceAll(connection, pending, options);
  } catch (error) {
    throw explain(error, options);
  } finally {
    await rollBack(connection);
  }
}

async function traceAll(
  connection: Connection,
  pending: readonly ParsedMigration[],
  options: TargetTraceOptions,
): Promise<readonly MigrationTrace[]> {
  const deadlineMs = performance.now() + options.timeoutMs;
  const beforeStatement = () => boundStatement(connection, options, deadlineMs);
  await beforeStatement();
  const first = await readRelations(connection, "transaction");
  const traces: MigrationTrace[] = [];
  for (const migration of pending) {
    const { file, up } = migration;
    const startedMs = performance.now();
    const whyNotRun = (statement: ParsedStatement) => reasonNotToRun(statement, true);
    const run = { connection, first, beforeStatement, whyNotRun };
    const end = async () => {};
    const trace = await traceTransaction(run, migration, { statements: up.statements, end });
    const durationMs = performance.now() - startedMs;
    traces.push({ name: file.name, path: up.path, isTransactional: true, durationMs, ...trace, emptied: null });
  }
  return traces;
}

/** Before each statement, since a migration may set limits of its own. A limit of 0 would be none. */
async function boundStatement(
  connection: Connection,
  { lockTimeoutMs, timeoutMs }: TargetTraceOptions,
  deadlineMs: number,
): Promise<void> {
  const leftMs = Math.max(1, Math.floor(deadlineMs - performance.now()));
  const lockMs = lockTimeoutMs > 0 ? Math.min(lockTimeoutMs, longestLockWaitMs) : longestLockWaitMs;
  await connection.query(
    `SELECT pg_catalog.set_config('lock_timeout', $1, true), pg_catalog.set_config('statement_timeout', $2, true),
            pg_catalog.set_config('idle_in_transaction_session_timeout', $3, true),
            pg_catalog.set_config('max_parallel_workers_per_gather', '0', true),
            pg_catalog.set_config('max_parallel_maintenance_workers', '0', true)`,
    [`${Math.min(lockMs, leftMs)}ms`, `${leftMs}ms`, `${timeoutMs}ms`],
  );
}

async function rollBack(connection: Connection): Promise<void> {
  try {
    await connection.execute("ROLLBACK");
  } catch {
    // Interrupted, or the session is gone: when it ends, so does its transaction.
  } finally {
    connection.discard();
  }
}

function explain(error: unknown, { timeoutMs }: TargetTraceOptions): unknown {
  const cause = error instanceof RoomctlError ? error.cause : error;
  if (codeOf(cause) === sqlstate.lockNotAvailable) {
    return new RoomctlError("E_LOCK_TIMEOUT", messageOf(error), {
      hint: "a trace on the target waits a second at most, whatever --lock-timeout says: try again when the holder is done, or trace on a scratch server: roomctl migrate trace",
      cause,
    });
  }
  if (codeOf(cause) !== sqlstate.queryCanceled) return error;
  return new RoomctlError("E_LOCK_TIMEOUT", `the migrations did not end on the target within ${timeoutMs} ms`, {
    hint: "everything was rolled back; trace them on a scratch server: roomctl migrate trace",
    cause,
  });
}
