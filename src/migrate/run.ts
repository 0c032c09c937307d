import { systemClock } from "../core/clock.js";
import { formatDuration } from "../core/duration.js";
import { type RetryOptions, retry } from "../core/retry.js";
import { statementFailure } from "../db/failure.js";
import type { HeldLock } from "../db/lock.js";
import type { Connection, Database } from "../db/pool.js";
import { isLockConflict } from "../db/sqlstate.js";
import { executeMigration, fileOf } from "./execute.js";
import { describeFailure, type MigrationFailure } from "./failure.js";
import { type MigrationFile, requireFile } from "./files.js";
import { finishRun, startRun } from "./history.js";
import type { PlannedMigration } from "./plan.js";
import type { SqlStatement } from "./statements.js";

/** What became of one planned migration. */
interface MigrationOutcome {
  readonly name: string;
  readonly path: string;
  readonly state: "done" | "failed" | "skipped";
  /** Tries of this run; more than one when locks did not come in time. */
  readonly tries: number;
  readonly durationMs: number;
  readonly reason: string | null;
}

export interface RunResult {
  readonly steps: readonly MigrationOutcome[];
  /** Why the run ended early; what was done before stays. */
  readonly failure: MigrationFailure | null;
}

export interface RunOptions {
  readonly lockWaitMs: number;
  /** How often a migration is tried that does not get its locks in time or is picked as a deadlock's victim; 5 unless told. */
  readonly attempts?: number;
  /** Pause after the first such try, doubled after each; 500 ms unless told. */
  readonly retryDelayMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

export interface Run extends RunOptions {
  readonly direction: "up" | "down";
  readonly files: readonly MigrationFile[];
  readonly steps: readonly PlannedMigration[];
  readonly lock: HeldLock;
  /** Runs in each migration's transaction, before its first statement. */
  readonly beforeStatements?: (name: string, connection: Connection) => Promise<void>;
  /** Runs in each migration's transaction, after its last statement. */
  readonly afterStatements?: (name: string, connection: Connection) => Promise<void>;
}

/**
 * Runs migrations one after the other, each in a transaction of its own, until one fails. Needs roomctl's own tables.
 * Throws what is not a migration's fault (a lost session, an abort), unless some were done: then they are told with it.
 */
export async function runMigrations(database: Database, run: Run): Promise<RunResult> {
  const outcomes: MigrationOutcome[] = [];
  let failure: MigrationFailure | null = null;
  for (const step of run.steps) {
    if (failure) {
      const reason = `${failure.migration} failed before it`;
      outcomes.push({ name: step.name, path: step.path, state: "skipped", tries: 0, durationMs: 0, reason });
      continue;
    }
    const outcome = await runOne(database, run, step).catch((error: unknown) => {
      if (run.signal?.aborted || outcomes.length === 0) throw error;
      return notStarted(run, step, error);
    });
    failure = outcome.failure;
    outcomes.push(outcome.step);
  }
  return { steps: outcomes, failure };
}

interface Ran {
  readonly step: MigrationOutcome;
  readonly failure: MigrationFailure | null;
}

async function runOne(database: Database, run: Run, step: PlannedMigration): Promise<Ran> {
  await run.lock.assertHeld();
  const startedMs = systemClock.monotonicMs();
  const latest: Try = { tries: 0, failure: null };
  try {
    await retry(retryOptions(run, step), (attempt) => tryOnce(database, run, { step, attempt, latest }));
  } catch (error) {
    // Without a failure of its own, the error is not the migration's: our log or the session is in trouble.
    if (run.signal?.aborted || latest.failure === null) throw error;
  }
  const { tries, failure } = latest;
  const durationMs = Math.round(systemClock.monotonicMs() - startedMs);
  const state = failure ? "failed" : "done";
  return {
    step: { name: step.name, path: step.path, state, tries, durationMs, reason: failure?.why ?? null },
    failure,
  };
}

function notStarted(run: Run, { name, path }: PlannedMigration, error: unknown): Ran {
  const migration = requireFile(run.files, name);
  const file = fileOf(migration, run.direction) ?? migration.up;
  const failure = describeFailure(statementFailure(error), { migration: name, file });
  return { step: { name, path, state: "failed", tries: 0, durationMs: 0, reason: failure.why }, failure };
}

interface Try {
  tries: number;
  failure: MigrationFailure | null;
}

interface Attempt {
  readonly step: PlannedMigration;
  readonly attempt: number;
  readonly latest: Try;
}

async function tryOnce(database: Database, run: Run, { step, attempt, latest }: Attempt): Promise<void> {
  const { direction } = run;
  const migration = requireFile(run.files, step.name);
  latest.tries = attempt;
  latest.failure = null;
  const id = await startRun(database, {
    name: step.name,
    direction,
    checksum: step.checksum,
    attempt: step.attempt + attempt - 1,
  });
  let current: SqlStatement | undefined;
  try {
    await executeMigration(database, {
      migration,
      direction,
      waitMs: run.lockWaitMs,
      signal: run.signal,
      beforeStatements: async (connection) => run.beforeStatements?.(step.name, connection),
      afterStatements: async (connection) => run.afterStatements?.(step.name, connection),
      onStatement: (statement, index, total) => {
        current = statement;
        run.onProgress?.({ message: `${direction} ${step.name}`, done: index, total });
      },
    });
  } catch (error) {
    run.signal?.throwIfAborted();
    const file = fileOf(migration, direction) ?? migration.up;
    latest.failure = describeFailure(error, { migration: step.name, file, statement: current });
    await noteFailure(database, id, latest.failure);
    throw error;
  }
  await noteDone(database, id);
}

async function noteDone(database: Database, id: string): Promise<void> {
  try {
    await finishRun(database, id);
  } catch {
    // The migration is committed all the same; its run stays 'running' and the next migrator settles it.
  }
}

async function noteFailure(database: Database, id: string, failure: MigrationFailure): Promise<void> {
  try {
    await finishRun(database, id, failure.why);
  } catch {
    // The failure itself is what to report; its run stays 'running' and the next migrator settles it.
  }
}

function retryOptions(run: Run, step: PlannedMigration): RetryOptions {
  return {
    attempts: run.attempts ?? 5,
    firstDelayMs: run.retryDelayMs ?? 500,
    maxDelayMs: 10_000,
    isRetryable: isLockConflict,
    signal: run.signal,
    onRetry: (_error, attempt, delayMs) =>
      run.onProgress?.({ message: `${step.name} waits for locks: try ${attempt + 1} in ${formatDuration(delayMs)}` }),
  };
}
