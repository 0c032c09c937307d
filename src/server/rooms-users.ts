import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";

/** What a room needs to know of its users. */
export interface RoomUser {
  readonly name: string;
  readonly timerTotalSeconds: number;
}

interface UserRow {
  readonly user_id: string;
  readonly name: string;
  readonly timer_total_seconds: number;
}

/** The users of these ids that the database has. */
export async function readUsers(
  database: Queryable,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, RoomUser>> {
  const rows = await database.query<UserRow>(loadStatement("server/room-users"), [userIds]);
  return new Map(rows.map((row) => [row.user_id, { name: row.name, timerTotalSeconds: row.timer_total_seconds }]));
}
