import { packageVersion } from "../core/package-root.js";
import { quoteLiteral } from "../db/identifier.js";
import type { Connection, Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { MigrationRun } from "./history.js";

/** How far a migration outside of a transaction got. */
export interface Progress {
  /** The statement that was reached, from 1; 0 before the first. */
  readonly statementReached: number;
  /** How many statements are done for good, and SHA-256 of their texts. */
  readonly statementsDone: number;
  readonly doneChecksum: string | null;
  /** What stood before the statement that was reached; see `outside.ts`. */
  readonly beforeStatement: unknown;
}

const noProgress: Progress = {
  statementReached: 0,
  statementsDone: 0,
  doneChecksum: null,
  beforeStatement: null,
};

/** Where a try outside of a transaction goes on that did not come to its end. */
export function resumeFrom(run: MigrationRun | null | undefined, direction: "up" | "down"): Progress {
  if (!run || run.isTransactional || run.direction !== direction || run.state === "done") return noProgress;
  const { statementReached, statementsDone, doneChecksum, beforeStatement } = run;
  return { statementReached, statementsDone, doneChecksum, beforeStatement };
}

export interface NewRun {
  readonly name: string;
  readonly direction: "up" | "down";
  readonly checksum: string;
  readonly attempt: number;
  readonly isTransactional: boolean;
  /** Undoing it is the first half of a redo, and applying it again is to follow. */
  readonly isRedo: boolean;
  readonly statements: number;
  /** What an earlier try left done for good, outside of a transaction. */
  readonly progress: Progress;
}

/**
 * Notes an attempt before it starts, in a transaction of its own, so that an interruption leaves a trace; then begins the
 * migration's own, where it has one. All in one round trip. The note does not wait for the disk: after a crash of the
 * server it may be missing, and the migration with it. Returns the run's id.
 */
export async function startRun(connection: Connection, run: NewRun): Promise<string> {
  const answers = await connection.queryEach(
    `BEGIN; SET LOCAL synchronous_commit = off; ${insertRun(run)}; COMMIT; ${run.isTransactional ? "BEGIN" : ""}`,
  );
  return insertedId(answers);
}

function insertedId(answers: readonly (readonly object[])[]): string {
  const row = answers.flat().find((one) => "id" in one);
  return String(row && "id" in row ? row.id : "");
}

/**
 * The session gets the migration's name with it, for pg_stat_activity. Two plain statements: for a small migration, what the
 * server thinks about the notes is a good part of what it costs.
 */
function insertRun({ progress, ...run }: NewRun): string {
  const text = (value: string | null) => (value === null ? "NULL" : quoteLiteral(value));
  const values = [
    text(run.name),
    text(run.direction),
    "'running'",
    run.attempt,
    text(run.checksum),
    text(packageVersion()),
    run.isTransactional,
    run.isRedo,
    run.statements,
    progress.statementReached,
    progress.statementsDone,
    text(progress.doneChecksum),
    `${text(JSON.stringify(progress.beforeStatement))}::jsonb`,
  ];
  return `INSERT INTO roomctl.migration_runs (name, direction, state, attempt, checksum, tool_version, is_transactional,
                                       is_redo, statements, statement_reached, statements_done, done_checksum, before_statement)
   VALUES (${values.join(", ")}) RETURNING id;
   SET application_name = ${text(`roomctl/migrate ${run.name}`)}`;
}

/** The latest run of a migration. Under the lock nobody else adds one. */
const latestRun = "id = (SELECT max(id) FROM roomctl.migration_runs WHERE name = $1)";

/** Notes how far a run got. Where it stands in the statement's own transaction, it holds exactly when the statement does. */
export async function noteProgress(queryable: Queryable, name: string, progress: Progress): Promise<void> {
  await queryable.query(
    `UPDATE roomctl.migration_runs
        SET statement_reached = $2, statements_done = $3, done_checksum = $4, before_statement = $5 WHERE ${latestRun}`,
    [
      name,
      progress.statementReached,
      progress.statementsDone,
      progress.doneChecksum,
      JSON.stringify(progress.beforeStatement),
    ],
  );
}

/** Notes that an attempt failed, and at which statement (from 1). */
export async function failRun(queryable: Queryable, name: string, error: string, statement: number): Promise<void> {
  await queryable.execute(
    `UPDATE roomctl.migration_runs
        SET state = 'failed', error = $2, statement_reached = $3, finished_at = clock_timestamp() WHERE state = 'running' AND ${latestRun}`,
    [name, error, statement],
  );
}

export interface FinishedRun extends Pick<NewRun, "name" | "direction" | "isTransactional"> {
  /** As it was given when it started. */
  readonly id: string;
  /** True when the script may have left the session in another role. */
  readonly mayLeaveState: boolean;
}

/**
 * Puts a migration into the list of applied ones, or takes it out, and notes its run as done; then commits the migration's
 * own transaction, where it has one. `next` is noted and begun with it, as `startRun` does, and its id returned. All in one
 * round trip. Whatever role the script left, it is done as the session's own.
 */
export async function finishRun(
  connection: Connection,
  { id, name, direction, isTransactional, mayLeaveState }: FinishedRun,
  next?: NewRun,
): Promise<string> {
  const literal = quoteLiteral(name);
  const change =
    direction === "up"
      ? `INSERT INTO roomctl.migrations (name, run_on) VALUES (${literal}, pg_catalog.timezone('UTC', pg_catalog.now()))`
      : `DELETE FROM roomctl.migrations WHERE name = ${literal}`;
  const answers = await connection.queryEach(
    `${mayLeaveState ? "RESET SESSION AUTHORIZATION; RESET ROLE;" : ""}
     ${change};
     UPDATE roomctl.migration_runs
        SET state = 'done', statement_reached = statements, statements_done = statements, done_checksum = NULL,
            before_statement = NULL, finished_at = pg_catalog.clock_timestamp() WHERE id = ${quoteLiteral(id)};
     ${next ? `${insertRun(next)};` : ""}
     ${isTransactional ? "COMMIT;" : ""}
     ${next?.isTransactional ? "BEGIN" : ""}`,
  );
  return insertedId(answers);
}

/** Records migrations as applied, or as not applied any more, without running anything. In one transaction. */
export async function recordFake(
  connection: Connection,
  runs: readonly Pick<NewRun, "name" | "direction" | "checksum">[],
  schemaFingerprint: string,
): Promise<void> {
  for (const { name, direction, checksum } of runs) {
    await connection.query(
      direction === "up"
        ? "INSERT INTO roomctl.migrations (name, run_on) VALUES ($1, now())"
        : "DELETE FROM roomctl.migrations WHERE name = $1",
      [name],
    );
    await connection.query(
      `INSERT INTO roomctl.migration_runs (name, direction, state, attempt, checksum, tool_version, is_fake,
                                           schema_fingerprint, finished_at)
       VALUES ($1, $2, 'done', 1, $3, $4, true, $5, clock_timestamp())`,
      [name, direction, checksum, packageVersion(), schemaFingerprint],
    );
  }
}

/** Keeps the schema's fingerprint with the run that left it so. */
export async function noteFingerprint(queryable: Queryable, name: string, fingerprint: string): Promise<void> {
  await queryable.query(`UPDATE roomctl.migration_runs SET schema_fingerprint = $2 WHERE ${latestRun}`, [
    name,
    fingerprint,
  ]);
}

/**
 * Ends the runs that were interrupted, under the lock, by what the database holds: one whose work was committed is
 * done, any other failed.
 */
export async function settleInterruptedRuns(queryable: Queryable): Promise<void> {
  await queryable.execute(loadStatement("migrate/settle-runs"));
}
