import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RecoveryDefinition } from "../../src/core/catalogue.js";
import { referenceApp } from "../../src/core/reference-app.js";
import { referenceRecovery } from "../../src/core/reference-recovery.js";
import type { Database, Queryable } from "../../src/db/pool.js";
import { type ApplyOptions, applyRecovery, type RecoveryReceipt } from "../../src/recover/apply.js";
import { createScratchDatabase, type ScratchDatabase, type ServerName } from "./postgres.js";

/** The reference app's recovery, with something else in places. */
export function recoveryWith(changes: Partial<RecoveryDefinition>): RecoveryDefinition {
  return { ...referenceRecovery, ...changes };
}

/** A recovery that waits for the session of the one before to be gone from the server. */
export function recoverNow(
  database: Database,
  definition: RecoveryDefinition,
  options: ApplyOptions = {},
): Promise<RecoveryReceipt> {
  return applyRecovery(database, definition, { lockWaitMs: 5000, ...options });
}

/** A scratch database with the reference app's tables, and its demonstration data if asked for. */
export async function createRoomDatabase(
  options: { readonly server?: ServerName; readonly isSeeded?: boolean } = {},
): Promise<ScratchDatabase> {
  const scratch = await createScratchDatabase({ server: options.server });
  await using database = await scratch.open();
  const files = readdirSync(referenceApp.migrationsDirectory).filter((name) => name.endsWith(".up.sql"));
  for (const file of files.sort()) await database.execute(readSql(join(referenceApp.migrationsDirectory, file)));
  if (options.isSeeded && referenceApp.seedFile) await database.execute(readSql(referenceApp.seedFile));
  return scratch;
}

function readSql(path: string): string {
  return readFileSync(path, "utf8");
}

export interface RoomWish {
  readonly users?: readonly [string, string];
  readonly status?: "active" | "grace_period" | "ended";
  readonly chatMode?: "video" | "text";
  readonly epoch?: number;
  /** Seconds before now. */
  readonly startedAgo?: number;
  readonly updatedAgo?: number;
  /** Seconds from now; negative once it has run out. */
  readonly graceIn?: number;
}

/** A new user. */
export async function addUser(queryable: Queryable): Promise<string> {
  const [user] = await queryable.query<{ user_id: string }>(
    "INSERT INTO users (name) VALUES ('Ava') RETURNING user_id",
  );
  return user?.user_id ?? "";
}

/** A room between two users, new ones unless told; active, started 5 minutes and written 2 minutes ago unless told. */
export async function addRoom(queryable: Queryable, wish: RoomWish = {}): Promise<string> {
  const [one, two] = wish.users ?? [await addUser(queryable), await addUser(queryable)];
  const roomId = randomUUID();
  await queryable.execute(
    `INSERT INTO active_rooms (room_id, user_1, user_2, status, chat_mode, owner_epoch, started_at, updated_at, grace_expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, now() - make_interval(secs => $7), now() - make_interval(secs => $8),
             now() + make_interval(secs => $9))`,
    [
      roomId,
      one,
      two,
      wish.status ?? (wish.graceIn === undefined ? "active" : "grace_period"),
      wish.chatMode ?? "video",
      wish.epoch ?? 1,
      wish.startedAgo ?? 300,
      wish.updatedAgo ?? 120,
      wish.graceIn ?? null,
    ],
  );
  return roomId;
}

/** The row of a server; stopped only if told when. */
export async function addServer(
  queryable: Queryable,
  server: { readonly epoch: number; readonly heartbeatAgo: number; readonly stoppedAgo?: number },
): Promise<void> {
  await queryable.execute(
    `INSERT INTO server_instances (epoch, host, pid, heartbeat_at, stopped_at)
     VALUES ($1, 'rooms-1', 7, now() - make_interval(secs => $2), now() - make_interval(secs => $3))`,
    [server.epoch, server.heartbeatAgo, server.stoppedAgo ?? null],
  );
}

/** One text per table of every schema, which differs as soon as one row does. */
export async function digestRows(database: Database): Promise<Readonly<Record<string, string>>> {
  const tables = await database.query<{ name: string }>(
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
  );
  const digests: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await database.query<{ digest: string }>(
      `SELECT count(*) || ' ' || coalesce(md5(string_agg(line, '|' ORDER BY line)), '') AS digest
         FROM (SELECT t::text || t.ctid || t.xmin AS line FROM ${name} AS t) AS lines`,
    );
    digests[name] = row?.digest ?? "";
  }
  return digests;
}
