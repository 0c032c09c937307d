import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { RecoveryDefinition } from "../../src/core/catalogue.js";
import { referenceRecovery } from "../../src/core/reference-recovery.js";
import { withLock } from "../../src/db/lock.js";
import { readOperations } from "../../src/db/operations.js";
import type { Queryable } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { planRecovery } from "../../src/recover/plan.js";
import { untilBlocked } from "../support/blocked.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { addRoom, addServer, createRoomDatabase, digestRows, recoverNow, recoveryWith } from "../support/recovery.js";

/** What a server keeps in memory of a room. */
async function rememberRoom(queryable: Queryable, roomId: string): Promise<string> {
  const [row] = await queryable.query<{ room: string }>(
    "SELECT to_jsonb(room)::text AS room FROM active_rooms AS room WHERE room_id = $1",
    [roomId],
  );
  return row?.room ?? "";
}

/** A background write as docs/recovery.md asks for it: nothing happens once its server's row says that it stopped. */
function writeBehind(queryable: Queryable, epoch: number, room: string): Promise<number> {
  return queryable.execute(
    `WITH owner AS (SELECT epoch FROM server_instances WHERE epoch = $1 AND stopped_at IS NULL FOR KEY SHARE)
     INSERT INTO active_rooms AS known
     SELECT remembered.* FROM owner, jsonb_populate_record(NULL::active_rooms, $2::jsonb || '{"status": "active"}') AS remembered
         ON CONFLICT (room_id) DO UPDATE SET status = excluded.status, version = known.version + 1, updated_at = now()
      WHERE known.owner_epoch <= excluded.owner_epoch`,
    [epoch, room],
  );
}

/** Files of the test's own, as another app's configuration would name them. */
function createFiles(files: Readonly<Record<string, string>>): Disposable & { path(name: string): string } {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-recover-"));
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(directory, name), sql);
  return {
    path: (name) => join(directory, name),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Ends rooms only once nobody holds the advisory lock 7 any more. */
const patientEnd =
  "DELETE FROM active_rooms WHERE room_id = ANY ($1::uuid[]) AND pg_advisory_xact_lock_shared(7) IS NOT NULL";

test.each([
  ["whose heartbeat is a second old", { heartbeatAgo: 1 }],
  ["whose heartbeat is just young enough", { heartbeatAgo: 85 }],
  ["whose clock runs ahead", { heartbeatAgo: -30 }],
])("a recovery is refused while a server runs %s, and changes nothing", async (_name, server) => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addServer(database, { epoch: 7, ...server });
  await addRoom(database, { epoch: 7 });
  const before = await digestRows(database);
  await expect(recoverNow(database, referenceRecovery)).rejects.toMatchObject({
    code: "E_LIVE",
    exitCode: 4,
    message: expect.stringContaining("server 7 (process 7 on rooms-1"),
    hint: expect.stringContaining("roomctl recover --dry-run"),
  });
  expect(await digestRows(database)).toEqual(before);
});

test.each([
  ["stopped a moment ago", { heartbeatAgo: 2, stoppedAgo: 1 }],
  ["gave its last heartbeat 91 s ago", { heartbeatAgo: 91 }],
])("a server that %s is in nobody's way", async (_name, server) => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addServer(database, { epoch: 7, ...server });
  await addRoom(database, { epoch: 7 });
  expect((await recoverNow(database, referenceRecovery)).plan.counts.recovered).toBe(1);
});

test("after a recovery, a write under the old epoch touches nothing, and puts no ended room back", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addServer(database, { epoch: 7, heartbeatAgo: 100 });
  const running = await rememberRoom(database, await addRoom(database, { epoch: 7 }));
  const ended = await rememberRoom(database, await addRoom(database, { epoch: 7, graceIn: -30 }));
  expect(await writeBehind(database, 7, running)).toBe(1);
  const { epoch } = await recoverNow(database, referenceRecovery);
  expect(epoch).toBe("8");
  expect(await writeBehind(database, 7, running)).toBe(0);
  expect(await writeBehind(database, 7, ended)).toBe(0);
  const rooms = await database.query("SELECT status, owner_epoch FROM active_rooms");
  expect(rooms).toEqual([{ status: "grace_period", owner_epoch: "8" }]);
});

test("a fence is no sign of life: rooms of a server that was killed long ago stay stale", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addServer(database, { epoch: 7, heartbeatAgo: 1200 });
  await addRoom(database, { epoch: 7, updatedAgo: 1190, startedAgo: 1500 });
  for (const _ of [1, 2]) {
    const { plan } = await recoverNow(database, referenceRecovery);
    expect(plan.rooms).toMatchObject([{ verdict: "skip", reason: "stale" }]);
  }
});

test("an epoch is higher than every room's, also when the servers' rows are gone", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addRoom(database, { epoch: 41 });
  expect((await recoverNow(database, referenceRecovery)).epoch).toBe("42");
});

test.each(serverNames)(
  "on %s, a recovery waits for a write that is under way, and reads what it left",
  async (server) => {
    await using scratch = await createRoomDatabase({ server });
    await using database = await scratch.open();
    await using recovering = await scratch.open({ applicationName: "roomctl/recover", lockTimeoutMs: 0 });
    await addServer(database, { epoch: 7, heartbeatAgo: 100 });
    const roomId = await addRoom(database, { epoch: 7, graceIn: -30 });
    const room = await rememberRoom(database, roomId);
    const late = await withTransaction(database, {}, async (connection) => {
      expect(await writeBehind(connection, 7, room)).toBe(1);
      const recovery = recoverNow(recovering, referenceRecovery);
      await untilBlocked(database, "roomctl/recover");
      return { recovery };
    });
    const { plan } = await late.recovery;
    expect(plan.rooms).toMatchObject([{ roomId, verdict: "recover", reason: "was-active" }]);
  },
);

test.each(serverNames)("on %s, a write that starts during a recovery finds nothing to do after it", async (server) => {
  await using scratch = await createRoomDatabase({ server });
  await using database = await scratch.open();
  await using zombie = await scratch.open({ applicationName: "zombie", lockTimeoutMs: 0 });
  await addServer(database, { epoch: 7, heartbeatAgo: 100 });
  const room = await rememberRoom(database, await addRoom(database, { epoch: 7, graceIn: -30 }));
  await using recovering = await scratch.open({ applicationName: "roomctl/recover", lockTimeoutMs: 0 });
  using files = createFiles({ "end.sql": patientEnd });
  const { recovery, write } = await withTransaction(database, {}, async (connection) => {
    await connection.query("SELECT pg_advisory_xact_lock(7)");
    const recovery = recoverNow(recovering, recoveryWith({ endStatement: files.path("end.sql") }));
    await untilBlocked(database, "roomctl/recover");
    const write = writeBehind(zombie, 7, room);
    await untilBlocked(database, "zombie");
    return { recovery, write };
  });
  await recovery;
  expect(await write).toBe(0);
  expect(await database.query("SELECT FROM active_rooms")).toEqual([]);
});

test("a plan is stale once a row it speaks of has changed", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  const roomId = await addRoom(database);
  for (const change of [
    "UPDATE active_rooms SET version = version + 1 WHERE room_id = $1",
    "UPDATE active_rooms SET status = 'grace_period', grace_expires_at = now() WHERE room_id = $1",
    "DELETE FROM active_rooms WHERE room_id = $1",
  ]) {
    const plan = await planRecovery(database, referenceRecovery);
    await database.execute(change, [roomId]);
    const before = await digestRows(database);
    await expect(recoverNow(database, referenceRecovery, { plan })).rejects.toMatchObject({ code: "E_PLAN_STALE" });
    expect(await digestRows(database)).toEqual(before);
  }
});

test("time alone makes no plan stale: the verdict of the moment counts, and is reported", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  const roomId = await addRoom(database, { graceIn: 80, updatedAgo: 6 });
  await addRoom(database);
  const plan = await planRecovery(database, referenceRecovery);
  const now = new Date(plan.at.getTime() + 81_000);
  const receipt = await recoverNow(database, referenceRecovery, { plan, now });
  expect(receipt.changed).toEqual([{ roomId, from: "recover", to: "end" }]);
  expect(receipt.plan.counts).toMatchObject({ recovered: 1, ended: 1 });
});

test("two recoveries do not run at once", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await withLock(database, "change", { waitMs: 0 }, async () => {
    await expect(recoverNow(database, referenceRecovery, { lockWaitMs: 0 })).rejects.toMatchObject({
      code: "E_LOCKED",
    });
  });
});

test.each(serverNames)("on %s, a recovery that is cut off half-way leaves everything as it was", async (server) => {
  await using scratch = await createRoomDatabase({ server });
  await using database = await scratch.open();
  const controller = new AbortController();
  await using recovering = await scratch.open({
    signal: controller.signal,
    applicationName: "roomctl/recover",
    lockTimeoutMs: 0,
  });
  await addServer(database, { epoch: 7, heartbeatAgo: 100 });
  await addRoom(database, { epoch: 7 });
  await addRoom(database, { epoch: 7, graceIn: -30 });
  using files = createFiles({ "end.sql": patientEnd });
  const before = await digestRows(database);
  await withTransaction(database, {}, async (connection) => {
    await connection.query("SELECT pg_advisory_xact_lock(7)");
    const cut = recoverNow(recovering, recoveryWith({ endStatement: files.path("end.sql") }), {
      signal: controller.signal,
    });
    const refused = expect(cut).rejects.toMatchObject({ code: "57014" });
    await untilBlocked(database, "roomctl/recover");
    controller.abort();
    await refused;
  });
  expect(await digestRows(database)).toEqual(before);
  expect((await recoverNow(database, referenceRecovery)).plan.counts).toMatchObject({ recovered: 1, ended: 1 });
});

test.each([
  ["leaves a room out", "DELETE FROM active_rooms WHERE room_id = ($1::uuid[])[1]", "touched 1 rows for 2 rooms"],
  ["ends none", "SELECT WHERE cardinality($1::uuid[]) = 0", "touched 0 rows for 2 rooms"],
])("an end statement that %s is found out, and nothing is changed", async (_name, sql, message) => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addRoom(database, { graceIn: -30 });
  await addRoom(database, { graceIn: -30 });
  using files = createFiles({ "end.sql": sql });
  const before = await digestRows(database);
  const attempt = recoverNow(database, recoveryWith({ endStatement: files.path("end.sql") }));
  await expect(attempt).rejects.toMatchObject({ code: "E_CONFIG", message: expect.stringContaining(message) });
  expect(await digestRows(database)).toEqual(before);
});

test("a fence that gets no epoch, because a server just took it, is a refusal", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  using files = createFiles({ "fence.sql": "SELECT 1 AS epoch WHERE false" });
  const attempt = recoverNow(database, recoveryWith({ fenceStatement: files.path("fence.sql") }));
  await expect(attempt).rejects.toMatchObject({ code: "E_LIVE", exitCode: 4 });
});

test.each([
  [
    "writes",
    "SELECT r.*, NULL::timestamptz AS owner_heartbeat_at, NULL::timestamptz AS owner_stopped_at FROM active_rooms AS r WHERE nextval('session_completions_id_seq') > 0",
    "25006",
  ],
  ["names a missing column", "SELECT room_id FROM active_rooms", "E_SCHEMA"],
  ["names a missing table", "SELECT * FROM no_such_table", "E_SCHEMA"],
  [
    "returns a status that is none",
    "SELECT *, NULL::timestamptz AS owner_heartbeat_at, NULL::timestamptz AS owner_stopped_at FROM (SELECT room_id, user_1, user_2, 'open' AS status, started_at, updated_at, grace_expires_at, owner_epoch, version FROM active_rooms) AS r",
    "E_CONFIG",
  ],
  [
    "returns a room twice",
    "SELECT r.*, NULL::timestamptz AS owner_heartbeat_at, NULL::timestamptz AS owner_stopped_at FROM active_rooms AS r, generate_series(1, 2)",
    "E_CONFIG",
  ],
])("a dry run with a rooms statement that %s says so", async (_name, sql, code) => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addRoom(database);
  using files = createFiles({ "rooms.sql": sql });
  const attempt = planRecovery(database, recoveryWith({ roomsStatement: files.path("rooms.sql") }));
  await expect(attempt).rejects.toMatchObject({ code });
});

test("a database without the app's tables is told so by name", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await expect(planRecovery(database, referenceRecovery)).rejects.toMatchObject({
    code: "E_SCHEMA",
    exitCode: 12,
    message: expect.stringContaining("does not exist"),
  });
});

const tables = `"Big ""Game"" App"."live.tables"`;

/** An app with text ids, odd names, one player per table allowed, and no record of its servers. */
const otherApp = {
  "rooms.sql": `-- Tables of the game.
    SELECT t."table id" AS room_id, t.north AS user_1, t.south AS user_2,
           CASE t.state WHEN 'play' THEN 'active' WHEN 'wait' THEN 'grace_period' ELSE 'ended' END AS status,
           t.since AS started_at, t.touched AS updated_at, t.until AS grace_expires_at,
           NULL::bigint AS owner_epoch, NULL::timestamptz AS owner_heartbeat_at, NULL::timestamptz AS owner_stopped_at,
           NULL AS version
      FROM ${tables} AS t;
`,
  "recover.sql": `UPDATE ${tables} AS t SET state = 'wait', until = r.until
      FROM unnest($1::text[], $2::timestamptz[]) AS r (id, until) WHERE t."table id" = r.id;`,
  "end.sql": `UPDATE ${tables} SET state = 'over' WHERE "table id" = ANY ($1::text[])`,
  "fence.sql": "SELECT 0 AS epoch",
  "servers.sql": "SELECT 0 AS epoch, '' AS host, 0 AS pid, 0 AS heartbeat_age_seconds WHERE false",
  "stakes.sql": `SELECT count(*) AS live, 0 AS expired, NULL AS detail FROM ${tables}`,
};

test.each(serverNames)("on %s, an app of other names and types recovers by its own files", async (server) => {
  await using scratch = await createScratchDatabase({ server, name: `odd "db" ${server}` });
  await using database = await scratch.open();
  await database.execute(
    `CREATE SCHEMA "Big ""Game"" App";
     CREATE TABLE ${tables} ("table id" text, north text, south text, state text, since timestamptz, touched timestamptz, until timestamptz);
     INSERT INTO ${tables} VALUES
       ('it''s {1}, "ok"', 'ann', NULL, 'play', now() - interval '1 hour', now() - interval '20 seconds', 'infinity'),
       ('b,c', 'bob', 'cat', 'wait', '-infinity', now() - interval '20 seconds', now() - interval '5 seconds'),
       ('d', 'dan', 'eve', 'play', now(), '-infinity', NULL)`,
  );
  using files = createFiles(otherApp);
  const definition: RecoveryDefinition = {
    freshnessSeconds: 60,
    graceSeconds: 30,
    aliveSeconds: 5,
    roomsStatement: files.path("rooms.sql"),
    recoverStatement: files.path("recover.sql"),
    endStatement: files.path("end.sql"),
    fenceStatement: files.path("fence.sql"),
    serversStatement: files.path("servers.sql"),
    tables: [tables],
    states: [{ name: "stakes", table: tables, statement: files.path("stakes.sql") }],
  };
  const plan = await planRecovery(database, definition);
  const { changed, plan: applied } = await recoverNow(database, definition, { plan });
  expect(changed).toEqual([]);
  expect(applied.states).toEqual([{ name: "stakes", table: tables, live: 3, expired: 0, detail: "" }]);
  expect(await database.query(`SELECT "table id" AS id, state FROM ${tables} ORDER BY 1`)).toEqual([
    { id: "b,c", state: "over" },
    { id: "d", state: "play" },
    { id: `it's {1}, "ok"`, state: "wait" },
  ]);
  expect(applied.rooms.find(({ roomId }) => roomId === "d")).toMatchObject({ verdict: "skip", reason: "stale" });
  expect(await readOperations(database, 5)).toHaveLength(1);
});
