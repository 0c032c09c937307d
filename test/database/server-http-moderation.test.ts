import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAddressBans } from "../../src/server/bans-addresses.js";
import { authenticate } from "../../src/server/sessions.js";
import { startRecheck } from "../../src/server/sessions-recheck.js";
import { addLiveRoom, type HttpTest, startHttp } from "../support/server-http.js";

let http: HttpTest;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http[Symbol.asyncDispose]());

const pair = async () => [await http.guest("Ava"), await http.guest("Ben")] as const;
const report = (token: string, roomId: string, reason = "He shouted.\nTwice.") =>
  http.ask("POST", "/api/reports", { token, body: { roomId, reason } });

interface ReportRow {
  readonly reporter_user_id: string;
  readonly reported_user_id: string | null;
  readonly reason: string;
  readonly status: string;
  readonly session_data: Readonly<Record<string, unknown>>;
}

async function reportRow(reportId: string): Promise<ReportRow | undefined> {
  const [row] = await http.database.query<ReportRow>("SELECT * FROM reports WHERE report_id = $1", [reportId]);
  return row;
}

async function addMessages(roomId: string, sender: string, count: number): Promise<void> {
  await http.database.execute(
    "INSERT INTO text_chat_messages (room_id, sender_user_id, body, sequence) SELECT $1, $2, 'hi', n FROM generate_series(1, $3) AS n",
    [roomId, sender, count],
  );
}

async function addPastCall(
  user: string,
  partner: string | null,
  past: { mode?: string; seconds?: number; startedAgo?: number } = {},
): Promise<string> {
  const roomId = randomUUID();
  const { mode = "video", seconds = 60, startedAgo = 3600 } = past;
  await http.database.execute(
    `WITH history AS (
       INSERT INTO chat_history (user_id, partner_user_id, room_id, started_at, duration_seconds, chat_mode, messages)
       VALUES ($1, $2, $3, now() - make_interval(secs => $6), $4, $5, '[{"body": "hi"}]'))
     INSERT INTO session_completions (user_id, partner_user_id, room_id, duration_seconds) VALUES ($1, $2, $3, $4)`,
    [user, partner, roomId, seconds, mode, startedAgo],
  );
  return roomId;
}

test("a report of a running call keeps what memory knows of it", async () => {
  const [ava, ben] = await pair();
  const room = addLiveRoom(http, [ava.userId, ben.userId], { chatMode: "text" });
  await addMessages(room.roomId, ava.userId, 3);
  const made = await report(ben.token, room.roomId);
  expect([made.status, made.body]).toEqual([201, { reportId: expect.stringMatching(/^\d+$/) }]);
  expect(await reportRow(made.body.reportId)).toMatchObject({
    reporter_user_id: ben.userId,
    reported_user_id: ava.userId,
    reason: "He shouted.\nTwice.",
    status: "pending",
    session_data: {
      source: "memory",
      roomId: room.roomId,
      mode: "text",
      status: "active",
      userIds: [ava.userId, ben.userId],
      startedAt: new Date(room.startedAt).toISOString(),
      endedAt: null,
      durationSeconds: expect.any(Number),
      messageCount: 3,
    },
  });
});

test("a report of a past call keeps what its history says, also when the partner's account is gone", async () => {
  const [ava, ben] = await pair();
  const roomId = await addPastCall(ava.userId, ben.userId, { seconds: 42 });
  await http.database.execute("DELETE FROM users WHERE user_id = $1", [ben.userId]);
  const made = await report(ava.token, roomId);
  expect(made.status).toBe(201);
  expect(await reportRow(made.body.reportId)).toMatchObject({
    reported_user_id: null,
    session_data: { source: "history", roomId, mode: "video", status: "ended", durationSeconds: 42, messageCount: 1 },
  });
});

test("a report in the moment after the end waits for the history that is on its way", async () => {
  const [ava, ben] = await pair();
  const room = addLiveRoom(http, [ava.userId, ben.userId]);
  await http.context.state.rooms.flushed();
  http.context.state.rooms.set(room.roomId, { ...room, endedAt: room.startedAt + 5000 });
  http.context.state.rooms.delete(room.roomId);
  expect(http.context.state.rooms.isPending(room.roomId)).toBe(true);
  const made = await report(ava.token, room.roomId);
  expect(made.status).toBe(201);
  expect((await reportRow(made.body.reportId))?.session_data).toMatchObject({ source: "history", durationSeconds: 5 });
});

test("nobody reports a room that is not theirs, and is not told whether it exists", async () => {
  const [ava, ben] = await pair();
  const { token } = await http.guest("Cyd");
  const live = addLiveRoom(http, [ava.userId, ben.userId]);
  const past = await addPastCall(ava.userId, ben.userId);
  const answers = [await report(token, live.roomId), await report(token, past), await report(token, randomUUID())];
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
  expect(new Set(answers.map(({ body }) => body.error.message)).size).toBe(1);
});

test.each([
  [{ roomId: "x", reason: "bad" }, "roomId"],
  [{ roomId: randomUUID(), reason: "" }, "reason"],
  [{ roomId: randomUUID(), reason: "x".repeat(2001) }, "reason"],
  [{ roomId: randomUUID(), reason: "a\0b" }, "reason"],
])("a report of %j is refused", async (body, field) => {
  const { token } = await http.guest();
  const answer = await http.ask("POST", "/api/reports", { token, body });
  expect([answer.status, answer.body.error.field]).toEqual([400, field]);
});

test("a ban signs the user out, ends the connection, and is told with its end", async () => {
  const { token, userId } = await http.guest();
  const banned = await http.askControl("POST", "/bans", { userId, reason: "shouting", durationMs: 3_600_000 });
  expect([banned.status, banned.body]).toEqual([
    201,
    { banned: true, ip: null, until: expect.any(Number), durable: true },
  ]);
  expect(http.kicked).toContainEqual({ userId, code: "banned" });
  const answer = await http.ask("GET", "/api/me", { token });
  expect([answer.status, answer.body.error.code]).toEqual([403, "banned"]);
  expect(Math.abs(answer.body.error.until - banned.body.until)).toBeLessThan(2000);
  const rows = await http.database.query(
    "SELECT b.kind, b.reason, s.revoked_at IS NOT NULL AS revoked FROM user_bans AS b JOIN sessions AS s USING (user_id) WHERE user_id = $1",
    [userId],
  );
  expect(rows).toEqual([{ kind: "temporary", reason: "shouting", revoked: true }]);
});

test("a ban without an end is permanent, and may name its report", async () => {
  const [ava, ben] = await pair();
  const roomId = await addPastCall(ava.userId, ben.userId);
  const { body } = await report(ava.token, roomId);
  const banned = await http.askControl("POST", "/bans", {
    userId: ben.userId,
    reason: "see report",
    reportId: body.reportId,
  });
  expect(banned.body.until).toBeNull();
  const rows = await http.database.query("SELECT kind, expires_at, report_id::text FROM user_bans WHERE user_id = $1", [
    ben.userId,
  ]);
  expect(rows).toEqual([{ kind: "permanent", expires_at: null, report_id: body.reportId }]);
  expect(await authenticate(http.access, ben.token, "127.0.0.1")).toMatchObject({
    ok: false,
    code: "banned",
    details: { until: null },
  });
});

test("a ban that somebody else wrote holds at the next connection, and its lifting too", async () => {
  const { token, userId } = await http.guest();
  await http.database.execute("INSERT INTO user_bans (user_id, kind, reason) VALUES ($1, 'permanent', 'elsewhere')", [
    userId,
  ]);
  expect(await authenticate(http.access, token, "127.0.0.1")).toMatchObject({ code: "banned" });
  await http.database.execute("UPDATE user_bans SET lifted_at = now() WHERE user_id = $1", [userId]);
  expect(await authenticate(http.access, token, "127.0.0.1")).toMatchObject({ userId });
});

test("an address ban keeps networks out: who has a session and who wants one", async () => {
  await using own = await startHttp({ settings: { trustedProxies: 1 } });
  const from = (ip: string) => ({ "X-Forwarded-For": ip });
  const came = await own.ask("POST", "/api/guests", { body: { name: "Dee" }, headers: from("203.0.113.77") });
  const { token, userId } = came.body;
  const banned = await own.askControl("POST", "/bans", { ip: "203.0.113.0/24", reason: "flood", durationMs: 60_000 });
  expect(banned.status).toBe(201);
  expect(own.kicked).toEqual([{ userId, code: "banned" }]);
  expect((await own.ask("GET", "/api/me", { token, headers: from("203.0.113.77") })).status).toBe(403);
  expect((await own.ask("GET", "/api/me", { token, headers: from("198.51.100.1") })).status).toBe(200);
  const kept = await own.ask("POST", "/api/guests", { body: { name: "Eve" }, headers: from("203.0.113.1") });
  expect([kept.status, kept.body.error.code]).toEqual([403, "banned"]);
  expect((await own.ask("POST", "/api/guests", { body: { name: "Eve" }, headers: from("203.0.114.1") })).status).toBe(
    201,
  );
  await own.database.execute("INSERT INTO ip_bans (ip, reason) VALUES ('2001:db8::/32', 'elsewhere')");
  expect((await own.ask("POST", "/api/guests", { body: { name: "Fay" }, headers: from("2001:db8::7") })).status).toBe(
    403,
  );
  const again = await own.askControl("POST", "/bans", { ip: "203.0.113.0/24", reason: "for good" });
  expect(again.body.until).toBeNull();
  expect(await own.database.query("SELECT reason, expires_at FROM ip_bans WHERE ip = '203.0.113.0/24'")).toEqual([
    { reason: "for good", expires_at: null },
  ]);
});

test("a ban of an IPv6 address is one of its /64, unless it says otherwise", async () => {
  await using own = await startHttp({ settings: { trustedProxies: 1 } });
  const enter = async (ip: string) =>
    (await own.ask("POST", "/api/guests", { body: { name: "Dee" }, headers: { "X-Forwarded-For": ip } })).status;
  const ban = async (ip: string) => (await own.askControl("POST", "/bans", { ip, reason: "flood" })).body.ip;
  expect(await ban("2001:DB8:1:2::7")).toBe("2001:db8:1:2::/64");
  expect(await ban("2001:db8:5:5::7/128")).toBe("2001:db8:5:5::7/128");
  expect(await ban("::ffff:203.0.113.9")).toBe("203.0.113.9");
  const refused = ["2001:db8:1:2::7", "2001:db8:1:2:ffff::1", "2001:db8:5:5::7", "203.0.113.9", "::ffff:cb00:7109"];
  for (const ip of refused) expect([ip, await enter(ip)]).toEqual([ip, 403]);
  for (const ip of ["2001:db8:1:3::7", "2001:db8:5:5::8", "203.0.113.8"])
    expect([ip, await enter(ip)]).toEqual([ip, 201]);
  // What memory holds and what the rows say cover the same.
  own.access.addressBans = createAddressBans([]);
  for (const ip of refused) expect([ip, await enter(ip)]).toEqual([ip, 403]);
});

test("a ban of nobody changes nothing, not even the address that came with it", async () => {
  const answer = await http.askControl("POST", "/bans", { userId: randomUUID(), ip: "192.0.2.1", reason: "x" });
  expect([answer.status, answer.body.error.code]).toEqual([404, "not_found"]);
  expect(await http.database.query("SELECT FROM ip_bans WHERE ip = '192.0.2.1'")).toEqual([]);
});

test.each([
  [{ reason: "x" }, "body"],
  [{ userId: "x", reason: "x" }, "userId"],
  [{ ip: "999.1.1.1", reason: "x" }, "ip"],
  [{ ip: "10.0.0.0/64", reason: "x" }, "ip"],
  [{ userId: randomUUID() }, "reason"],
  [{ userId: randomUUID(), reason: "x", durationMs: 0 }, "durationMs"],
])("a ban of %j is refused", async (body, field) => {
  const answer = await http.askControl("POST", "/bans", body);
  expect([answer.status, answer.body.error.field]).toEqual([400, field]);
});

test("the public side knows nothing of bans and states", async () => {
  expect((await http.ask("POST", "/bans", { body: { ip: "10.0.0.1", reason: "x" } })).status).toBe(404);
  expect((await http.ask("GET", "/state")).status).toBe(404);
});

test("the minute's look finds what others revoked, banned and deleted, and tells the connections to go", async () => {
  const [revoked, banned, deleted, fine] = [
    await http.guest(),
    await http.guest(),
    await http.guest(),
    await http.guest(),
  ];
  await http.database.execute("UPDATE sessions SET revoked_at = now() WHERE user_id = $1", [revoked.userId]);
  await http.database.execute("INSERT INTO user_bans (user_id, kind, reason) VALUES ($1, 'permanent', 'x')", [
    banned.userId,
  ]);
  await http.database.execute("DELETE FROM users WHERE user_id = $1", [deleted.userId]);
  await http.database.execute("INSERT INTO ip_bans (ip, reason) VALUES ('198.51.100.0/24', 'x')");
  const kicked = new Map<string, string>();
  const recheck = startRecheck(http.access, (userId, code) => void kicked.set(userId, code));
  await recheck.run();
  recheck.stop();
  expect(kicked.get(revoked.userId)).toBe("unauthorized");
  expect(kicked.get(banned.userId)).toBe("banned");
  expect(kicked.get(deleted.userId)).toBe("unauthorized");
  expect(kicked.has(fine.userId)).toBe(false);
  http.setLink("down");
  const known = await authenticate(http.access, fine.token, "127.0.0.1");
  const blocked = await authenticate(http.access, fine.token, "198.51.100.9");
  const gone = await authenticate(http.access, revoked.token, "127.0.0.1");
  const still = await authenticate(http.access, banned.token, "127.0.0.1");
  http.setLink("up");
  expect([known, blocked, gone, still]).toMatchObject([
    { userId: fine.userId },
    { code: "banned" },
    { code: "unavailable" },
    { code: "banned" },
  ]);
});

test("history comes in pages, newest first, without gaps or repeats", async () => {
  const [ava, ben] = await pair();
  // Five of them started at the very same moment.
  for (let n = 0; n < 45; n += 1) await addPastCall(ava.userId, ben.userId, { startedAgo: Math.floor(n / 5) * 100 });
  const seen: string[] = [];
  let next: string | null = null;
  let pages = 0;
  do {
    const query: string = next === null ? "" : `?before=${next}`;
    const page = await http.ask("GET", `/api/history${query}`, { token: ava.token });
    expect(page.status).toBe(200);
    seen.push(...page.body.history.map(({ roomId }: { roomId: string }) => roomId));
    next = page.body.next;
    pages += 1;
  } while (next !== null && pages < 10);
  expect([pages, seen.length, new Set(seen).size]).toEqual([3, 45, 45]);
  expect((await http.ask("GET", "/api/history", { token: ben.token })).body).toEqual({ history: [], next: null });
});

test("long calls come with their last messages, and fewer to a page, without gaps", async () => {
  const [ava, ben] = await pair();
  const roomIds: string[] = [];
  for (let n = 0; n < 5; n += 1) roomIds.push(await addPastCall(ava.userId, ben.userId, { startedAgo: n * 100 }));
  await http.database.execute(
    `UPDATE chat_history SET messages = (SELECT jsonb_agg(jsonb_build_object('sequence', n, 'body', repeat('x', 3000)) ORDER BY n)
       FROM generate_series(1, 900) AS n) WHERE user_id = $1`,
    [ava.userId],
  );
  const seen: string[] = [];
  const sizes: number[] = [];
  let next: string | null = null;
  do {
    const query: string = next === null ? "" : `?before=${next}`;
    const { body } = await http.ask("GET", `/api/history${query}`, { token: ava.token });
    sizes.push(body.history.length);
    for (const { roomId, messages, messageCount } of body.history) {
      seen.push(roomId);
      expect([messages.length, messages[0].sequence, messages.at(-1).sequence, messageCount]).toEqual([
        200, 701, 900, 900,
      ]);
    }
    next = body.next;
  } while (next !== null && sizes.length < 10);
  expect(seen).toEqual(roomIds);
  expect(sizes).toEqual([2, 2, 1]);
});

test("a page that is exactly the last one says so", async () => {
  const [ava, ben] = await pair();
  for (let n = 0; n < 20; n += 1) await addPastCall(ava.userId, ben.userId, { startedAgo: n });
  const first = await http.ask("GET", "/api/history", { token: ava.token });
  expect(first.body.history).toHaveLength(20);
  const rest = await http.ask("GET", `/api/history?before=${first.body.next}`, { token: ava.token });
  expect(rest.body).toEqual({ history: [], next: null });
});

test("history names the partner while the account is there", async () => {
  const [ava, ben] = await pair();
  const roomId = await addPastCall(ava.userId, ben.userId, { mode: "text", seconds: 7 });
  const read = async () => (await http.ask("GET", "/api/history", { token: ava.token })).body.history;
  expect(await read()).toEqual([
    {
      historyId: expect.any(String),
      roomId,
      partner: { userId: ben.userId, name: "Ben" },
      mode: "text",
      startedAt: expect.any(Number),
      durationSeconds: 7,
      messages: [{ body: "hi" }],
      messageCount: 1,
      nextMessages: null,
    },
  ]);
  await http.database.execute("DELETE FROM users WHERE user_id = $1", [ben.userId]);
  expect((await read())[0].partner).toBeNull();
});

test("another's history is no mark in one's own, and a mark must be an id", async () => {
  const [ava, ben] = await pair();
  await addPastCall(ava.userId, ben.userId);
  const [{ historyId }] = (await http.ask("GET", "/api/history", { token: ava.token })).body.history;
  expect((await http.ask("GET", `/api/history?before=${historyId}`, { token: ben.token })).body.history).toEqual([]);
  expect((await http.ask("GET", "/api/history?before=1%20OR%201=1", { token: ava.token })).status).toBe(400);
});

test("the QR code is unlocked by enough long video calls, once", async () => {
  const [ava, ben] = await pair();
  const unlock = () => http.ask("POST", "/api/me/qr", { token: ava.token });
  await addPastCall(ava.userId, ben.userId, { seconds: 30 });
  await addPastCall(ava.userId, ben.userId, { seconds: 29 });
  await addPastCall(ava.userId, ben.userId, { seconds: 900, mode: "text" });
  await addPastCall(ava.userId, ben.userId, { seconds: 31 });
  const locked = await unlock();
  expect([locked.status, locked.body.error.missingCalls]).toEqual([403, 1]);
  await addPastCall(ava.userId, ben.userId, { seconds: 600 });
  const answers = await Promise.all(Array.from({ length: 10 }, unlock));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  expect(new Set(answers.map(({ body }) => `${body.code} ${body.unlockedAt}`)).size).toBe(1);
  const codes = await http.database.query("SELECT code, kind FROM invite_codes WHERE created_by = $1", [ava.userId]);
  expect(codes).toEqual([{ code: answers[0]?.body.code, kind: "qr" }]);
  await http.database.execute("DELETE FROM session_completions WHERE user_id = $1", [ava.userId]);
  expect((await unlock()).body.code).toBe(answers[0]?.body.code);
  const redeemed = await http.ask("POST", `/api/invite-codes/${answers[0]?.body.code}/redeem`, { token: ben.token });
  expect([redeemed.status, redeemed.body.kind]).toEqual([200, "qr"]);
});
