import type { Database } from "../db/pool.js";
import { type MigrationFile, readMigrationFiles } from "./files.js";
import { findMismatches, type MigrationFinding } from "./findings.js";
import { isHalfRedone, type MigrationHistory, type MigrationRecord, readHistory } from "./history.js";
import { versionOf } from "./names.js";
import { findForeignHistory, parsePending } from "./plan.js";

export type MigrationState = "applied" | "edited" | "missing file" | "pending" | "running" | "interrupted" | "failed";

export interface MigrationStatus {
  readonly name: string;
  readonly state: MigrationState;
  readonly appliedAt: Date | null;
  /** Which try it was that applied it, or the last one. */
  readonly attempt: number | null;
  /** Of the try that applied it; null when nobody saw its end. */
  readonly durationMs: number | null;
  /** Of the last try, when it failed. */
  readonly error: string | null;
  /** Recorded as applied without having run: baseline, --fake. */
  readonly isFake: boolean;
  /** Outside of a transaction: how many statements of an unfinished try are done. */
  readonly statementsDone: number;
  /** Of the app's schema, where this migration was the last of a run. */
  readonly schemaFingerprint: string | null;
}

export interface StatusReport {
  readonly directory: string;
  readonly migrations: readonly MigrationStatus[];
  readonly findings: readonly MigrationFinding[];
  readonly appliedCount: number;
  readonly pendingCount: number;
}

/** Each migration of a folder and of a database, and where the two disagree. Writes nothing. */
export async function readMigrationStatus(database: Database, directory: string): Promise<StatusReport> {
  const files = readMigrationFiles(directory);
  const history = await readHistory(database);
  return {
    directory,
    migrations: listMigrations(files, history),
    findings: [
      ...findMismatches(files, history, await parsePending(files, history)),
      ...(await findForeignHistory(database, history)),
    ],
    appliedCount: history.records.filter(({ isApplied }) => isApplied).length,
    pendingCount: files.filter(
      ({ name }) => !history.records.some((record) => record.name === name && record.isApplied),
    ).length,
  };
}

/** Pure; in the order of the numbers, applied ones whose file is missing included. */
export function listMigrations(files: readonly MigrationFile[], history: MigrationHistory): readonly MigrationStatus[] {
  const checksums = new Map(files.map(({ name, checksum }) => [name, checksum]));
  const records = new Map(history.records.map((record) => [record.name, record]));
  const missing = history.records.filter(({ name, isApplied }) => isApplied && !checksums.has(name));
  const names = [...checksums.keys(), ...missing.map(({ name }) => name)];
  return names
    .sort((a, b) => (versionOf(a) < versionOf(b) ? -1 : 1))
    .map((name) => {
      const record = records.get(name);
      return describe(name, record, stateOf(record, checksums.get(name), history.isMigratorAtWork));
    });
}

function describe(name: string, record: MigrationRecord | undefined, state: MigrationState): MigrationStatus {
  const run = record?.lastRun ?? null;
  const isTimed = !run?.isFake && run?.direction === "up" && run.state === "done" && run.finishedAt !== null;
  return {
    name,
    state,
    appliedAt: record?.appliedAt ?? null,
    attempt: run?.direction === "up" ? run.attempt : null,
    isFake: run?.isFake ?? false,
    statementsDone: state === "applied" ? 0 : (run?.statementsDone ?? 0),
    schemaFingerprint: run?.schemaFingerprint ?? null,
    durationMs: isTimed ? Number(run.finishedAt) - Number(run.startedAt) : null,
    error: run?.state === "failed" ? run.error : null,
  };
}

function stateOf(
  record: MigrationRecord | undefined,
  checksum: string | undefined,
  isMigratorAtWork: boolean,
): MigrationState {
  if (record?.isApplied) {
    if (checksum === undefined) return "missing file";
    return record.checksum !== null && record.checksum !== checksum ? "edited" : "applied";
  }
  const run = record?.lastRun;
  if (record && isHalfRedone(record)) return isMigratorAtWork ? "running" : "interrupted";
  if (run?.direction !== "up") return "pending";
  if (run.state === "running") return isMigratorAtWork ? "running" : "interrupted";
  return run.state === "failed" ? "failed" : "pending";
}
