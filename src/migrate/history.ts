import { RoomctlError } from "../core/errors.js";
import { packageVersion } from "../core/package-root.js";
import { readLockHolder } from "../db/lock.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";

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
export interface MigrationRun {
  readonly direction: "up" | "down";
  /** `running`: under way, or interrupted if no migrator is at work. */
  readonly state: "running" | "done" | "failed";
  readonly attempt: number;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly error: string | null;
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
  const isUnfinished = records.some((record) => record.lastRun?.state === "running");
  const holder = isUnfinished ? await readLockHolder(queryable, "change") : undefined;
  return { records, isMigratorAtWork: holder !== undefined };
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

export interface NewRun {
  readonly name: string;
  readonly direction: "up" | "down";
  readonly checksum: string;
  readonly attempt: number;
}

/** Notes an attempt before it starts, in a transaction of its own, so that an interruption leaves a trace. Returns its id. */
export async function startRun(queryable: Queryable, run: NewRun): Promise<string> {
  const [row] = await queryable.query<{ id: string }>(
    `INSERT INTO roomctl.migration_runs (name, direction, state, attempt, checksum, tool_version)
     VALUES ($1, $2, 'running', $3, $4, $5) RETURNING id`,
    [run.name, run.direction, run.attempt, run.checksum, packageVersion()],
  );
  return row?.id ?? "";
}

/** Notes how an attempt ended; `error` is absent when it is done. */
export async function finishRun(queryable: Queryable, id: string, error?: string): Promise<void> {
  await queryable.execute(
    `UPDATE roomctl.migration_runs
        SET state = CASE WHEN $2::text IS NULL THEN 'done' ELSE 'failed' END, error = $2, finished_at = clock_timestamp()
      WHERE id = $1`,
    [id, error ?? null],
  );
}

/**
 * Ends the runs that were interrupted, under the lock, by what the database holds: one whose work was committed is
 * done, any other failed.
 */
export async function settleInterruptedRuns(queryable: Queryable): Promise<void> {
  await queryable.execute(loadStatement("migrate/settle-runs"));
}

type RecordRow = Omit<MigrationRecord, "lastRun"> & { readonly lastRun: RunRow | null };
type RunRow = Omit<MigrationRun, "startedAt" | "finishedAt"> & {
  readonly startedAt: string;
  readonly finishedAt: string | null;
};

/** Times inside JSON arrive as text. */
function reviveRun(run: RunRow): MigrationRun {
  const finishedAt = run.finishedAt === null ? null : new Date(run.finishedAt);
  return { ...run, startedAt: new Date(run.startedAt), finishedAt };
}
