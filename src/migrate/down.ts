import { RoomctlError } from "../core/errors.js";
import { type HeldLock, withLock } from "../db/lock.js";
import { ensureOwnSchema } from "../db/own-schema.js";
import type { Database } from "../db/pool.js";
import { checksumOf, type MigrationFile, readMigrationFiles, requireFile } from "./files.js";
import { findMismatches } from "./findings.js";
import { type MigrationHistory, readHistory, settleInterruptedRuns } from "./history.js";
import { assertStillEmpty, type DataLoss, rehearseDown } from "./loss.js";
import { requireMigration } from "./names.js";
import { type MigrationPlan, nextAttempt, type PlannedMigration, type PlanRange } from "./plan.js";
import { type RunOptions, type RunResult, runMigrations } from "./run.js";

export interface DownPlan extends MigrationPlan {
  readonly direction: "down";
  /** What would be gone that holds data now: undoing it needs consent. */
  readonly losses: readonly DataLoss[];
  /** What would be gone that holds nothing now; checked again in the transaction that drops it. */
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
  const files = readMigrationFiles(directory);
  const history = await readHistory(database);
  const steps = planUndo(files, history, range);
  const drops = await rehearseDown(
    database,
    steps.map(({ name }) => requireFile(files, name)),
  );
  return {
    direction: "down",
    steps,
    findings: findMismatches(files, history),
    losses: drops.filter(({ rows }) => rows > 0),
    emptyDrops: drops.filter(({ rows }) => rows === 0),
  };
}

/**
 * Undoes what was planned, newest first, each in its own transaction under roomctl's lock. The plan is made again under
 * the lock: throws E_PLAN_STALE when other migrations or further data would go than was agreed to.
 */
export async function applyDown(
  database: Database,
  plan: DownPlan,
  options: RunOptions & PlanRange & { readonly directory: string },
): Promise<DownResult> {
  if (plan.steps.length === 0) return { direction: "down", steps: [], failure: null, losses: [] };
  const { lockWaitMs: waitMs, signal } = options;
  return withLock(database, "change", { waitMs, signal }, async (lock) => {
    await settleUnderLock(database);
    const now = await planDown(database, options.directory, options);
    assertSamePlan(plan, now);
    return undoUnderLock(database, now, { options, lock });
  });
}

/** The newest applied first, in the order in which they were applied. Pure. */
export function planUndo(
  files: readonly MigrationFile[],
  history: MigrationHistory,
  range: PlanRange,
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
      const down = requireDownFile(files, record.name);
      return {
        name: record.name,
        path: down.path,
        checksum: checksumOf(down.sql),
        attempt: nextAttempt(record, "down"),
      };
    });
}

function requireDownFile(files: readonly MigrationFile[], name: string) {
  const file = files.find((candidate) => candidate.name === name);
  if (file?.down) return file.down;
  if (file) {
    throw new RoomctlError("E_USAGE", `${name} cannot be undone: it has no down file`, {
      hint: `write ${file.up.path.replace(/\.up\.sql$/, ".down.sql")}, or go forward with: roomctl migrate new NAME`,
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

function assertSamePlan(agreed: DownPlan, now: DownPlan): void {
  const key = ({ name, checksum }: PlannedMigration) => `${name} ${checksum}`;
  const isSame = agreed.steps.map(key).join("\n") === now.steps.map(key).join("\n");
  const agreedLosses = new Set(agreed.losses.map(lossKey));
  const further = now.losses.find((loss) => !agreedLosses.has(lossKey(loss)));
  if (isSame && further === undefined) return;
  const what = further ? `${further.table} now holds rows that would be lost` : "other migrations are applied by now";
  throw new RoomctlError("E_PLAN_STALE", `nothing was changed: ${what}`, {
    hint: "look again with: roomctl migrate down --dry-run",
  });
}

function lossKey({ kind, tableOid, column }: DataLoss): string {
  return JSON.stringify([kind, tableOid, column]);
}

interface Locked {
  readonly options: RunOptions & { readonly directory: string };
  readonly lock: HeldLock;
}

async function undoUnderLock(database: Database, plan: DownPlan, { options, lock }: Locked): Promise<DownResult> {
  const { lockWaitMs, attempts, retryDelayMs, signal, onProgress } = options;
  const result = await runMigrations(database, {
    direction: "down",
    files: readMigrationFiles(options.directory),
    steps: plan.steps,
    lock,
    lockWaitMs,
    attempts,
    retryDelayMs,
    signal,
    onProgress,
    beforeStatements: (name, connection) =>
      assertStillEmpty(
        connection,
        plan.emptyDrops.filter(({ migration }) => migration === name),
      ),
  });
  return { direction: "down", ...result, losses: plan.losses };
}
