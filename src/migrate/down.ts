import { dirname } from "node:path";
import { RoomctlError } from "../core/errors.js";
import { type HeldLock, withLock } from "../db/lock.js";
import { ensureOwnSchema } from "../db/own-schema.js";
import { loadParser } from "../db/parse.js";
import type { Database } from "../db/pool.js";
import { isBlank } from "../db/statements.js";
import { checksumOf, type MigrationFile, readMigrationFiles, requireFile } from "./files.js";
import { findMismatches } from "./findings.js";
import { type MigrationHistory, readHistory } from "./history.js";
import { type Holdings, readHoldings } from "./holdings.js";
import type { SqlText } from "./layout.js";
import { assertDoneAsAgreed, assertHeldAsAgreed, assertNoFurtherLoss, type DataLoss } from "./loss.js";
import { newMigrationCommand, requireMigration } from "./names.js";
import { checksumOfDone } from "./outside.js";
import { type MigrationPlan, type PlannedMigration, type PlanRange, planTry, type Scripts } from "./plan.js";
import { type RehearsalPurpose, rehearseDown } from "./rehearse.js";
import { type RunOptions, type RunResult, runMigrations } from "./run.js";
import { settleInterruptedRuns } from "./run-log.js";
import { parseScript, type Script } from "./script.js";
import { keepWorker, type WorkerKeeper } from "./worker.js";

export interface DownPlan extends MigrationPlan {
  readonly direction: "down";
  /** What would be gone that holds data now: undoing it needs consent. No more than this may go. */
  readonly losses: readonly DataLoss[];
  /** What would be gone that holds nothing now. */
  readonly emptyDrops: readonly DataLoss[];
}

export interface DownResult extends RunResult {
  readonly direction: "down";
  readonly losses: readonly DataLoss[];
}

/**
 * What undoing the newest migrations would run and take away, found by a rehearsal that is rolled back.
 * Throws E_UNKNOWN_MIGRATION or E_USAGE when a file is missing that it needs.
 */
export async function planDown(database: Database, directory: string, range: PlanRange): Promise<DownPlan> {
  return planDownFor("down", database, { ...range, directory });
}

/** The same for a redo, whose rehearsal runs the up files again as well. */
export async function planDownFor(
  purpose: RehearsalPurpose,
  database: Database,
  options: PlanRange & { readonly directory: string },
): Promise<DownPlan> {
  return (await prepareDown(purpose, database, options)).plan;
}

interface Prepared {
  readonly plan: DownPlan;
  readonly files: readonly MigrationFile[];
  /** The tables as they are now. */
  readonly tables: Holdings;
}

async function prepareDown(
  purpose: RehearsalPurpose,
  database: Database,
  { directory, ...range }: PlanRange & { readonly directory: string },
): Promise<Prepared> {
  const files = readMigrationFiles(directory);
  const history = await readHistory(database);
  const parser = await loadParser();
  const scripts = new Map(
    files.flatMap(({ name, down }) => (down ? [[name, parseScript(parser, down)] as const] : [])),
  );
  const steps = planUndo(files, history, { ...range, scripts });
  for (const step of steps) assertDoneUnchanged(step, scripts.get(step.name));
  const migrations = steps.map(({ name, progress }) => ({
    ...requireFile(files, name),
    done: progress.statementsDone,
  }));
  const { drops, start } = await rehearseDown(database, migrations, purpose);
  const plan: DownPlan = {
    direction: "down",
    steps,
    findings: findMismatches(files, history),
    losses: drops.filter(({ rows }) => rows > 0),
    emptyDrops: drops.filter(({ rows }) => rows === 0),
  };
  return { plan, files, tables: start };
}

/** Throws E_MIGRATION_EDITED when statements that an interrupted try did outside of a transaction are others by now. */
function assertDoneUnchanged({ name, progress }: PlannedMigration, script: Script | undefined): void {
  const { statementsDone, doneChecksum } = progress;
  if (doneChecksum === null || (script && doneChecksum === checksumOfDone(script, statementsDone))) return;
  throw new RoomctlError(
    "E_MIGRATION_EDITED",
    `undoing ${name} did ${statementsDone} of its statements outside of a transaction, and these were changed since`,
    { hint: "bring them back as they were; only what did not run yet may change" },
  );
}

/**
 * Undoes what was planned, newest first, each in its own transaction under roomctl's lock. The plan is made again under
 * the lock, and held against what each transaction really takes away: throws E_PLAN_STALE, or has it as the failure, when
 * other migrations or further data would go than was agreed to.
 */
export async function applyDown(
  database: Database,
  plan: DownPlan,
  options: RunOptions & PlanRange & { readonly directory: string },
): Promise<DownResult> {
  if (plan.steps.length === 0)
    return { direction: "down", steps: [], failure: null, schemaFingerprint: null, losses: [] };
  const { lockWaitMs: waitMs, signal } = options;
  return withLock(database, "change", { waitMs, signal }, (lock) =>
    applyDownUnderLock(database, plan, { options, lock, purpose: "down" }),
  );
}

export interface DownUnderLock {
  readonly options: RunOptions & PlanRange & { readonly directory: string };
  readonly lock: HeldLock;
  readonly purpose: RehearsalPurpose;
}

/** `applyDown` for a caller that holds the lock. */
export async function applyDownUnderLock(
  database: Database,
  plan: DownPlan,
  { options, lock, purpose }: DownUnderLock,
): Promise<DownResult> {
  // Of a migrator whose lock was lost, the session may still be at work: what it commits must be in the plan.
  await using workers = keepWorker(database, { waitMs: options.lockWaitMs, signal: options.signal });
  await workers.use();
  await settleUnderLock(database);
  const { directory, to, count } = options;
  const now = await prepareDown(purpose, database, { directory, to, count });
  assertSameSteps(plan, now.plan);
  assertNoFurtherLoss(plan.losses, now.plan.losses);
  return await undoUnderLock(database, now, { options, lock, workers, isRedo: purpose === "redo" });
}

/** The newest applied first, in the order in which they were applied. Pure. */
export function planUndo(
  files: readonly MigrationFile[],
  history: MigrationHistory,
  { scripts = new Map(), isFake = false, ...range }: UndoRange = {},
): readonly PlannedMigration[] {
  const applied = history.records.filter(({ isApplied }) => isApplied);
  const names = applied.map(({ name }) => name);
  const kept = range.to === undefined ? 0 : names.indexOf(requireMigration(names, range.to)) + 1;
  const count = range.count ?? (range.to === undefined ? 1 : applied.length);
  return applied
    .slice(kept)
    .reverse()
    .slice(0, count)
    .map((record) => {
      const down = isFake ? partToName(files, record.name) : requireDownFile(files, record.name);
      return {
        name: record.name,
        path: down.path,
        checksum: checksumOf(down.sql),
        ...planTry(record, "down", scripts.get(record.name)),
      };
    });
}

export interface UndoRange extends PlanRange {
  readonly scripts?: Scripts;
  /** Only the record is to change: no down file is needed. */
  readonly isFake?: boolean;
}

function partToName(files: readonly MigrationFile[], name: string): SqlText {
  const file = files.find((candidate) => candidate.name === name);
  return file?.down ?? file?.up ?? { path: "", sql: "" };
}

function requireDownFile(files: readonly MigrationFile[], name: string) {
  const file = files.find((candidate) => candidate.name === name);
  if (file?.down && !isBlank(file.down.sql)) return file.down;
  if (file?.down) {
    throw new RoomctlError("E_USAGE", `${name} cannot be undone: ${file.down.path} holds no statement yet`, {
      hint: "write it, or record what was undone by hand: roomctl migrate down --fake",
    });
  }
  if (file) {
    throw new RoomctlError("E_USAGE", `${name} cannot be undone: it has no down file`, {
      hint: `write ${file.up.path.replace(/\.up\.sql$/, ".down.sql")}, or go forward with: ${newMigrationCommand(dirname(file.up.path))}`,
    });
  }
  throw new RoomctlError("E_UNKNOWN_MIGRATION", `${name} is applied, but its files are not here`, {
    hint: "use the folder of the release that applied it: --dir DIR",
  });
}

async function settleUnderLock(database: Database): Promise<void> {
  await using connection = await database.connect();
  await ensureOwnSchema(connection);
  await settleInterruptedRuns(connection);
}

function assertSameSteps(agreed: DownPlan, now: DownPlan): void {
  const key = ({ name, checksum }: PlannedMigration) => `${name} ${checksum}`;
  if (agreed.steps.map(key).join("\n") === now.steps.map(key).join("\n")) return;
  throw new RoomctlError("E_PLAN_STALE", "nothing was changed: other migrations are applied by now", {
    hint: "look again with: roomctl migrate down --dry-run",
  });
}

interface Locked {
  readonly options: RunOptions;
  readonly lock: HeldLock;
  readonly workers: WorkerKeeper;
  readonly isRedo: boolean;
}

async function undoUnderLock(
  database: Database,
  { plan, files, tables }: Prepared,
  { options, lock, workers, isRedo }: Locked,
): Promise<DownResult> {
  const { lockWaitMs, attempts, retryDelayMs, signal, onProgress } = options;
  const agreedFor = (name: string) =>
    [...plan.losses, ...plan.emptyDrops].filter(({ migration }) => migration === name);
  let before: Holdings = new Map();
  const result = await runMigrations(database, {
    direction: "down",
    isRedo,
    files,
    steps: plan.steps,
    lock,
    workers,
    lockWaitMs,
    attempts,
    retryDelayMs,
    signal,
    onProgress,
    beforeStatements: async (name, connection) => {
      await assertHeldAsAgreed(connection, agreedFor(name));
      before = await readHoldings(connection);
    },
    afterStatements: (name, connection) =>
      assertDoneAsAgreed(connection, before, { agreed: agreedFor(name), planned: tables }),
  });
  return { direction: "down", ...result, losses: plan.losses };
}
