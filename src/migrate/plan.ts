import { type ErrorCode, RoomctlError } from "../core/errors.js";
import type { Queryable } from "../db/pool.js";
import type { MigrationFile } from "./files.js";
import { findMismatches, type MigrationFinding } from "./findings.js";
import { type MigrationHistory, type MigrationRecord, readHistory } from "./history.js";
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

/** A plan to bring the database up, and the finding for which it must not be run, if there is one. */
export interface UpPlan extends MigrationPlan {
  readonly direction: "up";
  readonly refusal: PlanRefusal | null;
}

interface PlanRefusal {
  readonly code: ErrorCode;
  readonly migration: string;
  readonly message: string;
  readonly hint: string;
}

export interface PlanRange {
  /** Up: the last one to apply. Down: the one that stays, with all before it. A name, a number or the beginning of a name. */
  readonly to?: string;
  /** How many at most. Down: 1 unless told. */
  readonly count?: number;
}

export interface UpRange extends PlanRange {
  /** Runs a migration although one after it is already applied. */
  readonly allowOutOfOrder?: boolean;
}

/** What migrate would run now, and whether it would refuse to. Writes nothing. Throws E_UNKNOWN_MIGRATION, E_SCHEMA. */
export async function planUp(queryable: Queryable, files: readonly MigrationFile[], range: UpRange): Promise<UpPlan> {
  return planMigrations(files, await readHistory(queryable), range);
}

/** `planUp` for a history that was read. Pure. Throws E_UNKNOWN_MIGRATION. */
export function planMigrations(
  files: readonly MigrationFile[],
  history: MigrationHistory,
  range: UpRange = {},
): UpPlan {
  const names = files.map(({ name }) => name);
  const last = range.to === undefined ? names.length : names.indexOf(requireMigration(names, range.to)) + 1;
  const records = new Map(history.records.map((record) => [record.name, record]));
  const pending = files.slice(0, last).filter(({ name }) => !records.get(name)?.isApplied);
  const steps = pending.slice(0, range.count).map(({ name, up, checksum }) => ({
    name,
    path: up.path,
    checksum,
    attempt: nextAttempt(records.get(name), "up"),
  }));
  const findings = findMismatches(files, history);
  return { direction: "up", steps, findings, refusal: refusalOf(steps, findings, range) };
}

/** Throws what a plan must not be run for: E_MIGRATION_EDITED, E_MIGRATION_ORDER or E_USAGE. */
export function assertRunnable({ refusal }: UpPlan): void {
  if (refusal) throw new RoomctlError(refusal.code, refusal.message, { hint: refusal.hint });
}

/**
 * An edited file or a late one stops everything, whatever the range. An empty one stops a run that reaches it: it would
 * be noted as applied, and what is written into it later would never run.
 */
function refusalOf(
  steps: readonly PlannedMigration[],
  findings: readonly MigrationFinding[],
  { allowOutOfOrder }: UpRange,
): PlanRefusal | null {
  const reached = new Set(steps.map(({ name }) => name));
  const blocking: readonly (readonly [ErrorCode, MigrationFinding | undefined])[] = [
    ["E_MIGRATION_EDITED", findings.find(({ kind }) => kind === "edited")],
    ["E_MIGRATION_ORDER", allowOutOfOrder ? undefined : findings.find(({ kind }) => kind === "out-of-order")],
    ["E_USAGE", findings.find(({ kind, migration }) => kind === "empty" && reached.has(migration))],
  ];
  for (const [code, finding] of blocking) {
    if (finding) return { code, migration: finding.migration, message: finding.message, hint: finding.hint };
  }
  return null;
}

/** The number of the next try: tries of a direction count on until one is done. */
export function nextAttempt(record: MigrationRecord | undefined, direction: "up" | "down"): number {
  const run = record?.lastRun;
  return run && run.direction === direction && run.state !== "done" ? run.attempt + 1 : 1;
}
