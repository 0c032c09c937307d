import { setTimeout as sleep } from "node:timers/promises";
import { RoomctlError } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { RowMark } from "./drill-evidence.js";
import type { Rows } from "./drill-model.js";

export interface RowsWanted {
  readonly users: readonly string[];
  readonly rooms: readonly string[];
  readonly links: readonly string[];
}

/** All rooms, and what belongs to the users, rooms and links that are asked for, in one snapshot. */
export async function readRows(database: Database, { users, rooms, links }: RowsWanted): Promise<Rows> {
  const values = [users, rooms, links];
  const [row] = await database.query<{ rows: Rows }>(loadStatement("reference/drill-rows"), values);
  if (!row) throw new RoomctlError("E_INTERNAL", "the rows of a drill came back empty");
  return row.rows;
}

/**
 * As `readRows`, once a server that started at `startedAt` has ended the rooms whose grace had run out by then: it writes
 * that in the background. What is left of them after a few seconds is for the checks to find.
 */
export async function readRowsOfStart(
  database: Database,
  wanted: RowsWanted,
  { startedAt, signal }: { readonly startedAt: number; readonly signal: AbortSignal | undefined },
): Promise<Rows> {
  const untilMs = performance.now() + endingMs;
  for (;;) {
    const rows = await readRows(database, wanted);
    const ended = new Set(rows.histories.map(({ roomId }) => roomId));
    const isLeft = rows.rooms.some(
      ({ roomId, status, graceExpiresAt }) =>
        status === "grace_period" && (graceExpiresAt ?? startedAt) < startedAt && !ended.has(roomId),
    );
    if (!isLeft || performance.now() > untilMs) return rows;
    await sleep(20, undefined, { signal });
  }
}

const endingMs = 5000;

/** Where the rows of all rooms stand. */
export async function readMarks(database: Database): Promise<ReadonlyMap<string, RowMark>> {
  const statement = loadStatement("reference/drill-marks");
  const rows = await database.query<RowMark & { readonly roomId: string }>(statement);
  return new Map(rows.map(({ roomId, ...mark }) => [roomId, mark]));
}

const patienceMs = 10_000;

/** Waits until a server that was killed has no statement left in the database. Returns how long that took. */
export async function waitForSessions(database: Database, signal: AbortSignal | undefined): Promise<number> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < patienceMs) {
    const [row] = await database.query<{ left: number }>(loadStatement("reference/drill-sessions-left"));
    if (row?.left === 0) return performance.now() - startedMs;
    await sleep(20, undefined, { signal });
  }
  throw new RoomctlError("E_INTERNAL", `sessions of a dead server are still open after ${patienceMs / 1000} s`);
}

/** Ends the sessions of the server, as an operator or a failover would. */
export async function endSessions(database: Database): Promise<number> {
  const ended = await database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name !~ '^roomctl/drill'`,
  );
  return ended.length;
}
