import { RoomctlError } from "../core/errors.js";
import { readLockHolder } from "../db/lock.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { Progress } from "./run-log.js";

/** What a database says of one migration. It is listed when it is applied or was ever attempted. */
export interface MigrationRecord {
  readonly name: string;
  /** In `roomctl.migrations`. */
  readonly isApplied: boolean;
  /** Place in the order of application; null when it is not applied. */
  readonly position: number | null;
  readonly appliedAt: Date | null;
  /** Of the up file as it was applied; null when roomctl did not record it. */
  readonly checksum: string | null;
  readonly lastRun: MigrationRun | null;
}

/** One attempt, as the progress log keeps it. */
export interface MigrationRun extends Progress {
  readonly direction: "up" | "down";
  /** `running`: under way, or interrupted if no migrator is at work. */
  readonly state: "running" | "done" | "failed";
  readonly attempt: number;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly error: string | null;
  readonly toolVersion: string;
  /** The first half of a redo: applying it again was to follow. */
  readonly isRedo: boolean;
  /** Recorded by baseline or --fake, without having run. */
  readonly isFake: boolean;
  readonly isTransactional: boolean;
  /** Of the script; null when an older release did not note it. */
  readonly statements: number | null;
  /** Of the app's schema, after the last migration of a run. */
  readonly schemaFingerprint: string | null;
}

export interface MigrationHistory {
  readonly records: readonly MigrationRecord[];
  /** A migrator holds the change lock now, so a `running` run is not an interrupted one. */
  readonly isMigratorAtWork: boolean;
}

/**
 * Reads what was applied and attempted. Creates nothing: an untouched database has an empty history. Throws E_SCHEMA when
 * a table of another tool has the place of ours.
 */
export async function readHistory(queryable: Queryable): Promise<MigrationHistory> {
  if (!(await hasHistory(queryable))) return { records: [], isMigratorAtWork: false };
  const rows = await queryable.query<RecordRow>(loadStatement("migrate/history"));
  const records = rows.map(({ lastRun, ...record }) => ({ ...record, lastRun: lastRun && reviveRun(lastRun) }));
  const isUnfinished = records.some((record) => record.lastRun?.state === "running" || isHalfRedone(record));
  const holder = isUnfinished ? await readLockHolder(queryable, "change") : undefined;
  return { records, isMigratorAtWork: holder !== undefined };
}

/** Undone by a redo that did not come to applying it again, or has not yet. */
export function isHalfRedone({ isApplied, lastRun }: Pick<MigrationRecord, "isApplied" | "lastRun">): boolean {
  return !isApplied && lastRun?.direction === "down" && lastRun.isRedo && lastRun.state === "done";
}

/** The columns that the history is read from, and the first letters of their types. */
const ownColumns = {
  migrations: { id: /^(small|big)?int/, name: /^(text|character varying)/, run_on: /^timestamp without/ },
  migration_runs: {
    id: /^bigint/,
    name: /^text/,
    direction: /^text/,
    state: /^text/,
    attempt: /^int/,
    checksum: /^text/,
    tool_version: /^text/,
    started_at: /^timestamp with/,
    finished_at: /^timestamp with/,
    error: /^text/,
  },
};

async function hasHistory(queryable: Queryable): Promise<boolean> {
  const found = await queryable.query<{ table: string; columns: Readonly<Record<string, string>> }>(
    loadStatement("migrate/own-columns"),
    [Object.keys(ownColumns)],
  );
  for (const [table, wanted] of Object.entries(ownColumns)) {
    const columns = found.find((one) => one.table === table)?.columns;
    const misfit = Object.entries(wanted).find(([name, type]) => columns && !type.test(columns[name] ?? ""));
    if (misfit) throw foreignTable(table, misfit[0]);
  }
  return found.length === Object.keys(ownColumns).length;
}

function foreignTable(table: string, column: string): RoomctlError {
  return new RoomctlError(
    "E_SCHEMA",
    `roomctl.${table} is not roomctl's own: its column ${column} is missing or another`,
    {
      hint: "move that table to another schema, or use another database: the schema roomctl is for roomctl's own tables",
    },
  );
}

type RecordRow = Omit<MigrationRecord, "lastRun"> & { readonly lastRun: RunRow | null };

/** A row of `roomctl.migration_runs` as JSON; what came after the first release may be missing. */
interface RunRow {
  readonly direction: "up" | "down";
  readonly state: "running" | "done" | "failed";
  readonly attempt: number;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly error: string | null;
  readonly tool_version: string;
  readonly is_redo?: boolean;
  readonly is_fake?: boolean;
  readonly is_transactional?: boolean;
  readonly statements?: number | null;
  readonly statement_reached?: number;
  readonly statements_done?: number;
  readonly done_checksum?: string | null;
  readonly before_statement?: unknown;
  readonly schema_fingerprint?: string | null;
}

function reviveRun(row: RunRow): MigrationRun {
  return {
    direction: row.direction,
    state: row.state,
    attempt: row.attempt,
    startedAt: new Date(row.started_at),
    finishedAt: row.finished_at === null ? null : new Date(row.finished_at),
    error: row.error,
    toolVersion: row.tool_version,
    isRedo: row.is_redo ?? false,
    isFake: row.is_fake ?? false,
    isTransactional: row.is_transactional ?? true,
    statements: row.statements ?? null,
    statementReached: row.statement_reached ?? 0,
    statementsDone: row.statements_done ?? 0,
    doneChecksum: row.done_checksum ?? null,
    beforeStatement: row.before_statement ?? null,
    schemaFingerprint: row.schema_fingerprint ?? null,
  };
}
