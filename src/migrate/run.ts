import { systemClock } from "../core/clock.js";
import { formatDuration } from "../core/duration.js";
import { messageOf, RoomctlError } from "../core/errors.js";
import { type RetryOptions, retry } from "../core/retry.js";
import { statementFailure } from "../db/failure.js";
import type { HeldLock } from "../db/lock.js";
import { loadParser } from "../db/parse.js";
import type { Connection, Database } from "../db/pool.js";
import { readSchemaSnapshot, schemaFingerprint } from "../db/snapshot.js";
import { isLockConflict } from "../db/sqlstate.js";
import { failedAt, type Try, tryOnce, type Work } from "./attempt.js";
import { partOf } from "./execute.js";
import { describeFailure, describeInterruption, type MigrationFailure } from "./failure.js";
import { type MigrationFile, requireFile } from "./files.js";
import type { PlannedMigration } from "./plan.js";
import { noteFingerprint } from "./run-log.js";
import { assertKeepsEncoding, assertNoOwnControl, parseScript, type Script } from "./script.js";
import { keepWorker, type WorkerKeeper } from "./worker.js";

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
  /** Of the app's schema after the last migration; null when none was done, or it could not be read. */
  readonly schemaFingerprint: string | null;
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
  /** Half of a redo: what undoes notes that applying it again is to follow. */
  readonly isRedo?: boolean;
  readonly files: readonly MigrationFile[];
  readonly steps: readonly PlannedMigration[];
  readonly lock: HeldLock;
  /** The caller's, opened before it planned; one of its own otherwise. */
  readonly workers?: WorkerKeeper;
  /** Runs in each migration's transaction, before its first statement; outside of one, in a transaction of its own. */
  readonly beforeStatements?: (name: string, connection: Connection) => Promise<void>;
  /** Runs in each migration's transaction, after its last statement. */
  readonly afterStatements?: (name: string, connection: Connection) => Promise<void>;
}

/**
 * Runs migrations one after the other, each in a transaction of its own where it can be, until one fails. Needs roomctl's
 * own tables. Throws what is not a migration's fault (a lost session), unless some were done: then they are told with it.
 * An abort for a reason in roomctl's words (E_INTERRUPTED) is told as the failure of the migration that was under way; any
 * other reason is thrown as it is.
 */
export async function runMigrations(database: Database, run: Run): Promise<RunResult> {
  await using workers = run.workers ?? keepWorker(database, { waitMs: run.lockWaitMs, signal: run.signal });
  const work: Work = { database, run, workers, parser: await loadParser(), begun: undefined };
  const outcomes: MigrationOutcome[] = [];
  let failure: MigrationFailure | null = null;
  let lastDone: string | undefined;
  for (const [index, step] of run.steps.entries()) {
    if (failure) {
      const reason = `${failure.migration} ${run.signal?.aborted ? "was stopped" : "failed"} before it`;
      outcomes.push({ name: step.name, path: step.path, state: "skipped", tries: 0, durationMs: 0, reason });
      continue;
    }
    const outcome = await runOne(work, step, run.steps[index + 1]).catch((error: unknown) => {
      if (run.signal?.aborted || outcomes.length === 0) throw error;
      return notStarted(run, step, error);
    });
    failure = outcome.failure;
    lastDone = failure ? lastDone : step.name;
    outcomes.push(outcome.step);
  }
  return { steps: outcomes, failure, schemaFingerprint: await keepFingerprint(work, lastDone) };
}

interface Ran {
  readonly step: MigrationOutcome;
  readonly failure: MigrationFailure | null;
}

async function runOne(work: Work, step: PlannedMigration, following: PlannedMigration | undefined): Promise<Ran> {
  const { run } = work;
  const startedMs = systemClock.monotonicMs();
  const script = scriptOf(work, step);
  assertNoOwnControl(script);
  assertKeepsEncoding(script);
  const next = () => following && { step: following, script: scriptOf(work, following) };
  const latest: Try = { tries: 0, failure: null, progress: step.progress, at: null };
  try {
    await retry(retryOptions(run, step), (attempt) => tryOnce(work, { step, script, attempt, latest, next }));
  } catch (error) {
    const reason: unknown = run.signal?.aborted ? run.signal.reason : undefined;
    if (reason instanceof RoomctlError)
      latest.failure = describeInterruption(reason, { ...failedAt(step, script, latest), hint: commandToGoOn(run) });
    // Without a failure of its own, the error is not the migration's: our log or the session is in trouble.
    else if (run.signal?.aborted || latest.failure === null) throw error;
  }
  const { tries, failure } = latest;
  const durationMs = Math.round(systemClock.monotonicMs() - startedMs);
  const state = failure ? "failed" : "done";
  return {
    step: { name: step.name, path: step.path, state, tries, durationMs, reason: failure?.why ?? null },
    failure,
  };
}

function commandToGoOn({ direction, isRedo }: Run): string {
  if (isRedo && direction === "down") return "begin it again with: roomctl migrate redo";
  return direction === "up" ? "go on with: roomctl migrate" : "go on with: roomctl migrate down";
}

function scriptOf({ run, parser }: Work, { name, isTransactional }: PlannedMigration): Script {
  const script = parseScript(parser, partOf(requireFile(run.files, name), run.direction));
  // What an earlier try did outside of a transaction is done: the rest goes on there, whatever the file holds now.
  return isTransactional ? script : { ...script, isTransactional: false };
}

function notStarted(run: Run, { name, path }: PlannedMigration, error: unknown): Ran {
  const file = partOf(requireFile(run.files, name), run.direction);
  const failure = describeFailure(statementFailure(error), { migration: name, file });
  return {
    step: { name, path, state: "failed", tries: 0, durationMs: 0, reason: failure.why },
    failure,
  };
}

/** Keeps with the last run what the schema is now. The migrations are committed whether that can be read or not. */
async function keepFingerprint({ database, run, workers }: Work, lastDone: string | undefined): Promise<string | null> {
  if (lastDone === undefined || run.signal?.aborted) return null;
  try {
    await workers.drop();
    const fingerprint = schemaFingerprint(await readSchemaSnapshot(database));
    await noteFingerprint(database, lastDone, fingerprint);
    return fingerprint;
  } catch (error) {
    run.onProgress?.({ message: `the schema's fingerprint could not be kept: ${messageOf(error)}` });
    return null;
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
