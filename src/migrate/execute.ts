import type { Parser } from "../db/parse.js";
import type { Connection, Database } from "../db/pool.js";
import type { SqlStatement } from "../db/statements.js";
import { watchBuild } from "./build-watch.js";
import type { MigrationFile } from "./files.js";
import type { SqlText } from "./layout.js";
import { type OutsideRun, runOutside } from "./outside.js";
import { type FinishedRun, finishRun, type NewRun, type Progress } from "./run-log.js";
import type { Script } from "./script.js";
import { mayLeaveState } from "./session-state.js";
import type { Worker } from "./worker.js";

export interface Execution {
  readonly database: Database;
  /** Of the run that is noted. */
  readonly runId: string;
  readonly worker: Worker;
  readonly parser: Parser;
  readonly migration: string;
  readonly direction: "up" | "down";
  readonly script: Script;
  /** What an earlier try left done, outside of a transaction; `onProgress` tells what this one adds. */
  readonly progress: Progress;
  readonly onProgress?: (progress: Progress) => void;
  /** Runs in the migration's transaction, before its first statement; outside of one, in a transaction of its own. */
  readonly beforeStatements?: (connection: Connection) => Promise<void>;
  /** Runs in the migration's transaction, after its last statement. */
  readonly afterStatements?: (connection: Connection) => Promise<void>;
  /** What to note and begin with the end of this one; for a script in a transaction only. */
  readonly next?: () => NewRun | undefined;
  /** Called as each statement of the file starts. */
  readonly onStatement?: (statement: SqlStatement, index: number, total: number) => void;
  /** Called when the last statement is done, before the notes and COMMIT. */
  readonly onFinishing?: () => void;
  /** Called once the first statement is on its way, and the server at work. */
  readonly onFirstSent?: () => void;
  /** Told every few seconds how far the build of an index is, and whom it waits for. */
  readonly onWait?: (message: string) => void;
}

/**
 * Runs one script whose run is noted, and notes it in `roomctl.migrations`: in one transaction, which is begun already, or
 * statement by statement where it cannot be. The table is node-pg-migrate's, so that its own runner could go on with it;
 * it is no part of ours, since it can neither resume nor tell where a file failed. Returns the id of the run of `next`.
 */
export async function executeMigration(execution: Execution): Promise<string> {
  return execution.script.isTransactional ? await runInside(execution) : await runOutsideEach(execution);
}

/** The part that a direction runs. */
export function partOf(migration: MigrationFile, direction: "up" | "down"): SqlText {
  return (direction === "up" ? migration.up : migration.down) ?? migration.up;
}

async function runInside(execution: Execution): Promise<string> {
  const { script, worker, next } = execution;
  const { connection } = worker;
  await execution.beforeStatements?.(connection);
  for (const [index, statement] of script.statements.entries()) {
    execution.onStatement?.(statement, index, script.statements.length);
    const answer = connection.query(statement.text);
    if (index === 0) execution.onFirstSent?.();
    await answer;
  }
  await execution.afterStatements?.(connection);
  execution.onFinishing?.();
  return await finishRun(connection, finishedRun(execution), next?.());
}

async function runOutsideEach(execution: Execution): Promise<string> {
  const { script, parser, worker, migration, progress } = execution;
  const { connection, lockTimeout } = worker;
  const run: OutsideRun = { connection, lockTimeout, migration, script, parser, progress };
  await checkBefore(execution);
  for (const [index, statement] of script.statements.entries()) {
    execution.onStatement?.(statement, index, script.statements.length);
    try {
      await watchBuild(execution, () => runOutside(run, index));
    } finally {
      execution.onProgress?.(run.progress);
    }
  }
  execution.onFinishing?.();
  return await finishRun(connection, finishedRun(execution));
}

function finishedRun({ runId: id, migration: name, direction, script }: Execution): FinishedRun {
  return { id, name, direction, isTransactional: script.isTransactional, mayLeaveState: mayLeaveState(script) };
}

async function checkBefore({ worker, beforeStatements }: Execution): Promise<void> {
  if (beforeStatements === undefined) return;
  await worker.connection.execute("BEGIN");
  await beforeStatements(worker.connection);
  await worker.connection.execute("ROLLBACK");
}
