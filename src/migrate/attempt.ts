import type { Parser } from "../db/parse.js";
import type { Database } from "../db/pool.js";
import type { SqlStatement } from "../db/statements.js";
import { executeMigration } from "./execute.js";
import { describeFailure, type FailedStatement, type MigrationFailure } from "./failure.js";
import type { PlannedMigration } from "./plan.js";
import type { Run } from "./run.js";
import { failRun, type NewRun, type Progress, startRun } from "./run-log.js";
import type { Script } from "./script.js";
import { mayLeaveState } from "./session-state.js";
import type { Worker, WorkerKeeper } from "./worker.js";

/** What the tries of all migrations of a run share. */
export interface Work {
  readonly database: Database;
  readonly run: Run;
  readonly workers: WorkerKeeper;
  readonly parser: Parser;
  /** The migration whose run is noted and begun already, with the end of the one before it; with that run's id. */
  begun: { readonly name: string; readonly runId: string } | undefined;
}

/** What is known after the latest try of one migration. */
export interface Try {
  tries: number;
  failure: MigrationFailure | null;
  progress: Progress;
  /** What it is at: a statement of the script, from 1, or the notes and COMMIT; null before the first. */
  at: { readonly statement: SqlStatement; readonly number: number } | "commit" | null;
}

export interface Attempt {
  readonly step: PlannedMigration;
  readonly script: Script;
  readonly attempt: number;
  readonly latest: Try;
  /** The one after it, parsed when it is asked for. */
  readonly next: () => { readonly step: PlannedMigration; readonly script: Script } | undefined;
}

/** Tries one migration once, from where the try before it ended. What went wrong is in `latest` and thrown. */
export async function tryOnce(work: Work, { step, script, attempt, latest, next }: Attempt): Promise<void> {
  const { database, run, workers, parser } = work;
  const { direction, onProgress } = run;
  latest.tries = attempt;
  latest.failure = null;
  latest.at = null;
  const worker = await workers.use();
  await run.lock.assertHeld();
  // A script that may leave something in the session has it made as new in between.
  const ahead = script.isTransactional && !mayLeaveState(script) ? next : () => undefined;
  const tell = (message: string) => onProgress?.({ message: `${direction} ${step.name}: ${message}` });
  try {
    const runId = await begin(work, worker, { step, script, attempt, latest });
    const nextRunId = await executeMigration({
      database,
      runId,
      worker,
      parser,
      migration: step.name,
      direction,
      script,
      next: () => {
        const following = ahead();
        return (
          following && newRun(run, following.step, { ...following, progress: following.step.progress, attempt: 1 })
        );
      },
      onFinishing: () => {
        latest.at = "commit";
      },
      // Parsed while the server works.
      onFirstSent: () => void ahead(),
      progress: latest.progress,
      onProgress: (progress) => {
        latest.progress = progress;
      },
      beforeStatements: run.beforeStatements && ((connection) => run.beforeStatements?.(step.name, connection) ?? done),
      afterStatements: async (connection) => run.afterStatements?.(step.name, connection),
      onStatement: (statement, index, total) => {
        latest.at = { statement, number: index + 1 };
        onProgress?.({ message: `${direction} ${step.name}`, done: index, total });
      },
      onWait: tell,
    });
    const following = ahead();
    work.begun = following && { name: following.step.name, runId: nextRunId };
  } catch (error) {
    await workers.drop();
    const failed = failedAt(step, script, latest);
    // A session that is told to stop takes no note: the run stays 'running', and the next migrator settles it.
    run.signal?.throwIfAborted();
    latest.failure = describeFailure(error, failed);
    await noteFailure(database, step.name, { why: latest.failure.why, statement: failed.number ?? 0 });
    throw error;
  }
}

/** Where a migration stands that did not come to its end. */
export function failedAt({ name }: PlannedMigration, script: Script, { at, progress }: Try): FailedStatement {
  return {
    migration: name,
    file: script,
    ...(at === null ? {} : at === "commit" ? { isFinishing: true } : at),
    ...(script.isTransactional ? {} : { kept: progress.statementsDone }),
  };
}

const done = Promise.resolve();

async function begin(
  work: Work,
  worker: Worker,
  { step, script, attempt, latest }: Omit<Attempt, "next">,
): Promise<string> {
  const begun = work.begun?.name === step.name && attempt === 1 ? work.begun.runId : undefined;
  work.begun = undefined;
  // Before one that is begun the session is as new: nothing is sent.
  await worker.prepare(script);
  return (
    begun ?? (await startRun(worker.connection, newRun(work.run, step, { script, attempt, progress: latest.progress })))
  );
}

function newRun(
  { direction, isRedo = false }: Run,
  { name, checksum, attempt: first }: PlannedMigration,
  { script, attempt, progress }: { readonly script: Script; readonly attempt: number; readonly progress: Progress },
): NewRun {
  return {
    name,
    direction,
    checksum,
    attempt: first + attempt - 1,
    isTransactional: script.isTransactional,
    isRedo: isRedo && direction === "down",
    statements: script.statements.length,
    progress,
  };
}

async function noteFailure(
  database: Database,
  name: string,
  { why, statement }: { readonly why: string; readonly statement: number },
): Promise<void> {
  try {
    await failRun(database, name, why, statement);
  } catch {
    // The failure itself is what to report; its run stays 'running' and the next migrator settles it.
  }
}
