import { RoomctlError } from "../core/errors.js";
import type { MigrationFile } from "./files.js";
import { findMismatches, type MigrationFinding } from "./findings.js";
import type { MigrationHistory, MigrationRecord } from "./history.js";
import { requireMigration } from "./names.js";

/** One migration that a run would bring up or down. */
export interface PlannedMigration {
  readonly name: string;
  /** The file that would run. */
  readonly path: string;
  /** Of that file. */
  readonly checksum: string;
  /** 1 for the first try; earlier tries failed or were interrupted. */
  readonly attempt: number;
}

export interface MigrationPlan {
  readonly direction: "up" | "down";
  /** In the order in which they would run. */
  readonly steps: readonly PlannedMigration[];
  readonly findings: readonly MigrationFinding[];
}

export interface PlanRange {
  /** Up: the last one to apply. Down: the one that stays, with all before it. A name, a number or the beginning of a name. */
  readonly to?: string;
  /** How many at most. Down: 1 unless told. */
  readonly count?: number;
}

/** What bringing the database up to the files would run. Pure. Throws E_UNKNOWN_MIGRATION. */
export function planMigrations(
  files: readonly MigrationFile[],
  history: MigrationHistory,
  range: PlanRange = {},
): MigrationPlan {
  const names = files.map(({ name }) => name);
  const last = range.to === undefined ? names.length : names.indexOf(requireMigration(names, range.to)) + 1;
  const records = new Map(history.records.map((record) => [record.name, record]));
  const pending = files.slice(0, last).filter(({ name }) => !records.get(name)?.isApplied);
  return {
    direction: "up",
    steps: pending.slice(0, range.count).map(({ name, up, checksum }) => ({
      name,
      path: up.path,
      checksum,
      attempt: nextAttempt(records.get(name), "up"),
    })),
    findings: findMismatches(files, history),
  };
}

/** Throws E_MIGRATION_EDITED or E_MIGRATION_ORDER when a plan must not be run as it is. */
export function assertRunnable(plan: MigrationPlan, allowOutOfOrder: boolean): void {
  const edited = plan.findings.find(({ kind }) => kind === "edited");
  if (edited) throw new RoomctlError("E_MIGRATION_EDITED", edited.message, { hint: edited.hint });
  const late = plan.findings.find(({ kind }) => kind === "out-of-order");
  if (late && !allowOutOfOrder) throw new RoomctlError("E_MIGRATION_ORDER", late.message, { hint: late.hint });
}

/** The number of the next try: tries of a direction count on until one is done. */
export function nextAttempt(record: MigrationRecord | undefined, direction: "up" | "down"): number {
  const run = record?.lastRun;
  return run && run.direction === direction && run.state !== "done" ? run.attempt + 1 : 1;
}
