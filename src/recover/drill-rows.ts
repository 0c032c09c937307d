import { setTimeout as sleep } from "node:timers/promises";
import { RoomctlError } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { PlantedRoom, Rows } from "./drill-model.js";

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

/** Takes rooms away that a start has left alone, as it should. */
export async function clearPlanted(database: Database, planted: readonly PlantedRoom[]): Promise<void> {
  const stale = planted.filter(({ isFresh }) => !isFresh).map(({ roomId }) => roomId);
  await database.execute(loadStatement("reference/drill-clear-planted"), [stale]);
}

/** Ages of planted rooms around the 10 minutes of the rule, with room for a slow start. */
const ages = [
  { epoch: 1, ageSeconds: 560, isFresh: true },
  { epoch: 2, ageSeconds: 601, isFresh: false },
] as const;

/** Notes the servers of long ago, before the first of the drill's own takes their numbers. */
export async function preparePast(database: Database): Promise<void> {
  for (const { epoch, ageSeconds } of ages) {
    await database.execute(loadStatement("reference/drill-past-server"), [ageSeconds, epoch]);
  }
}

/** Puts a room that is just fresh enough and one that is just too old into the rows, as a server of long ago left them. */
export async function plantRooms(
  database: Database,
  pairs: readonly (readonly [string, string])[],
  newId: () => string,
): Promise<readonly PlantedRoom[]> {
  const planted: PlantedRoom[] = [];
  await preparePast(database);
  for (const [index, { epoch, ageSeconds, isFresh }] of ages.entries()) {
    const pair = pairs[index];
    if (!pair) break;
    const roomId = newId();
    await database.execute(loadStatement("reference/drill-planted-room"), [roomId, ...pair, ageSeconds, epoch]);
    planted.push({ roomId, users: [pair[0], pair[1]], isFresh });
  }
  return planted;
}
