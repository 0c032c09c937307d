import type { Database } from "../db/pool.js";
import { executeMigration } from "./execute.js";
import { describeFailure, type MigrationFailure } from "./failure.js";
import type { Parser } from "./parse.js";
import type { PlannedMigration } from "./plan.js";
import type { Run } from "./run.js";
import { failRun, type Progress, startRun } from "./run-log.js";
import type { Script } from "./script.js";
import type { SqlStatement } from "./statements.js";
import type { WorkerKeeper } from "./worker.js";

/** What the tries of all migrations of a run share. */
export interface Work {
  readonly database: Database;
  readonly run: Run;
  readonly workers: WorkerKeeper;
  readonly parser: Parser;
}

/** What is known after the latest try of one migration. */
export interface Try {
  tries: number;
  failure: MigrationFailure | null;
  progress: Progress;
}

export interface Attempt {
  readonly step: PlannedMigration;
  readonly script: Script;
  readonly attempt: number;
  readonly latest: Try;
}

/** Tries one migration once, from where the try before it ended. What went wrong is in `latest` and thrown. */
export async function tryOnce(work: Work, { step, script, attempt, latest }: Attempt): Promise<void> {
  const { database, run, workers, parser } = work;
  const { direction, signal, onProgress } = run;
  latest.tries = attempt;
  latest.failure = null;
  const worker = await workers.use();
  await worker.prepare(script);
  const started = startRun(worker.connection, {
    name: step.name,
    direction,
    checksum: step.checksum,
    attempt: step.attempt + attempt - 1,
    isTransactional: script.isTransactional,
    statements: script.statements.length,
    progress: latest.progress,
  });
  // At the same time: the lock is held by another session.
  await Promise.all([started, run.lock.assertHeld()]);
  let current: { readonly statement: SqlStatement; readonly number: number } | undefined;
  const tell = (message: string) => onProgress?.({ message: `${direction} ${step.name}: ${message}` });
  try {
    await executeMigration({
      database,
      worker,
      parser,
      migration: step.name,
      direction,
      script,
      progress: latest.progress,
      onProgress: (progress) => {
        latest.progress = progress;
      },
      beforeStatements: run.beforeStatements && ((connection) => run.beforeStatements?.(step.name, connection) ?? done),
      afterStatements: async (connection) => run.afterStatements?.(step.name, connection),
      onStatement: (statement, index, total) => {
        current = { statement, number: index + 1 };
        onProgress?.({ message: `${direction} ${step.name}`, done: index, total });
      },
      onWait: tell,
    });
  } catch (error) {
    await workers.drop();
    signal?.throwIfAborted();
    latest.failure = describeFailure(error, {
      migration: step.name,
      file: script,
      statement: current?.statement,
      ...(script.isTransactional ? {} : { kept: latest.progress.statementsDone }),
    });
    await noteFailure(database, step.name, { why: latest.failure.why, statement: current?.number ?? 0 });
    throw error;
  }
}

const done = Promise.resolve();

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
