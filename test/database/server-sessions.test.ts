import { afterAll, beforeAll, expect, test } from "vitest";
import { type Access, createAccess } from "../../src/server/access.js";
import { addBan } from "../../src/server/bans.js";
import { authenticate, hashToken, rememberSession } from "../../src/server/sessions.js";
import { startRecheck } from "../../src/server/sessions-recheck.js";
import { connectClient, type ServerClient } from "../support/server-client.js";
import { type HttpTest, startHttp, type TestGuest } from "../support/server-http.js";
import { type SocketFixture, startSockets } from "../support/server-realtime.js";

/** Accounts over HTTP, and sockets that look their sessions up in the same database. */
let http: HttpTest;
let server: SocketFixture;
let access: Access;

beforeAll(async () => {
  http = await startHttp();
  access = createAccess(http.context, { connected: () => server.sockets.connected() });
  server = await startSockets({ authenticate: (token, ip) => authenticate(access, token, ip) });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await http[Symbol.asyncDispose]();
});

/** A second session of the same user, as another browser has it. */
async function signInAgain({ userId }: TestGuest): Promise<string> {
  const token = access.secrets.token();
  await http.database.execute(
    "INSERT INTO sessions (session_token, user_id, expires_at) VALUES ($1, $2, now() + interval '1 hour')",
    [hashToken(token), userId],
  );
  return token;
}

const revoke = (token: string) =>
  http.database.execute("UPDATE sessions SET revoked_at = now() WHERE session_token = $1", [hashToken(token)]);

async function recheck(): Promise<void> {
  const check = startRecheck(access, server.sockets.kick);
  await check.run();
  check.stop();
}

/** An answer proves that the connection lives: had it been ended, the end would have come before. */
const isAnswered = async (client: ServerClient) => (await client.ask("presence", { userIds: [] })).ok;

test("of a user with two sessions, the one that was revoked ends its connection, the other does not", async () => {
  const guest = await http.guest();
  const other = await signInAgain(guest);
  using first = await connectClient(server.url, guest.token);
  using second = await connectClient(server.url, other);
  await first.next("session:replaced");
  await revoke(guest.token);
  await recheck();
  expect(await isAnswered(second)).toBe(true);
  expect(second.received.map(({ event }) => event)).not.toContain("session:ended");
  await expect(connectClient(server.url, guest.token)).rejects.toMatchObject({ code: "unauthorized" });

  await revoke(other);
  await recheck();
  expect(await second.next("session:ended")).toEqual({ code: "unauthorized" });
  await second.closed();
});

test("a ban ends a user's connection, whichever session it was made with", async () => {
  const guest = await http.guest();
  const other = await signInAgain(guest);
  expect(await authenticate(access, guest.token, "127.0.0.1")).toMatchObject({ userId: guest.userId });
  using client = await connectClient(server.url, other);
  await http.database.execute("INSERT INTO user_bans (user_id, kind, reason) VALUES ($1, 'permanent', 'x')", [
    guest.userId,
  ]);
  await recheck();
  expect(await client.next("session:ended")).toEqual({ code: "banned" });
  await client.closed();
});

test("a connection goes with its session even where memory has forgotten the session", async () => {
  const guest = await http.guest();
  using client = await connectClient(server.url, guest.token);
  expect(access.sessions.delete(hashToken(guest.token))).toBe(true);
  await recheck();
  expect(await isAnswered(client)).toBe(true);
  await revoke(guest.token);
  await recheck();
  expect(await client.next("session:ended")).toEqual({ code: "unauthorized" });
});

test("a connection ends with the time of its session, also while the database is away", async () => {
  const guest = await http.guest();
  using client = await connectClient(server.url, guest.token);
  const hash = hashToken(guest.token);
  const known = access.sessions.get(hash);
  if (known === undefined) throw new Error("the session is not in memory");
  rememberSession(access, hash, { ...known, expiresAt: access.now() });
  http.setLink("down");
  await recheck();
  http.setLink("up");
  expect(await client.next("session:ended")).toEqual({ code: "unauthorized" });
});

test("a ban of an address ends the connections from there, given here or elsewhere", async () => {
  const lift = () => http.database.execute("DELETE FROM ip_bans").then(recheck);
  for (const ban of [
    () => http.database.execute("INSERT INTO ip_bans (ip, reason) VALUES ('127.0.0.0/8', 'x')").then(recheck),
    () => addBan(access, server.sockets.kick, { ip: "127.0.0.1", reason: "x" }),
  ]) {
    const guest = await http.guest();
    using client = await connectClient(server.url, guest.token);
    access.sessions.clear();
    await ban();
    expect(await client.next("session:ended")).toEqual({ code: "banned" });
    await lift();
  }
});
