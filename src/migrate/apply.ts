import { RoomctlError } from "../core/errors.js";
import { type HeldLock, withLock } from "../db/lock.js";
import { type Environment, readMarker, writeMarker } from "../db/marker.js";
import { ensureOwnSchema } from "../db/own-schema.js";
import type { Database } from "../db/pool.js";
import { readTables } from "../db/schema.js";
import { withTransaction } from "../db/transaction.js";
import { type MigrationFile, readMigrationFiles, requireFile } from "./files.js";
import type { MigrationFinding } from "./findings.js";
import { readHistory, settleInterruptedRuns } from "./history.js";
import { assertRunnable, type MigrationPlan, type PlanRange, planMigrations } from "./plan.js";
import { type RunOptions, type RunResult, runMigrations } from "./run.js";

export interface ApplyOptions extends PlanRange, RunOptions {
  readonly directory: string;
  /** What an empty database is marked as. */
  readonly environment: Environment;
  /** Runs a migration although one after it is already applied. */
  readonly allowOutOfOrder?: boolean;
}

export interface ApplyResult extends RunResult {
  readonly direction: "up";
  readonly findings: readonly MigrationFinding[];
  /** Set when this run found the database empty and marked it. */
  readonly markedAs: Environment | null;
  readonly notes: readonly string[];
}

/**
 * Applies what is pending, in order, each migration in its own transaction under roomctl's lock. Two at once both
 * succeed: the second plans again once it has the lock, and finds nothing left. With nothing pending it only reads.
 * Throws E_MIGRATION_EDITED, E_MIGRATION_ORDER, E_UNKNOWN_MIGRATION, E_LOCKED; a migration that fails is in the result.
 */
export async function applyMigrations(database: Database, options: ApplyOptions): Promise<ApplyResult> {
  const files = readMigrationFiles(options.directory);
  const plan = await replan(database, files, options);
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

async function replan(
  database: Database,
  files: readonly MigrationFile[],
  options: ApplyOptions,
): Promise<MigrationPlan> {
  const plan = planMigrations(files, await readHistory(database), options);
  assertRunnable(plan, options.allowOutOfOrder ?? false);
  for (const { name } of plan.steps) refuseEmptyFile(requireFile(files, name));
  return plan;
}

/** An empty file would be noted as applied, and what is written into it later would never run. */
function refuseEmptyFile({ up }: MigrationFile): void {
  if (up.statements.length > 0) return;
  throw new RoomctlError("E_USAGE", `${up.path} holds no statement yet`, { hint: "write it, or remove its files" });
}

function nothingToDo({ findings }: MigrationPlan): ApplyResult {
  return { direction: "up", steps: [], failure: null, findings, markedAs: null, notes: [] };
}

interface Locked {
  readonly files: readonly MigrationFile[];
  readonly options: ApplyOptions;
  readonly lock: HeldLock;
}

async function applyUnderLock(database: Database, { files, options, lock }: Locked): Promise<ApplyResult> {
  const prepared = await prepareDatabase(database, options.environment);
  await settleInterruptedRuns(database);
  const { steps, findings } = await replan(database, files, options);
  const { signal, lockWaitMs, attempts, retryDelayMs, onProgress } = options;
  const run = { direction: "up", files, steps, lock, signal, lockWaitMs, attempts, retryDelayMs, onProgress } as const;
  return { direction: "up", ...(await runMigrations(database, run)), findings, ...prepared };
}

/** Makes roomctl's own tables, and marks a database that holds no table yet. One that does may hold anyone's data. */
async function prepareDatabase(
  database: Database,
  environment: Environment,
): Promise<Pick<ApplyResult, "markedAs" | "notes">> {
  const history = await readHistory(database);
  return withTransaction(database, {}, async (connection) => {
    const isFirst = history.records.length === 0 && (await readMarker(connection)) === undefined;
    const tables = isFirst ? await readTables(connection) : [];
    await ensureOwnSchema(connection);
    if (!isFirst) return { markedAs: null, notes: [] };
    if (tables.length > 0) return { markedAs: null, notes: [unmarkedNote] };
    await writeMarker(connection, environment);
    return { markedAs: environment, notes: [] };
  });
}

const unmarkedNote =
  "this database already held tables, so it was not marked as development: destructive commands will ask for its name";
