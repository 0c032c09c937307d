import { type HeldLock, withLock } from "../db/lock.js";
import { type Environment, writeMarker } from "../db/marker.js";
import { ensureOwnSchema } from "../db/own-schema.js";
import type { Database } from "../db/pool.js";
import { withTransaction } from "../db/transaction.js";
import { type MigrationFile, readMigrationFiles } from "./files.js";
import type { MigrationFinding } from "./findings.js";
import { readHistory } from "./history.js";
import { type MarkOptions, planMark } from "./mark.js";
import { assertRunnable, planRun, type UpPlan, type UpRange } from "./plan.js";
import { type RunOptions, type RunResult, runMigrations } from "./run.js";
import { settleInterruptedRuns } from "./run-log.js";
import { keepWorker } from "./worker.js";

export interface ApplyOptions extends UpRange, RunOptions, MarkOptions {
  readonly directory: string;
}

export interface ApplyResult extends RunResult {
  readonly direction: "up";
  readonly findings: readonly MigrationFinding[];
  /** Set when this run marked the database. */
  readonly markedAs: Environment | null;
  readonly notes: readonly string[];
}

/**
 * Applies what is pending, in order, each migration in its own transaction under roomctl's lock. Two at once both
 * succeed: the second plans again once it has the lock, and finds nothing left. With nothing pending it only reads.
 * Throws E_MIGRATION_EDITED, E_MIGRATION_ORDER, E_USAGE, E_UNKNOWN_MIGRATION, E_LOCKED; a migration that fails is in the result.
 */
export async function applyMigrations(database: Database, options: ApplyOptions): Promise<ApplyResult> {
  const files = readMigrationFiles(options.directory);
  const plan = await planRunnable(database, files, options);
  if (plan.steps.length === 0) return nothingToDo(plan);
  return withLock(
    database,
    "change",
    {
      waitMs: options.lockWaitMs,
      signal: options.signal,
      onWait: () => options.onProgress?.({ message: "waiting for another roomctl run to end" }),
    },
    (lock) => applyUnderLock(database, { files, options, lock }),
  );
}

/** What may run of what is planned. */
async function planRunnable(
  database: Database,
  files: readonly MigrationFile[],
  options: ApplyOptions,
): Promise<UpPlan> {
  const plan = await planRun(database, files, options);
  assertRunnable(plan);
  return plan;
}

function nothingToDo({ findings }: UpPlan): ApplyResult {
  return { direction: "up", steps: [], failure: null, schemaFingerprint: null, findings, markedAs: null, notes: [] };
}

interface Locked {
  readonly files: readonly MigrationFile[];
  readonly options: ApplyOptions;
  readonly lock: HeldLock;
}

async function applyUnderLock(database: Database, { files, options, lock }: Locked): Promise<ApplyResult> {
  const prepared = await prepareDatabase(database, options);
  // Of a migrator whose lock was lost, the session may still be at work: what it commits must be in the plan.
  await using workers = keepWorker(database, { waitMs: options.lockWaitMs, signal: options.signal });
  await workers.use();
  await settleInterruptedRuns(database);
  const { steps, findings } = await planRunnable(database, files, options);
  const { signal, lockWaitMs, attempts, retryDelayMs, onProgress } = options;
  const run = {
    direction: "up",
    files,
    steps,
    lock,
    workers,
    signal,
    lockWaitMs,
    attempts,
    retryDelayMs,
    onProgress,
  } as const;
  const result = await runMigrations(database, run);
  const done = new Set(result.steps.flatMap(({ name, state }) => (state === "done" ? [name] : [])));
  // An interrupted redo of what is applied by now has come to its end.
  const left = findings.filter(({ kind, migration }) => kind !== "interrupted" || !done.has(migration));
  return { direction: "up", ...result, findings: left, ...prepared };
}

/** Makes roomctl's own tables, and marks the database if it is to be. */
async function prepareDatabase(
  database: Database,
  options: ApplyOptions,
): Promise<Pick<ApplyResult, "markedAs" | "notes">> {
  const isFirst = (await readHistory(database)).records.length === 0;
  return withTransaction(database, {}, async (connection) => {
    const mark = isFirst ? await planMark(connection, options) : undefined;
    await ensureOwnSchema(connection);
    if (!mark) return { markedAs: null, notes: [] };
    const { environment, origin, notes } = mark;
    if (environment !== null) await writeMarker(connection, environment, origin);
    return { markedAs: environment, notes };
  });
}
