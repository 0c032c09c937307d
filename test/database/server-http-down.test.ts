import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { referenceStates } from "../../src/core/reference-states.js";
import { openDatabase } from "../../src/db/pool.js";
import { authenticate } from "../../src/server/sessions.js";
import { addLiveRoom, type HttpTest, startHttp } from "../support/server-http.js";

let http: HttpTest;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http[Symbol.asyncDispose]());

/** Every endpoint that has to reach the database before it may answer. */
const durable: readonly (readonly [method: string, path: string, body?: object])[] = [
  ["POST", "/api/guests", { name: "Ava" }],
  ["POST", "/api/account/email", { email: "a@example.org" }],
  ["POST", "/api/account/email/verify", { code: "123456" }],
  ["POST", "/api/sessions", { email: "a@example.org" }],
  ["POST", "/api/sessions/verify", { email: "a@example.org", code: "123456" }],
  ["PUT", "/api/location", { lat: 1, lon: 2 }],
  ["POST", "/api/me/qr"],
  ["GET", "/api/referrals/elsewhere"],
  ["POST", "/api/referrals", { targetUserId: randomUUID() }],
  ["POST", "/api/referrals/elsewhere/use"],
  ["GET", "/api/notifications"],
  ["POST", `/api/notifications/${randomUUID()}/read`],
  ["POST", "/api/invite-codes", {}],
  ["POST", "/api/invite-codes/some/redeem"],
  ["POST", "/api/reports", { roomId: randomUUID(), reason: "x" }],
  ["GET", "/api/history"],
  ["GET", `/api/history/${randomUUID()}/messages`],
  ["DELETE", "/api/session"],
];

test.each(durable.map(([method, path, body]) => ({ method, path, body })))(
  "with the database down, $method $path says so and when to try again",
  async ({ method, path, body }) => {
    const { token } = await http.guest();
    http.setLink("down");
    const answer = await http.ask(method, path, { token, ...(body && { body }) });
    http.setLink("up");
    expect([answer.status, answer.body.error?.code]).toEqual([503, "unavailable"]);
    expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThan(0);
    // Nothing was done: the session still holds.
    expect((await http.ask("GET", "/api/me", { token })).status).toBe(200);
  },
);

test("a database that is lost in the middle is unavailable, and no error of ours", async () => {
  const { token } = await http.guest();
  const gone = await openDatabase(http.database.target);
  await gone[Symbol.asyncDispose]();
  http.setLink("up", gone);
  const answers = [];
  for (const [method, path, body] of durable)
    answers.push(await http.ask(method, path, { token, ...(body && { body }) }));
  http.setLink("up");
  expect(answers.map(({ status }) => status)).toEqual(durable.map(() => 503));
});

test("sessions that end on the server's side are unavailable once, and fine again", async () => {
  const { token } = await http.guest();
  const body = { maxUses: 1 };
  await using other = await openDatabase(http.database.target, { applicationName: "victim" });
  http.setLink("up", other);
  await other.query("SELECT 1");
  await using blocker = await http.database.connect();
  await blocker.execute("BEGIN; LOCK TABLE invite_codes");
  const waiting = http.ask("POST", "/api/invite-codes", { token, body });
  await expect
    .poll(() =>
      http.database.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'victim' AND wait_event_type = 'Lock'",
      ),
    )
    .toHaveLength(1);
  await http.database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'");
  expect((await waiting).status).toBe(503);
  await blocker.execute("ROLLBACK");
  expect((await http.ask("POST", "/api/invite-codes", { token, body })).status).toBe(201);
  http.setLink("up");
});

test("a database that does not answer in time is unavailable", async () => {
  await using own = await startHttp({ settings: { durableWaitMs: 1500 } });
  const { token } = await own.guest();
  await using patient = await openDatabase(own.database.target, { applicationName: "patient", lockTimeoutMs: 60_000 });
  own.setLink("up", patient);
  await using blocker = await own.database.connect();
  await blocker.execute("BEGIN; LOCK TABLE user_locations");
  const answer = await own.ask("PUT", "/api/location", { token, body: { lat: 1, lon: 2 } });
  const waiting = await own.database.query(
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'patient' AND wait_event_type = 'Lock'",
  );
  await blocker.execute("ROLLBACK");
  expect([answer.status, waiting.length]).toEqual([503, 1]);
});

test("who is known stays known while the database is down, and who is not is told to wait", async () => {
  const { token, userId } = await http.guest();
  http.setLink("down");
  http.advance(10 * 60_000);
  const known = await authenticate(http.access, token, "127.0.0.1");
  const unknown = await authenticate(http.access, "A".repeat(43), "127.0.0.1");
  const me = await http.ask("GET", "/api/me", { token });
  http.setLink("up");
  expect(known).toEqual({ userId, name: "Ava", accountType: "guest" });
  expect(unknown).toMatchObject({ ok: false, code: "unavailable", retryAfterMs: expect.any(Number) });
  expect([me.status, me.body]).toEqual([
    200,
    { userId, name: "Ava", accountType: "guest", timerTotalSeconds: 0, roomId: null, stored: null },
  ]);
});

test("a session that ends while the database is down is over", async () => {
  await using own = await startHttp({ settings: { sessionMs: 60_000 } });
  const { token } = await own.guest();
  own.setLink("down");
  own.advance(61_000);
  expect(await authenticate(own.access, token, "127.0.0.1")).toMatchObject({ code: "unauthorized" });
});

test("a ban holds on while the database is down, and no new one is promised", async () => {
  const [banned, other] = [await http.guest(), await http.guest()];
  await http.askControl("POST", "/bans", { userId: banned.userId, reason: "x" });
  await http.askControl("POST", "/bans", { ip: "203.0.113.0/24", reason: "x" });
  http.setLink("down");
  const held = await authenticate(http.access, banned.token, "127.0.0.1");
  const blocked = await authenticate(http.access, other.token, "203.0.113.5");
  const refused = await http.askControl("POST", "/bans", { userId: other.userId, reason: "x" });
  const after = await authenticate(http.access, other.token, "127.0.0.1");
  http.setLink("up");
  expect([held, blocked]).toMatchObject([{ code: "banned" }, { code: "banned" }]);
  expect(refused.status).toBe(503);
  expect(after).toMatchObject({ userId: other.userId });
});

test("a link made while the database is down works at once and is not called durable", async () => {
  const [ava, ben] = [await http.guest(), await http.guest("Ben")];
  http.setLink("down");
  const made = await http.ask("POST", "/api/referrals", { token: ava.token });
  const found = await http.ask("GET", `/api/referrals/${made.body.code}`, { token: ben.token });
  http.setLink("up");
  expect([made.status, made.body]).toEqual([202, { code: expect.any(String), durable: false }]);
  expect([found.status, found.body.targetUserId]).toEqual([200, ava.userId]);
  await http.context.state.referrals.flushed();
  const rows = await http.database.query("SELECT FROM referral_mappings WHERE referral_code = $1", [made.body.code]);
  expect(rows).toHaveLength(1);
});

test("a link whose row cannot be written in time is not called durable", async () => {
  await using own = await startHttp({ settings: { durableWaitMs: 1500 } });
  const ava = await own.guest();
  await using blocker = await own.database.connect();
  await blocker.execute("BEGIN; LOCK TABLE referral_mappings");
  const made = await own.ask("POST", "/api/referrals", { token: ava.token });
  await blocker.execute("ROLLBACK");
  expect([made.status, made.body.durable]).toEqual([202, false]);
});

test("without a configured database there are guests, sessions, links and bans, and the rest says why not", async () => {
  await using memory = await startHttp({ isMemoryOnly: true });
  const [ava, ben] = [await memory.guest("Ava"), await memory.guest("Ben")];
  expect((await memory.ask("GET", "/api/me", { token: ava.token })).body).toMatchObject({ name: "Ava", stored: null });
  const made = await memory.ask("POST", "/api/referrals", { token: ava.token });
  expect([made.status, made.body.durable]).toEqual([202, false]);
  const used = await memory.ask("POST", `/api/referrals/${made.body.code}/use`, { token: ben.token });
  expect([used.status, used.body]).toEqual([202, { notificationId: null, isNew: true, durable: false }]);
  expect(memory.sent).toMatchObject([
    { userId: ava.userId, event: "referral:notification", payload: { fromName: "Ben" } },
  ]);
  const banned = await memory.askControl("POST", "/bans", { userId: ben.userId, reason: "x", durationMs: 60_000 });
  expect([banned.status, banned.body.durable]).toEqual([202, false]);
  expect((await memory.ask("GET", "/api/me", { token: ben.token })).status).toBe(403);
  memory.advance(61_000);
  expect((await memory.ask("GET", "/api/me", { token: ben.token })).status).toBe(200);
  const history = await memory.ask("GET", "/api/history", { token: ava.token });
  expect([history.status, history.body.error.code, history.headers.get("Retry-After")]).toEqual([
    503,
    "unavailable",
    null,
  ]);
  expect((await memory.ask("DELETE", "/api/session", { token: ava.token })).status).toBe(200);
  expect((await memory.ask("GET", "/api/me", { token: ava.token })).status).toBe(401);
  expect((await memory.ask("GET", "/health")).body).toMatchObject({ status: "healthy", database: "none", epoch: null });
  expect(await memory.database.query("SELECT FROM users")).toEqual([]);
});

test("health follows the database, what is unwritten, and what the server is doing", async () => {
  await using own = await startHttp();
  const health = async () => {
    const { status, body } = await own.ask("GET", "/health");
    return { status, body };
  };
  expect(await health()).toEqual({
    status: 200,
    body: {
      status: "healthy",
      database: "up",
      phase: "ready",
      epoch: "7",
      rooms: 0,
      connections: 0,
      lagMs: 0,
      dirty: 0,
      quarantined: 0,
    },
  });
  own.setLink("down");
  expect(await health()).toMatchObject({ status: 200, body: { status: "degraded", database: "down" } });
  own.setLink("up");
  for (const phase of ["recovering", "stopping"] as const) {
    own.setPhase(phase);
    expect(await health()).toMatchObject({ status: 503, body: { status: "down", phase } });
    expect((await own.ask("GET", "/readyz")).status).toBe(503);
    expect((await own.ask("GET", "/livez")).status).toBe(200);
  }
  own.setPhase("ready");
  expect((await own.ask("GET", "/readyz")).body).toEqual({ ready: true, phase: "ready" });
});

test("health says how far the database is behind", async () => {
  await using own = await startHttp();
  const [ava, ben] = [await own.guest(), await own.guest()];
  await using blocker = await own.database.connect();
  await blocker.execute("BEGIN; LOCK TABLE active_rooms");
  addLiveRoom(own, [ava.userId, ben.userId]);
  await expect
    .poll(async () => (await own.ask("GET", "/health")).body, { timeout: 120_000 })
    .toMatchObject({ status: "degraded", rooms: 1, dirty: 1 });
  await blocker.execute("ROLLBACK");
  await own.context.state.rooms.flushed();
  expect((await own.ask("GET", "/health")).body).toMatchObject({ status: "healthy", dirty: 0, lagMs: 0 });
});

test("metrics are Prometheus text with the store, the rooms and the recovery", async () => {
  await using own = await startHttp();
  const [ava, ben] = [await own.guest(), await own.guest()];
  addLiveRoom(own, [ava.userId, ben.userId], { status: "grace_period", graceExpiresAt: Date.now() + 10_000 });
  await own.context.state.rooms.flushed();
  const { status, headers, body } = await own.ask("GET", "/metrics");
  expect([status, headers.get("Content-Type")]).toEqual([200, expect.stringMatching(/^text\/plain; version=/)]);
  const lines = String(body).split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      'roomctl_rooms{status="grace_period"} 1',
      'roomctl_rooms{status="active"} 0',
      'roomctl_recovered_rooms{outcome="recovered"} 3',
      'roomctl_store_entries{map="active rooms"} 1',
      'roomctl_store_dirty{map="active rooms"} 0',
      'roomctl_store_rows{map="active rooms"} 1',
      "roomctl_database_up 1",
      "roomctl_store_fenced 0",
      expect.stringMatching(/^roomctl_event_loop_delay_seconds\{quantile="0.99"\} \d/),
    ]),
  );
  expect(lines.filter((line) => line !== "" && !/^(# |roomctl_\w+(\{.*\})? -?[\d.e+-]+$)/.test(line))).toEqual([]);
});

test("the control socket publishes every state that lives in memory, and no secret", async () => {
  await using own = await startHttp();
  const [ava, ben] = [await own.guest(), await own.guest()];
  const room = addLiveRoom(own, [ava.userId, ben.userId]);
  await own.ask("POST", "/api/sessions", { body: { email: "Somebody@example.org" } });
  await own.context.state.store.flushed();
  const { body } = await own.askControl("GET", "/state");
  expect(body.server).toEqual({
    instance: "rooms-1",
    epoch: "7",
    database: "up",
    skewMs: 0,
    pid: null,
    startedAt: expect.any(Number),
  });
  const inMemory = referenceStates.filter(({ persistence }) => persistence !== "durable").map(({ name }) => name);
  const names = body.containers.map(({ name }: { name: string }) => name);
  expect(names).toEqual(expect.arrayContaining(inMemory));
  const rooms = body.containers.find(({ name }: { name: string }) => name === "active rooms");
  expect(rooms).toMatchObject({
    persistence: "write-behind",
    table: "active_rooms",
    complete: true,
    rows: { owner_epoch: "7", status: ["active", "grace_period"] },
    size: 1,
    dirty: 0,
    pending: 0,
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(rooms.flushedVersion).toBeGreaterThanOrEqual(rooms.highestVersion);
  const page = await own.askControl("GET", `/state/${encodeURIComponent("active rooms")}`);
  expect(page.body).toEqual({
    entries: [
      {
        key: room.roomId,
        version: expect.any(Number),
        pending: false,
        row: expect.objectContaining({ room_id: room.roomId, user_1: ava.userId, status: "active" }),
      },
    ],
    next: null,
  });
  const everything = [JSON.stringify(body)];
  for (const name of names)
    everything.push(JSON.stringify((await own.askControl("GET", `/state/${encodeURIComponent(name)}`)).body));
  expect(everything.join("\n")).not.toContain(ava.token);
  expect(everything.join("\n").toLowerCase()).not.toContain("somebody@example.org");
});

test("pages of a container hold each key once, and its digest changes with its rows only", async () => {
  await using own = await startHttp();
  const ava = await own.guest();
  const { referrals } = own.context.state;
  for (let n = 0; n < 25; n += 1) {
    referrals.set(`code ${n}`, {
      referralCode: `code ${n}`,
      targetUserId: ava.userId,
      createdByUserId: null,
      targetName: "Ava",
      createdByName: "Ava",
      createdAt: 0,
    });
  }
  const path = "/state/referral%20mappings";
  const digest = async () =>
    (await own.askControl("GET", "/state")).body.containers.find(
      ({ name }: { name: string }) => name === "referral mappings",
    ).digest;
  const before = await digest();
  const keys: string[] = [];
  for (let next: string | null = ""; next !== null; ) {
    const page = await own.askControl(
      "GET",
      `${path}?limit=10${next === "" ? "" : `&after=${encodeURIComponent(next)}`}`,
    );
    keys.push(...page.body.entries.map(({ key }: { key: string }) => key));
    next = page.body.next;
  }
  expect(keys).toEqual([...referrals.keys()].sort());
  expect(await digest()).toBe(before);
  referrals.update("code 3", (link) => link && { ...link, targetName: "Eve" });
  expect(await digest()).not.toBe(before);
  for (const query of ["limit=0", "limit=5000", "limit=x", `after=${"x".repeat(1001)}`]) {
    expect([query, (await own.askControl("GET", `${path}?${query}`)).status]).toEqual([query, 400]);
  }
  expect((await own.askControl("GET", "/state/nothing")).status).toBe(404);
});
