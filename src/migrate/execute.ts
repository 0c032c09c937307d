import type { Connection, Database } from "../db/pool.js";
import { watchBuild } from "./build-watch.js";
import type { MigrationFile } from "./files.js";
import type { SqlText } from "./layout.js";
import { type OutsideRun, runOutside } from "./outside.js";
import type { Parser } from "./parse.js";
import { type FinishedRun, finishRun, type Progress } from "./run-log.js";
import type { Script } from "./script.js";
import { mayLeaveState } from "./session-state.js";
import type { SqlStatement } from "./statements.js";
import type { Worker } from "./worker.js";

export interface Execution {
  readonly database: Database;
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
  /** Called as each statement of the file starts. */
  readonly onStatement?: (statement: SqlStatement, index: number, total: number) => void;
  /** Told every few seconds how far the build of an index is, and whom it waits for. */
  readonly onWait?: (message: string) => void;
}

/**
 * Runs one script and notes it in `roomctl.migrations`: in one transaction, or statement by statement where it cannot be.
 * node-pg-migrate decides what comes when; each of its steps is done by us, so that it can be observed and resumed.
 */
export async function executeMigration(execution: Execution): Promise<void> {
  const { direction, script } = execution;
  const { Migration } = await import("node-pg-migrate");
  const steps = script.isTransactional ? stepsInside(execution) : stepsOutside(execution);
  let next = 0;
  const query = async () => {
    await steps[next]?.();
    next += 1;
    return { rows: [] };
  };
  const act = (builder: MigrationSteps) => {
    if (!script.isTransactional) builder.noTransaction();
    // One step for all statements: node-pg-migrate copies its list with each, which takes minutes for fifty thousand.
    builder.sql("SELECT 1");
  };
  // Two functions: given one for both, node-pg-migrate would try to invert it.
  const actions = { up: act, down: (builder: MigrationSteps) => act(builder) };
  const options = { databaseUrl: "", dir: "", direction, migrationsTable: "migrations", migrationsSchema: "roomctl" };
  const driver = Object.create(noDriver, { query: { value: query } });
  await new Migration(driver, "migration.sql", actions, options, undefined, silence).apply(direction);
}

/** The part that a direction runs. */
export function partOf(migration: MigrationFile, direction: "up" | "down"): SqlText {
  return (direction === "up" ? migration.up : migration.down) ?? migration.up;
}

type Step = () => Promise<unknown>;

function stepsInside(execution: Execution): readonly Step[] {
  const { script, worker } = execution;
  const { connection } = worker;
  const finished = finishedRun(execution);
  return [
    // BEGIN and COMMIT come with the notes before and after: two round trips less for each migration.
    async () => execution.beforeStatements?.(connection),
    async () => {
      for (const [index, statement] of script.statements.entries()) {
        execution.onStatement?.(statement, index, script.statements.length);
        await connection.query(statement.text);
      }
    },
    async () => {
      await execution.afterStatements?.(connection);
      await finishRun(connection, finished);
    },
  ];
}

function stepsOutside(execution: Execution): readonly Step[] {
  const { script, parser, worker, migration } = execution;
  const { connection, lockTimeout } = worker;
  const finished = finishedRun(execution);
  const run: OutsideRun = { connection, lockTimeout, migration, script, parser, progress: execution.progress };
  return [
    async () => {
      await checkBefore(execution);
      for (const [index, statement] of script.statements.entries()) {
        execution.onStatement?.(statement, index, script.statements.length);
        try {
          await watchBuild(execution, () => runOutside(run, index));
        } finally {
          execution.onProgress?.(run.progress);
        }
      }
    },
    () => finishRun(connection, finished),
  ];
}

function finishedRun({ migration: name, direction, script }: Execution): FinishedRun {
  return { name, direction, isTransactional: script.isTransactional, mayLeaveState: mayLeaveState(script) };
}

async function checkBefore({ worker, beforeStatements }: Execution): Promise<void> {
  if (beforeStatements === undefined) return;
  await worker.connection.execute("BEGIN");
  await beforeStatements(worker.connection);
  await worker.connection.execute("ROLLBACK");
}

/** What this file uses of node-pg-migrate's builder. */
interface MigrationSteps {
  noTransaction(): void;
  sql(statement: string): void;
}

const nothing = async () => [];
const ignore = () => {};
/** node-pg-migrate's idea of a connection; of these it calls `query` only. */
const noDriver = {
  createConnection: async () => {},
  select: nothing,
  column: nothing,
  connected: () => true,
  addBeforeCloseListener: ignore,
  close: async () => {},
};
const silence = { debug: ignore, info: ignore, warn: ignore, error: ignore };
