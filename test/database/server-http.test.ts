import { request } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashToken } from "../../src/server/sessions.js";
import { addLiveRoom, type HttpTest, startHttp } from "../support/server-http.js";

let http: HttpTest;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http[Symbol.asyncDispose]());

const tokenForm = /^[A-Za-z0-9_-]{43}$/;

test("a guest gets an account, a token and its end, and is who the token says", async () => {
  const created = await http.ask("POST", "/api/guests", { body: { name: "  Åsa 李  ", gender: "female" } });
  expect(created.status).toBe(201);
  expect(created.body).toEqual({
    userId: expect.any(String),
    token: expect.stringMatching(tokenForm),
    expiresAt: expect.any(Number),
  });
  expect(created.body.expiresAt - Date.now()).toBeGreaterThan(29 * 24 * 3_600_000);
  const me = await http.ask("GET", "/api/me", { token: created.body.token });
  expect(me.body).toEqual({
    userId: created.body.userId,
    name: "Åsa 李",
    accountType: "guest",
    timerTotalSeconds: 0,
    roomId: null,
    stored: {
      gender: "female",
      email: null,
      paymentStatus: "unpaid",
      totalPoints: 0,
      qrUnlockedAt: null,
      createdAt: expect.any(Number),
    },
  });
});

test("me shows the room and the seconds that memory holds", async () => {
  const [one, two] = [await http.guest("Ava"), await http.guest("Ben")];
  const room = addLiveRoom(http, [one.userId, two.userId]);
  http.context.state.timers.set(one.userId, { userId: one.userId, totalSeconds: 61.9 });
  const me = await http.ask("GET", "/api/me", { token: one.token });
  expect(me.body).toMatchObject({ roomId: room.roomId, timerTotalSeconds: 61 });
});

test("a token is neither in the database nor in the log", async () => {
  const { token } = await http.guest("Cyd");
  await http.ask("GET", "/api/me", { token });
  await http.ask("GET", `/api/nothing?token=${token}`, { token });
  await http.ask("POST", "/api/reports", { token, text: `{"broken": "${token}` });
  const [row] = await http.database.query<{ text: string }>(
    "SELECT string_agg(s::text, '') || (SELECT string_agg(u::text, '') FROM users AS u) AS text FROM sessions AS s",
  );
  expect(row?.text).toMatch(/[0-9a-f]{64}/);
  expect(row?.text).not.toContain(token);
  expect(http.logLines.join("\n")).not.toContain(token);
});

test("a session remembers address and device", async () => {
  const created = await http.ask("POST", "/api/guests", {
    body: { name: "Dee" },
    headers: { "User-Agent": "x".repeat(1000) },
  });
  const [row] = await http.database.query<{ ip: string; agent: string }>(
    "SELECT host(ip) AS ip, device_info ->> 'userAgent' AS agent FROM sessions WHERE user_id = $1",
    [created.body.userId],
  );
  expect(row).toEqual({ ip: "127.0.0.1", agent: "x".repeat(300) });
});

test.each([
  ["no name", {}, "name"],
  ["an empty name", { name: "   " }, "name"],
  ["a long name", { name: "x".repeat(101) }, "name"],
  ["a name of the wrong type", { name: 7 }, "name"],
  ["a NUL in the name", { name: "a\0b" }, "name"],
  ["a line break in the name", { name: "a\nb" }, "name"],
  ["half a surrogate pair", { name: "a\ud800" }, "name"],
  ["a gender that is a list", { name: "Eve", gender: ["x"] }, "gender"],
  ["a list", [], "body"],
  ["null", null, "body"],
])("a guest with %s is refused and the field is named", async (_what, body, field) => {
  const answer = await http.ask("POST", "/api/guests", { body });
  expect(answer.status).toBe(400);
  expect(answer.body.error).toMatchObject({ code: "invalid", field, message: expect.any(String) });
});

test("a name is data, whatever it looks like", async () => {
  const name = `'); DROP TABLE users; -- <script>alert(1)</script> __proto__`;
  const { token } = await http.guest(name);
  const me = await http.ask("GET", "/api/me", { token });
  expect(me.body.name).toBe(name);
  const polluted = await http.ask("POST", "/api/guests", { text: '{"name":"Fay","__proto__":{"polluted":true}}' });
  expect(polluted.status).toBe(201);
  expect("polluted" in {}).toBe(false);
});

test.each([
  ["none", {}],
  ["an empty one", { Authorization: "Bearer " }],
  ["another scheme", { Authorization: "Basic dXNlcjpwYXNz" }],
  ["one of the right form", { Authorization: `Bearer ${"A".repeat(43)}` }],
  ["one that is far too long", { Authorization: `Bearer ${"A".repeat(10_000)}` }],
  ["SQL", { Authorization: "Bearer ' OR 1=1 --" }],
])("with %s for a token a request is unauthorized", async (_what, headers) => {
  const answer = await http.ask("GET", "/api/me", { headers });
  expect(answer.status).toBe(401);
  expect(answer.body.error.code).toBe("unauthorized");
  expect(answer.headers.get("WWW-Authenticate")).toBe("Bearer");
});

test("a session that was signed out is over, also for the connection that was made with it", async () => {
  const { token, userId } = await http.guest();
  expect((await http.ask("DELETE", "/api/session", { token })).status).toBe(200);
  expect((await http.ask("GET", "/api/me", { token })).status).toBe(401);
  expect(http.kicked).toContainEqual({ userId, code: "unauthorized", session: hashToken(token) });
  const [row] = await http.database.query<{ revoked: boolean }>(
    "SELECT revoked_at IS NOT NULL AS revoked FROM sessions WHERE user_id = $1",
    [userId],
  );
  expect(row?.revoked).toBe(true);
});

test("a session is over at its end, by the database's clock", async () => {
  const { token, userId } = await http.guest();
  await http.database.execute("UPDATE sessions SET expires_at = now() - interval '1 second' WHERE user_id = $1", [
    userId,
  ]);
  http.advance(6000);
  expect((await http.ask("GET", "/api/me", { token })).status).toBe(401);
});

test("a deleted account's session is unauthorized", async () => {
  const { token, userId } = await http.guest();
  await http.database.execute("DELETE FROM users WHERE user_id = $1", [userId]);
  http.advance(6000);
  expect((await http.ask("GET", "/api/me", { token })).status).toBe(401);
});

test("the last place of a user replaces the one before", async () => {
  const { token, userId } = await http.guest();
  expect((await http.ask("PUT", "/api/location", { token, body: { lat: 1.5, lon: -2.5 } })).status).toBe(200);
  expect((await http.ask("PUT", "/api/location", { token, body: { lat: 3, lon: 4, accuracy: 12 } })).status).toBe(200);
  const rows = await http.database.query("SELECT lat, lon, accuracy FROM user_locations WHERE user_id = $1", [userId]);
  expect(rows).toEqual([{ lat: 3, lon: 4, accuracy: 12 }]);
});

test.each([
  ['{"lat":91,"lon":0}', "lat"],
  ['{"lat":0,"lon":-181}', "lon"],
  ['{"lat":1e999,"lon":0}', "lat"],
  ['{"lat":"1","lon":0}', "lat"],
  ['{"lat":1}', "lon"],
  ['{"lat":1,"lon":1,"accuracy":-1}', "accuracy"],
  ["{lat:1}", "body"],
  ["", "lat"],
])("a place of %s is refused", async (text, field) => {
  const { token } = await http.guest();
  const answer = await http.ask("PUT", "/api/location", { token, text });
  expect(answer.status).toBe(400);
  expect(answer.body.error.field).toBe(field);
});

test("a body beyond the limit is refused, whether its length is told or not", async () => {
  const body = { name: "x".repeat(70_000) };
  const told = await http.ask("POST", "/api/guests", { body });
  expect(told.status).toBe(413);
  expect(told.body.error.code).toBe("too_large");
  expect(await postInChunks(`${http.url}/api/guests`, JSON.stringify(body))).toBe(413);
  expect(await postInChunks(`${http.url}/api/guests`, JSON.stringify({ name: "Gus" }))).toBe(201);
});

function postInChunks(url: string, text: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: "POST", headers: { "Content-Type": "application/json" } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sending.once("error", reject);
    for (let start = 0; start < text.length; start += 10_000) sending.write(text.slice(start, start + 10_000));
    sending.end();
  });
}

test("what is not there is said in JSON", async () => {
  for (const path of ["/api/nothing", "/api/", "/nothing", "/api/referrals/a/b/c"]) {
    const answer = await http.ask("GET", path);
    expect([path, answer.status, answer.body.error?.code]).toEqual([path, 404, "not_found"]);
  }
});

test.each([
  ["DELETE", "/api/me", "GET, HEAD"],
  ["GET", "/api/guests", "POST"],
  ["HEAD", "/api/guests", "POST"],
  ["PATCH", "/api/session", "DELETE"],
  ["PUT", "/api/referrals/some-code", "GET, HEAD"],
  ["POST", "/", "GET, HEAD"],
  ["POST", "/client/app.js", "GET, HEAD"],
  ["OPTIONS", "/health", "GET, HEAD"],
])("where %s %s is only the wrong method, the right ones are named: %s", async (method, path, allowed) => {
  const answer = await http.ask(method, path);
  expect([answer.status, answer.headers.get("Allow")]).toEqual([405, allowed]);
  if (method !== "HEAD") expect(answer.body.error.code).toBe("wrong_method");
});

test("HEAD answers as GET does, without the body", async () => {
  const { token } = await http.guest();
  for (const path of ["/", "/client/app.js", "/livez", "/api/me", "/api/history"]) {
    const answer = await http.ask("HEAD", path, { token });
    expect([path, answer.status, answer.body]).toEqual([path, 200, ""]);
  }
});

test("the scheme of a token may be written in any case", async () => {
  const { token } = await http.guest();
  const answer = await http.ask("GET", "/api/me", { headers: { Authorization: `bearer ${token}` } });
  expect(answer.status).toBe(200);
});

test("private answers stay in no cache", async () => {
  const { token } = await http.guest();
  for (const path of ["/api/me", "/api/history", "/api/notifications", "/api/ice-servers", "/api/nothing"]) {
    expect([path, (await http.ask("GET", path, { token })).headers.get("Cache-Control")]).toEqual([path, "no-store"]);
  }
});

test("answers carry headers that keep a browser from doing more with them", async () => {
  const { headers } = await http.ask("GET", "/livez");
  expect(headers.get("Content-Security-Policy")).toMatch(/default-src 'none'.*script-src 'self'/);
  expect(headers.get("Content-Security-Policy")).not.toContain("unsafe");
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("Cache-Control")).toBe("no-store");
  expect(headers.get("Referrer-Policy")).toBe("no-referrer");
});

test("pages of the server itself may call it, those of another origin may not", async () => {
  const own = await http.ask("POST", "/api/guests", { body: { name: "Hal" }, headers: { Origin: http.url } });
  expect(own.status).toBe(201);
  const other = await http.ask("POST", "/api/guests", {
    body: { name: "Hal" },
    headers: { Origin: "https://evil.example" },
  });
  expect(other.status).toBe(403);
  expect(other.headers.get("Access-Control-Allow-Origin")).toBeNull();
  const opaque = await http.ask("POST", "/api/guests", { body: { name: "Hal" }, headers: { Origin: "null" } });
  expect(opaque.status).toBe(403);
});

test("origins of the list may call, and a browser that asks first is told so", async () => {
  await using listed = await startHttp({ settings: { origins: ["https://app.example"] } });
  const headers = { Origin: "https://app.example" };
  const asked = await listed.ask("OPTIONS", "/api/guests", { headers });
  expect(asked.status).toBe(204);
  expect(asked.headers.get("Access-Control-Allow-Origin")).toBe("https://app.example");
  expect(asked.headers.get("Access-Control-Allow-Headers")).toContain("Authorization");
  const done = await listed.ask("POST", "/api/guests", { headers, body: { name: "Ida" } });
  expect([done.status, done.headers.get("Access-Control-Allow-Origin")]).toEqual([201, "https://app.example"]);
  expect((await listed.ask("OPTIONS", "/api/guests", { headers: { Origin: "https://app.example.evil" } })).status).toBe(
    403,
  );
});

test("over the limit is said with the time to wait", async () => {
  const limits = { ...http.context.settings.limits, guests: { count: 1, windowMs: 3_600_000 } };
  await using limited = await startHttp({ settings: { limits } });
  const statuses = [];
  for (let n = 0; n < 11; n += 1)
    statuses.push((await limited.ask("POST", "/api/guests", { body: { name: "Jo" } })).status);
  // Ten times as many per address as per user.
  expect(statuses).toEqual([...Array(10).fill(201), 429]);
  const refused = await limited.ask("POST", "/api/guests", { body: { name: "Jo" } });
  expect(refused.body.error).toMatchObject({ code: "limited", retryAfterMs: expect.any(Number) });
  expect(Number(refused.headers.get("Retry-After"))).toBe(Math.ceil(refused.body.error.retryAfterMs / 1000));
});

test.each([
  ["history", "GET", "/api/history"],
  ["history", "GET", `/api/history/${crypto.randomUUID()}/messages`],
  ["notifications", "GET", "/api/notifications"],
  ["notifications", "POST", `/api/notifications/${crypto.randomUUID()}/read`],
  ["account", "GET", "/api/me"],
  ["account", "GET", "/api/referrals/unknown"],
  ["account", "POST", "/api/me/qr"],
  ["account", "PUT", "/api/location"],
] as const)("who asks too often is refused without a look into the database: %s, %s %s", async (name, method, path) => {
  const limits = { ...http.context.settings.limits, [name]: { count: 2, windowMs: 24 * 3_600_000 } };
  await using limited = await startHttp({ settings: { limits } });
  const { token } = await limited.guest();
  const asked = { token, ...(method === "PUT" ? { body: { lat: 0, lon: 0 } } : {}) };
  const statuses = [];
  for (let n = 0; n < 2; n += 1) statuses.push((await limited.ask(method, path, asked)).status);
  expect(statuses).not.toContain(429);
  limited.setLink("down");
  const refused = await limited.ask(method, path, asked);
  expect([refused.status, refused.body.error.code]).toEqual([429, "limited"]);
  expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(0);
  limited.setLink("up");
  const other = await limited.guest("Ben");
  expect((await limited.ask(method, path, { ...asked, token: other.token })).status).not.toBe(429);
});

test("an address that tries one unknown token after the other is refused, sessions from there go on", async () => {
  const limits = { ...http.context.settings.limits, unknownTokens: { count: 1, windowMs: 24 * 3_600_000 } };
  await using limited = await startHttp({ settings: { limits } });
  const { token } = await limited.guest();
  const statuses = [];
  for (let n = 0; n < 12; n += 1) {
    const unknown = n.toString().padStart(43, "A");
    statuses.push((await limited.ask("GET", "/api/me", { token: unknown })).status);
  }
  expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
  limited.advance(6000);
  expect((await limited.ask("GET", "/api/me", { token })).status).toBe(200);
  expect((await limited.ask("GET", "/api/me", { token: "of no form" })).status).toBe(401);
});

test("behind a trusted proxy the limit counts per client, and a client cannot choose its address", async () => {
  const limits = { ...http.context.settings.limits, guests: { count: 0.1, windowMs: 3_600_000 } };
  await using proxied = await startHttp({ settings: { limits, trustedProxies: 1 } });
  const from = async (forwarded: string) =>
    (await proxied.ask("POST", "/api/guests", { body: { name: "Kim" }, headers: { "X-Forwarded-For": forwarded } }))
      .status;
  expect(await from("203.0.113.1")).toBe(201);
  expect(await from("203.0.113.2")).toBe(201);
  expect(await from("198.51.100.9, 203.0.113.1")).toBe(429);
});

test("the page and its files are served, and nothing outside their folder", async () => {
  const page = await http.ask("GET", "/");
  expect([page.status, page.headers.get("Content-Type")]).toEqual([200, "text/html; charset=utf-8"]);
  const script = await http.ask("GET", "/client/app.js");
  expect([script.status, script.headers.get("Content-Type")]).toEqual([200, "text/javascript; charset=utf-8"]);
  const etag = script.headers.get("ETag") ?? "";
  expect((await http.ask("GET", "/client/app.js", { headers: { "If-None-Match": etag } })).status).toBe(304);
  for (const path of [
    "/client/../package.json",
    "/client/%2e%2e/package.json",
    "/client/..%2fpackage.json",
    "/client//etc/passwd",
    "/client/",
    "/client/%00",
    "/client/%ff",
  ]) {
    expect([path, await rawStatus(path)]).toEqual([path, 404]);
  }
});

/** Sends the path as it is: `fetch` would tidy it. */
function rawStatus(path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(http.url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, method: "GET" }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once("error", reject)
      .end();
  });
}

test("memory holds only so many sessions, and the database knows the others", async () => {
  await using small = await startHttp({ maxSessions: 3 });
  const guests = [];
  for (let n = 0; n < 8; n += 1) guests.push(await small.guest(`Guest ${n}`));
  expect(small.access.sessions.size).toBe(3);
  for (const { token } of guests) expect((await small.ask("GET", "/api/me", { token })).status).toBe(200);
  expect(small.access.sessions.size).toBe(3);
});

test("no body, whatever it is, gets more than a refusal", async () => {
  const { token } = await http.guest();
  const targets = [
    ["POST", "/api/guests"],
    ["POST", "/api/account/email"],
    ["POST", "/api/account/email/verify"],
    ["POST", "/api/sessions"],
    ["POST", "/api/sessions/verify"],
    ["PUT", "/api/location"],
    ["POST", "/api/referrals"],
    ["POST", "/api/invite-codes"],
    ["POST", "/api/reports"],
  ] as const;
  const keys = fc.constantFrom(
    "name",
    "gender",
    "email",
    "code",
    "lat",
    "lon",
    "roomId",
    "reason",
    "maxUses",
    "targetUserId",
  );
  const body = fc.oneof(
    fc.json(),
    fc.string({ unit: "binary" }),
    fc.dictionary(keys, fc.oneof(fc.jsonValue(), fc.string({ unit: "binary" }))).map((value) => JSON.stringify(value)),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...targets), body, async ([method, path], text) => {
      const { status } = await http.ask(method, path, { token, text });
      expect(status).toBeLessThan(500);
    }),
    { numRuns: 200 },
  );
});

test("no path, whatever it is, gets more than a refusal", async () => {
  const { token } = await http.guest();
  const segment = fc.string({ unit: "binary", maxLength: 120 }).map(encodeURIComponent);
  const path = fc.oneof(
    segment.map((text) => `/api/referrals/${text}`),
    segment.map((text) => `/api/history?before=${text}`),
    segment.map((text) => `/api/history/${crypto.randomUUID()}/messages?before=${text}`),
    segment.map((text) => `/client/${text}`),
  );
  await fc.assert(
    fc.asyncProperty(path, async (text) => {
      const { status } = await http.ask("GET", text, { token });
      expect([200, 400, 404]).toContain(status);
    }),
    { numRuns: 100 },
  );
});
