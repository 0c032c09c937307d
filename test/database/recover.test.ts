import { expect, test } from "vitest";
import { referenceRecovery } from "../../src/core/reference-recovery.js";
import { readOperations } from "../../src/db/operations.js";
import type { Database } from "../../src/db/pool.js";
import type { RoomDecision } from "../../src/recover/decide.js";
import { planRecovery, type RecoveryPlan } from "../../src/recover/plan.js";
import { serverNames } from "../support/postgres.js";
import { addRoom, addServer, addUser, createRoomDatabase, digestRows, recoverNow } from "../support/recovery.js";

const decisionOf = (plan: RecoveryPlan, roomId: string) => plan.rooms.find((room) => room.roomId === roomId);
const verdicts = (rooms: readonly RoomDecision[]) =>
  rooms.map(({ roomId, verdict, reason }) => [roomId, verdict, reason]);

/** Lets the server of the demonstration data die 100 s before the moment its times count from, which is returned. */
async function killDemoServer(database: Database): Promise<Date> {
  const [server] = await database.query<{ now: Date }>(
    `UPDATE server_instances SET heartbeat_at = seeded.at - interval '100 seconds'
       FROM (SELECT max(updated_at) AS at FROM active_rooms) AS seeded
      WHERE stopped_at IS NULL RETURNING seeded.at AS now`,
  );
  return server?.now ?? new Date(Number.NaN);
}

test.each(serverNames)("on %s, what a dry run says is what a recovery then does", async (server) => {
  await using scratch = await createRoomDatabase({ server, isSeeded: true });
  await using database = await scratch.open();
  const now = await killDemoServer(database);
  const plan = await planRecovery(database, referenceRecovery, { now });
  expect(plan.counts).toEqual({
    recovered: 280,
    ended: 10,
    skipped: 10,
    reasons: [
      { verdict: "recover", reason: "was-active", rooms: 240 },
      { verdict: "recover", reason: "was-in-grace", rooms: 40 },
      { verdict: "end", reason: "grace-ran-out-before-the-stop", rooms: 6 },
      { verdict: "end", reason: "grace-ran-out-while-down", rooms: 4 },
      { verdict: "skip", reason: "stale", rooms: 10 },
    ],
  });
  const stale = await rowsOf(database, plan, "skip");

  const receipt = await recoverNow(database, referenceRecovery, { plan, now });
  expect(receipt.changed).toEqual([]);
  expect(verdicts(receipt.plan.rooms)).toEqual(verdicts(plan.rooms));
  expect(await rowsOf(database, plan, "end")).toEqual([]);
  expect(await rowsOf(database, plan, "skip")).toEqual(stale);
  const recovered = await rowsOf(database, plan, "recover");
  expect(recovered).toHaveLength(280);
  for (const row of recovered) {
    expect(row).toMatchObject({ status: "grace_period", user_1_connected: false, user_2_connected: false });
    expect(row).toMatchObject({ owner_epoch: "43", updated_at: plan.at });
    expect(row.grace_expires_at).toEqual(decisionOf(plan, row.room_id)?.graceExpiresAt);
  }
});

interface RoomRow {
  readonly room_id: string;
  readonly grace_expires_at: Date;
}

function rowsOf(database: Database, plan: RecoveryPlan, verdict: RoomDecision["verdict"]): Promise<readonly RoomRow[]> {
  const ids = plan.rooms.filter((room) => room.verdict === verdict).map(({ roomId }) => roomId);
  return database.query<RoomRow>("SELECT * FROM active_rooms WHERE room_id = ANY ($1::uuid[]) ORDER BY room_id", [ids]);
}

test("a dry run counts what else comes back", async () => {
  await using scratch = await createRoomDatabase({ isSeeded: true });
  await using database = await scratch.open();
  const now = await killDemoServer(database);
  const { states, servers } = await planRecovery(database, referenceRecovery, { now });
  const byName = Object.fromEntries(states.map((state) => [state.name, state]));
  expect(Object.keys(byName)).toEqual([
    "referral links",
    "text room activity",
    "cooldowns",
    "timer totals",
    "rate limits",
  ]);
  expect(byName["referral links"]).toMatchObject({ live: 400, expired: 0, table: "referral_mappings" });
  // Text rooms are the even ones: of 1 to 280, which come back, and of 281 to 300, which do not.
  expect(byName["text room activity"]).toMatchObject({ live: 140, expired: 10 });
  expect(byName["text room activity"]?.detail).toMatch(/^\d+ under a warning, the longest for \d+ s$/);
  const [cooldowns] = await database.query<{ live: number; all: number }>(
    "SELECT count(*) FILTER (WHERE expires_at > $1)::int AS live, count(*)::int AS all FROM cooldowns",
    [now],
  );
  expect(byName["cooldowns"]?.live).toBe(cooldowns?.live);
  expect(byName["cooldowns"]?.expired).toBe((cooldowns?.all ?? 0) - (cooldowns?.live ?? 0));
  expect(byName["timer totals"]).toMatchObject({
    live: 1000,
    expired: 0,
    detail: expect.stringMatching(/hours in all/),
  });
  expect((byName["rate limits"]?.live ?? 0) + (byName["rate limits"]?.expired ?? 0)).toBe(150);
  expect(servers).toMatchObject([
    { epoch: 42, host: "rooms-1", pid: 4242, heartbeatAgeSeconds: expect.closeTo(100, 1), isAlive: false },
  ]);
});

test.each(serverNames)("on %s, a dry run leaves every row as it was", async (server) => {
  await using scratch = await createRoomDatabase({ server, isSeeded: true });
  await using database = await scratch.open();
  const before = await digestRows(database);
  await planRecovery(database, referenceRecovery);
  expect(await digestRows(database)).toEqual(before);
});

test("an empty app recovers nothing, and says so", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  const receipt = await recoverNow(database, referenceRecovery);
  expect(receipt).toMatchObject({ epoch: "1", plan: { rooms: [] } });
  expect(receipt.summary).toMatch(/^rooms: 0 recovered, 0 ended, 0 skipped; referral links: 0 live/);
});

test("recovering twice gives the same rooms, and no second history", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  const running = await addRoom(database);
  await addRoom(database, { graceIn: -30 });
  const first = await recoverNow(database, referenceRecovery);
  const written = await countHistory(database);
  const second = await recoverNow(database, referenceRecovery);
  const deadline = decisionOf(first.plan, running)?.graceExpiresAt;
  expect(decisionOf(second.plan, running)).toMatchObject({ verdict: "recover", graceExpiresAt: deadline });
  expect(second.plan.rooms).toHaveLength(1);
  expect(written).toEqual({ history: 2, completions: 2, cooldowns: 1 });
  expect(await countHistory(database)).toEqual(written);
  expect([first.epoch, second.epoch]).toEqual(["2", "3"]);
});

async function countHistory(database: Database) {
  const [row] = await database.query(
    `SELECT (SELECT count(*)::int FROM chat_history) AS history,
            (SELECT count(*)::int FROM session_completions) AS completions,
            (SELECT count(*)::int FROM cooldowns) AS cooldowns`,
  );
  return row;
}

test.each([
  [-1, "grace-ran-out-while-down"],
  [-130, "grace-ran-out-before-the-stop"],
])("a grace that ran out %s s ago ends: it never revives", async (graceIn, reason) => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addServer(database, { epoch: 1, heartbeatAgo: 120 });
  const roomId = await addRoom(database, { graceIn, updatedAgo: 140 });
  const { plan } = await recoverNow(database, referenceRecovery);
  expect(decisionOf(plan, roomId)).toMatchObject({ verdict: "end", reason });
  expect((await recoverNow(database, referenceRecovery)).plan.rooms).toEqual([]);
});

test("a recovered room whose users stay away ends at the next recovery", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  const roomId = await addRoom(database);
  const first = await recoverNow(database, referenceRecovery);
  const now = new Date(first.plan.at.getTime() + 10_000);
  const second = await recoverNow(database, referenceRecovery, { now });
  expect(decisionOf(second.plan, roomId)).toMatchObject({ verdict: "end", endedAt: first.plan.at });
});

test("an ended room never revives, not even when a late write put its row back", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  const ended = await addRoom(database, { status: "ended" });
  const putBack = await addRoom(database, { graceIn: -30 });
  const [row] = await database.query<{ row: string }>(
    "SELECT to_jsonb(r)::text AS row FROM active_rooms r WHERE room_id = $1",
    [putBack],
  );
  await recoverNow(database, referenceRecovery);
  await database.execute(
    'INSERT INTO active_rooms SELECT (jsonb_populate_record(NULL::active_rooms, $1::jsonb || \'{"status": "active"}\')).*',
    [row?.row],
  );
  const before = await countHistory(database);
  const { plan } = await recoverNow(database, referenceRecovery);
  expect(verdicts(plan.rooms)).toEqual(
    expect.arrayContaining([
      [ended, "skip", "already-ended"],
      [putBack, "skip", "already-ended"],
    ]),
  );
  expect(await countHistory(database)).toEqual(before);
});

test.each(serverNames)("on %s, a room ends as a clean end would have ended it", async (server) => {
  await using scratch = await createRoomDatabase({ server });
  await using database = await scratch.open();
  await addServer(database, { epoch: 1, heartbeatAgo: 100 });
  const users = [await addUser(database), await addUser(database)] as const;
  const roomId = await addRoom(database, { users, chatMode: "text", startedAgo: 500, updatedAgo: 100, graceIn: -20 });
  await database.execute(
    `INSERT INTO text_chat_messages (room_id, sender_user_id, body, sequence) VALUES ($1, $2, 'second', 2), ($1, $2, 'first', 1)`,
    [roomId, users[0]],
  );
  await database.execute("INSERT INTO text_room_activity (room_id) VALUES ($1)", [roomId]);
  await recoverNow(database, referenceRecovery);

  const [one, two] = users;
  const history = await database.query(
    `SELECT user_id, partner_user_id, duration_seconds, chat_mode, jsonb_path_query_array(messages, '$[*].body') AS said
       FROM chat_history WHERE room_id = $1`,
    [roomId],
  );
  const common = { duration_seconds: 400, chat_mode: "text", said: ["first", "second"] };
  expect(history).toHaveLength(2);
  expect(history).toContainEqual({ user_id: one, partner_user_id: two, ...common });
  expect(history).toContainEqual({ user_id: two, partner_user_id: one, ...common });
  const completions = await database.query(
    "SELECT user_id, partner_user_id, duration_seconds FROM session_completions WHERE room_id = $1",
    [roomId],
  );
  expect(completions).toHaveLength(2);
  expect(completions).toContainEqual({ user_id: one, partner_user_id: two, duration_seconds: 400 });
  const [low, high] = [...users].sort();
  const cooldowns = await database.query(
    `SELECT user_low, user_high, round(extract(epoch FROM expires_at - completed_at) / 3600)::int AS hours
       FROM cooldowns, session_completions LIMIT 1`,
  );
  expect(cooldowns).toEqual([{ user_low: low, user_high: high, hours: 24 }]);
  const [left] = await database.query(
    "SELECT (SELECT count(*)::int FROM active_rooms) AS rooms, (SELECT count(*)::int FROM text_room_activity) AS activity",
  );
  expect(left).toEqual({ rooms: 0, activity: 0 });
});

test("the later cooldown of a pair wins, also when two of its rooms end together", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  const short = [await addUser(database), await addUser(database)] as const;
  const long = [await addUser(database), await addUser(database)] as const;
  for (const [index, pair] of [short, long].entries()) {
    await addRoom(database, { users: pair, graceIn: -30, updatedAgo: 40 });
    await addRoom(database, { users: [pair[1], pair[0]], graceIn: -60, updatedAgo: 70 });
    await database.execute(
      `INSERT INTO cooldowns (user_low, user_high, expires_at)
       VALUES (least($1::uuid, $2), greatest($1::uuid, $2), now() + make_interval(hours => $3))`,
      [...pair, index === 0 ? 1 : 30],
    );
  }
  await recoverNow(database, referenceRecovery);
  const rows = await database.query(
    "SELECT round(extract(epoch FROM expires_at - now()))::int AS seconds FROM cooldowns ORDER BY expires_at",
  );
  expect(rows).toHaveLength(2);
  // 24 hours after the later of the two, whose last sign of life was 40 s ago; and the one that was longer anyway.
  expect(rows[0]).toMatchObject({ seconds: expect.closeTo(24 * 3600 - 40, -1) });
  expect(rows[1]).toMatchObject({ seconds: expect.closeTo(30 * 3600, -1) });
});

test("a room with a banned user ends, and a lifted or expired ban ends nothing", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  const [banned, cleared, served, fine] = [
    await addUser(database),
    await addUser(database),
    await addUser(database),
    await addUser(database),
  ];
  const ended = await addRoom(database, { users: [fine, banned] });
  const kept = await addRoom(database, { users: [cleared, served] });
  await database.execute(
    `INSERT INTO user_bans (user_id, kind, reason, expires_at, lifted_at)
     VALUES ($1, 'permanent', 'spam', NULL, NULL), ($2, 'permanent', 'spam', NULL, now()),
            ($3, 'temporary', 'spam', now() - interval '1 minute', NULL)`,
    [banned, cleared, served],
  );
  const { rooms } = await planRecovery(database, referenceRecovery);
  expect(rooms.find(({ roomId }) => roomId === ended)).toMatchObject({
    reason: "blocked",
    explanation: "a user of it is banned",
  });
  expect(rooms.find(({ roomId }) => roomId === kept)?.verdict).toBe("recover");
});

test("a user in two rooms comes back to the newer one, and the other ends", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  const [shared, first, second] = [await addUser(database), await addUser(database), await addUser(database)];
  const older = await addRoom(database, { users: [shared, first], startedAgo: 400 });
  const newer = await addRoom(database, { users: [second, shared], startedAgo: 200 });
  const { plan } = await recoverNow(database, referenceRecovery);
  expect(decisionOf(plan, older)).toMatchObject({ verdict: "end", reason: "user-in-newer-room" });
  expect(await database.query("SELECT room_id FROM active_rooms")).toEqual([{ room_id: newer }]);
});

test("a heartbeat keeps a long call fresh that nobody wrote to", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addServer(database, { epoch: 1, heartbeatAgo: 590, stoppedAgo: 585 });
  await addServer(database, { epoch: 2, heartbeatAgo: 620, stoppedAgo: 580 });
  const kept = await addRoom(database, { epoch: 1, startedAgo: 5000, updatedAgo: 4000 });
  const lost = await addRoom(database, { epoch: 2, startedAgo: 5000, updatedAgo: 4000 });
  const { rooms } = await planRecovery(database, referenceRecovery);
  expect(rooms.find(({ roomId }) => roomId === kept)?.verdict).toBe("recover");
  expect(rooms.find(({ roomId }) => roomId === lost)).toMatchObject({ verdict: "skip", reason: "stale" });
});

test.each([
  [599.9, "recover"],
  [600, "skip"],
] as const)("by the database's clock, %s s after the last sign of life means %s", async (seconds, verdict) => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  const roomId = await addRoom(database, { updatedAgo: 0 });
  const [row] = await database.query<{ updated_at: Date }>("SELECT updated_at FROM active_rooms");
  const now = new Date((row?.updated_at.getTime() ?? 0) + seconds * 1000);
  expect(decisionOf(await planRecovery(database, referenceRecovery, { now }), roomId)?.verdict).toBe(verdict);
});

test("what was done is recorded with it", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addRoom(database);
  const ended = await addRoom(database, { graceIn: -30 });
  const { operationId, epoch, plan } = await recoverNow(database, referenceRecovery);
  const [operation] = await readOperations(database, 1);
  expect(operation).toMatchObject({
    id: operationId,
    kind: "recover",
    plan: { token: plan.token, counts: { recovered: 1, ended: 1 }, ended: [{ roomId: ended }] },
    result: { epoch },
  });
});

test("20,000 rooms are read in one pass and brought back in reasonable time", async () => {
  await using scratch = await createRoomDatabase();
  const statements: string[] = [];
  await using database = await scratch.open({ onStatement: (sql) => statements.push(sql) });
  await database.execute(
    `INSERT INTO users (name) SELECT 'Ava' FROM generate_series(1, 40000);
     INSERT INTO active_rooms (user_1, user_2, chat_mode, started_at, updated_at, status, grace_expires_at)
     SELECT max(user_id::text) FILTER (WHERE n % 2 = 0)::uuid, max(user_id::text) FILTER (WHERE n % 2 = 1)::uuid, 'video',
            now() - interval '5 minutes', now() - interval '1 minute',
            CASE WHEN n / 2 % 10 = 0 THEN 'grace_period' ELSE 'active' END, now() - interval '50 seconds'
       FROM (SELECT user_id, row_number() OVER () - 1 AS n FROM users) AS numbered GROUP BY n / 2;
     ANALYZE`,
  );
  statements.length = 0;
  const startedMs = performance.now();
  const plan = await planRecovery(database, referenceRecovery);
  const planMs = performance.now() - startedMs;
  expect(plan.counts).toMatchObject({ recovered: 18_000, ended: 2000 });
  expect(statements.filter((sql) => sql.includes("active_rooms"))).toHaveLength(1);
  expect(planMs).toBeLessThan(30_000);
  const receipt = await recoverNow(database, referenceRecovery, { plan });
  expect(receipt.plan.counts).toMatchObject({ recovered: 18_000, ended: 2000 });
  expect(performance.now() - startedMs).toBeLessThan(180_000);
});
