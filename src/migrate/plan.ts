import { type ErrorCode, RoomctlError } from "../core/errors.js";
import { loadParser } from "../db/parse.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { MigrationFile } from "./files.js";
import { findMismatches, foreignHistory, type MigrationFinding } from "./findings.js";
import { type MigrationHistory, type MigrationRecord, readHistory } from "./history.js";
import { requireMigration } from "./names.js";
import { type Progress, resumeFrom } from "./run-log.js";
import { mayBeRefused, parseScript, type Script } from "./script.js";

/** One migration that a run would bring up or down. */
export interface PlannedMigration {
  readonly name: string;
  /** The file that would run. */
  readonly path: string;
  /** Of that file. */
  readonly checksum: string;
  /** 1 for the first try; earlier tries failed or were interrupted. */
  readonly attempt: number;
  readonly statements: number;
  /** False when it runs outside of a transaction, statement by statement. */
  readonly isTransactional: boolean;
  /** What earlier tries left done, outside of a transaction. */
  readonly progress: Progress;
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

/** Parsed parts by the name of their migration. */
export type Scripts = ReadonlyMap<string, Script>;

export interface UpRange extends PlanRange {
  /** Runs a migration although one after it is already applied. */
  readonly allowOutOfOrder?: boolean;
}

/** What migrate would run now, and whether it would refuse to. Writes nothing. Throws E_UNKNOWN_MIGRATION, E_SCHEMA. */
export async function planUp(queryable: Queryable, files: readonly MigrationFile[], range: UpRange): Promise<UpPlan> {
  return planFrom(queryable, files, { ...range, isWorthParsing: () => true });
}

/**
 * `planUp` for a run that follows: a file is parsed now only where it may have to be refused, the others while the server
 * is at work. Steps of these say nothing of their statements.
 */
export async function planRun(queryable: Queryable, files: readonly MigrationFile[], range: UpRange): Promise<UpPlan> {
  return planFrom(queryable, files, { ...range, isWorthParsing: ({ up }) => mayBeRefused(up) });
}

interface PlanInputs extends UpRange {
  readonly isWorthParsing: (file: MigrationFile) => boolean;
}

async function planFrom(
  queryable: Queryable,
  files: readonly MigrationFile[],
  { isWorthParsing, ...range }: PlanInputs,
): Promise<UpPlan> {
  const history = await readHistory(queryable);
  const begun = new Set(history.records.filter(({ lastRun }) => lastRun?.doneChecksum).map(({ name }) => name));
  const chosen = files.filter((file) => begun.has(file.name) || isWorthParsing(file));
  const plan = planMigrations(files, history, { ...range, scripts: await parsePending(chosen, history) });
  return { ...plan, findings: [...plan.findings, ...(await findForeignHistory(queryable, history))] };
}

/** A database without a history of ours may have one of another tool: everything would run from the start. */
export async function findForeignHistory(
  queryable: Queryable,
  { records }: MigrationHistory,
): Promise<readonly MigrationFinding[]> {
  if (records.length > 0) return [];
  const found = await queryable.query<{ table: string; tool: string }>(loadStatement("migrate/foreign-history"));
  return found.map(({ table, tool }) => foreignHistory(table, tool));
}

/** The parsed up parts of what is not applied, by name. The parser is not even loaded when there is none. */
export async function parsePending(files: readonly MigrationFile[], { records }: MigrationHistory): Promise<Scripts> {
  const applied = new Set(records.filter(({ isApplied }) => isApplied).map(({ name }) => name));
  const pending = files.filter(({ name }) => !applied.has(name));
  if (pending.length === 0) return new Map();
  const parser = await loadParser();
  return new Map(pending.map(({ name, up }) => [name, parseScript(parser, up)]));
}

/** `planUp` for a history that was read and scripts that were parsed. Pure. Throws E_UNKNOWN_MIGRATION. */
export function planMigrations(
  files: readonly MigrationFile[],
  history: MigrationHistory,
  { scripts = new Map(), ...range }: UpRange & { readonly scripts?: Scripts } = {},
): UpPlan {
  const names = files.map(({ name }) => name);
  const last = range.to === undefined ? names.length : names.indexOf(requireMigration(names, range.to)) + 1;
  const records = new Map(history.records.map((record) => [record.name, record]));
  const pending = files.slice(0, last).filter(({ name }) => !records.get(name)?.isApplied);
  const steps = pending.slice(0, range.count).map(({ name, up, checksum }) => ({
    name,
    path: up.path,
    checksum,
    ...planTry(records.get(name), "up", scripts.get(name)),
  }));
  const findings = findMismatches(files, history, scripts);
  return { direction: "up", steps, findings, refusal: refusalOf(steps, findings, range) };
}

/** How a script would run: which try it is, and from where. */
export function planTry(
  record: MigrationRecord | undefined,
  direction: "up" | "down",
  script: Script | undefined,
): Pick<PlannedMigration, "attempt" | "statements" | "isTransactional" | "progress"> {
  const progress = resumeFrom(record?.lastRun, direction);
  return {
    attempt: nextAttempt(record, direction),
    statements: script?.statements.length ?? 0,
    // What an earlier try did outside of a transaction is done: the rest goes on there, whatever the file holds now.
    isTransactional: (script?.isTransactional ?? true) && progress.statementsDone === 0,
    progress,
  };
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
    ["E_USAGE", findings.find(({ kind, migration }) => kind === "own-transaction" && reached.has(migration))],
    ["E_USAGE", findings.find(({ kind, migration }) => kind === "psql-only" && reached.has(migration))],
    ["E_USAGE", findings.find(({ kind, migration }) => kind === "client-encoding" && reached.has(migration))],
    ["E_MIGRATION_EDITED", findings.find(({ kind, migration }) => kind === "changed-midway" && reached.has(migration))],
  ];
  for (const [code, finding] of blocking) {
    if (finding) return { code, migration: finding.migration, message: finding.message, hint: finding.hint };
  }
  return null;
}

/** The number of the next try: tries of a direction count on until one is done. */
function nextAttempt(record: MigrationRecord | undefined, direction: "up" | "down"): number {
  const run = record?.lastRun;
  return run && run.direction === direction && run.state !== "done" ? run.attempt + 1 : 1;
}
