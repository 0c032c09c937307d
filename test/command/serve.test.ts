import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { openDatabase } from "../../src/db/pool.js";
import { runRoomctl } from "../support/cli.js";
import { createScratchDatabase, type ScratchDatabase } from "../support/postgres.js";
import { createRoomDatabase } from "../support/recovery.js";
import { type ServeProcess, startServe } from "../support/serve.js";
import { connectClient, type ServerClient } from "../support/server-client.js";

/** Long enough for everybody to come back, however slow the machine is. */
const quick = ["--instance", "test", "--limit-scale", "1000", "--grace", "10m"];

interface Guest {
  readonly userId: string;
  readonly token: string;
}

async function signUp({ url }: ServeProcess, name: string): Promise<Guest> {
  const response = await fetch(`${url}/api/guests`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name }),
  });
  expect(response.status, await response.clone().text()).toBe(201);
  return (await response.json()) as Guest;
}

interface Pair {
  readonly guests: readonly [Guest, Guest];
  readonly clients: readonly [ServerClient, ServerClient];
  readonly roomId: string;
}

/** Two new users who have met. */
async function meet(server: ServeProcess, mode: "video" | "text" = "video"): Promise<Pair> {
  const guests = [await signUp(server, "Ada"), await signUp(server, "Ben")] as const;
  const clients = [
    await connectClient(server.url, guests[0].token),
    await connectClient(server.url, guests[1].token),
  ] as const;
  await clients[0].ask("queue:join", { mode });
  const { room } = await clients[1].ask("queue:join", { mode });
  return { guests, clients, roomId: (room as { roomId: string }).roomId };
}

async function say(client: ServerClient, roomId: string, body: string): Promise<void> {
  expect(await client.ask("chat:message", { roomId, messageId: randomUUID(), body })).toMatchObject({ ok: true });
}

async function untilRow(scratch: ScratchDatabase, sql: string): Promise<void> {
  await using database = await scratch.open();
  await expect.poll(async () => (await database.query(sql)).length).toBeGreaterThan(0);
}

async function rowsOf(scratch: ScratchDatabase, sql: string): Promise<readonly object[]> {
  await using database = await scratch.open();
  return await database.query(sql);
}

test("killed in the middle of a call, the next server brings the room back, and both go on where they were", async () => {
  await using scratch = await createRoomDatabase();
  const options = { databaseUrl: scratch.url, words: quick };
  await using first = await startServe(options);
  const { guests, clients, roomId } = await meet(first, "text");
  await say(clients[0], roomId, "one");
  await say(clients[1], roomId, "two");
  await untilRow(scratch, `SELECT FROM active_rooms WHERE room_id = '${roomId}' AND status = 'active'`);
  await first.kill("SIGKILL");

  const planned = await runRoomctl(["recover", "--dry-run", "--json"], { databaseUrl: scratch.url });
  const plan = planned.json<{ plan: { counts: object } }>().plan;
  await using second = await startServe({ ...options, port: first.listening.port });
  expect(second.listening).toMatchObject({ epoch: "2", recovery: { rooms: plan.counts } });
  const back = [
    await connectClient(second.url, guests[0].token),
    await connectClient(second.url, guests[1].token),
  ] as const;
  expect(back[0].session.room).toMatchObject({ roomId, status: "grace_period" });
  const bodies = (answer: { messages?: unknown }) => (answer.messages as { body: string }[]).map(({ body }) => body);
  expect(bodies(await back[0].ask("room:rejoin", { roomId, after: 1 }))).toEqual(["two"]);
  expect(bodies(await back[1].ask("room:rejoin", { roomId }))).toEqual(["one", "two"]);
  await back[0].next("room:state", ({ room }) => room.status === "active");
  await back[1].next("rtc:restart", (payload) => payload.roomId === roomId);
  await say(back[1], roomId, "three");
  expect(await back[0].next("chat:message")).toMatchObject({ message: { body: "three", sequence: 3 } });
  for (const client of [...clients, ...back]) client.close();
});

test("a stop writes what is left, says so, and exits 0; the room waits for the next server", async () => {
  await using scratch = await createRoomDatabase();
  await using server = await startServe({ databaseUrl: scratch.url, words: [...quick, "--flush", "1h"] });
  const { clients, roomId } = await meet(server);
  expect(await rowsOf(scratch, "SELECT FROM active_rooms")).toEqual([]);
  await server.kill("SIGTERM");
  expect(await server.exited).toEqual({ status: 0, signal: null });
  expect(clients[0].received.map(({ event }) => event)).toContain("server:stopping");
  expect(await rowsOf(scratch, "SELECT room_id::text FROM active_rooms")).toEqual([{ room_id: roomId }]);
  expect(await rowsOf(scratch, "SELECT FROM server_instances WHERE stopped_at IS NULL")).toEqual([]);
  for (const client of clients) client.close();
});

test("a stop that cannot write says how much is gone, and exits 5; a second signal ends it at once", async () => {
  await using scratch = await createRoomDatabase();
  const start = (instance: string, drain: string) =>
    startServe({
      databaseUrl: scratch.url,
      words: [...quick, "--flush", "1h", "--instance", instance, "--drain", drain],
    });
  await using server = await start("a", "500ms");
  await using patient = await start("b", "1h");
  const pairs = [await meet(server), await meet(patient)];
  await using blocker = await scratch.open();
  await using session = await blocker.connect();
  await session.execute("BEGIN; LOCK TABLE active_rooms IN ACCESS EXCLUSIVE MODE");
  await server.kill("SIGTERM");
  expect((await server.exited).status).toBe(5);
  expect(server.output()).toMatch(/"unflushed": ?[1-9]/);

  process.kill(patient.pid, "SIGTERM");
  await expect.poll(() => patient.output()).toContain('"stopping"');
  process.kill(patient.pid, "SIGTERM");
  expect((await patient.exited).status).toBe(143);
  for (const { clients } of pairs) for (const client of clients) client.close();
});

test("a second server of the same instance takes over at once; the first writes nothing more and exits 11", async () => {
  await using scratch = await createRoomDatabase();
  const options = { databaseUrl: scratch.url, words: [...quick, "--heartbeat", "500ms"] };
  await using first = await startServe(options);
  const { guests, clients, roomId } = await meet(first);
  await untilRow(scratch, "SELECT FROM active_rooms");
  await using second = await startServe(options);
  expect((await first.exited).status).toBe(11);
  const back = await connectClient(second.url, guests[0].token);
  expect(back.session.room).toMatchObject({ roomId });
  await untilRow(scratch, "SELECT FROM active_rooms WHERE owner_epoch = 2");
  expect(await rowsOf(scratch, "SELECT FROM active_rooms WHERE owner_epoch <> 2")).toEqual([]);
  for (const client of [...clients, back]) client.close();
});

test("two servers on one database never own the same room", async () => {
  await using scratch = await createRoomDatabase();
  await using first = await startServe({ databaseUrl: scratch.url, words: [...quick, "--instance", "a"] });
  const one = await meet(first);
  await untilRow(scratch, "SELECT FROM active_rooms");
  const words = ["recover", "--dry-run", "--json", "--instance"];
  const foreseen = await runRoomctl([...words, "b"], { databaseUrl: scratch.url });
  expect(foreseen.json()).toMatchObject({ plan: { rooms: [{ roomId: one.roomId, reason: "owned-elsewhere" }] } });
  const own = await runRoomctl([...words, "a"], { databaseUrl: scratch.url });
  expect(own.json()).toMatchObject({ plan: { rooms: [{ roomId: one.roomId, reason: "was-active" }] } });
  await using second = await startServe({ databaseUrl: scratch.url, words: [...quick, "--instance", "b"] });
  expect(second.listening).toMatchObject({
    recovery: { rooms: { recovered: 0, skipped: 1, reasons: [{ reason: "owned-elsewhere", rooms: 1 }] } },
  });
  const two = await meet(second);
  await untilRow(scratch, "SELECT FROM active_rooms HAVING count(*) = 2");
  expect(
    await rowsOf(scratch, "SELECT room_id::text AS room, owner_epoch::int AS owner FROM active_rooms ORDER BY 2"),
  ).toEqual([
    { room: one.roomId, owner: 1 },
    { room: two.roomId, owner: 2 },
  ]);
  for (const client of [...one.clients, ...two.clients]) client.close();
});

test("without a database it serves from memory, says so once, and a restart remembers nothing", async () => {
  await using server = await startServe({ words: quick });
  expect(server.output()).toContain("no database is configured");
  const { clients, roomId } = await meet(server, "text");
  const answer = await clients[0].ask("chat:message", { roomId, messageId: randomUUID(), body: "hello" });
  expect(answer).toMatchObject({ ok: true, durable: false, message: { sequence: 1 } });
  expect(await clients[0].ask("room:leave", { roomId })).toMatchObject({ ok: true, durable: false });
  for (const client of clients) client.close();
  await server.kill("SIGTERM");
  expect((await server.exited).status).toBe(0);
});

test("a database without the schema is no reason to end: once it is migrated, the server recovers and keeps what came", async () => {
  await using scratch = await createScratchDatabase();
  await using server = await startServe({ databaseUrl: scratch.url, words: quick });
  expect(server.listening).toMatchObject({ epoch: null });
  expect(server.output()).toMatch(/schema is not as this server needs it: .* is missing.*roomctl migrate/);
  expect((await runRoomctl(["migrate"], { databaseUrl: scratch.url })).status).toBe(0);
  // Its row comes first, and then the recovery.
  const health = async () => (await fetch(`${server.url}/health`)).json();
  await expect.poll(health).toMatchObject({ database: "up" });
  const { clients, roomId } = await meet(server);
  await untilRow(scratch, `SELECT FROM active_rooms WHERE room_id = '${roomId}'`);
  for (const client of clients) client.close();
});

test("a port that is taken is one clear error, and the server that has it keeps its rooms", async () => {
  await using scratch = await createRoomDatabase();
  await using server = await startServe({ databaseUrl: scratch.url, words: quick });
  const { port } = server.listening;
  const words = ["serve", ...quick, "--port", String(port)];
  const refused = await runRoomctl(words, { databaseUrl: scratch.url });
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toContain(`cannot listen on 127.0.0.1:${port}: another program does`);
  expect(refused.stderr).toContain("roomctl serve --port 0");
  expect(await rowsOf(scratch, "SELECT epoch::int, stopped_at FROM server_instances")).toEqual([
    { epoch: 1, stopped_at: null },
  ]);
});

test.each([
  [["--port", "http"], "--port is not a number from 0 to 65535"],
  [["--origin", "rooms.example.com"], "--origin is not an origin"],
  [["--torch-warning", "soon"], "--torch-warning is not a duration"],
  [["--limit-scale", "0"], "--limit-scale is not a factor above 0"],
  [["--ice-server", "stun.example.com"], "--ice-server is not a STUN or TURN URL"],
  [["--ice-server", "turn:turn.example.com"], "needs the secret that it shares"],
  [["--turn-secret-file", "/nowhere/turn.secret"], "--turn-secret-file cannot be read"],
  [["--failpoint", "nowhere"], "no such failpoint"],
  [["--planted-bug", "none"], "no such planted bug"],
])("%j is wrong usage", async (words, message) => {
  const refused = await runRoomctl(["serve", "--memory-only", "--port", "0", ...words]);
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).toContain(message);
});

test("the next recovery is the dry run's plan, room by room, on demonstration data", async () => {
  await using scratch = await createRoomDatabase({ isSeeded: true });
  // None may run out between the dry run and the start.
  await rowsOf(
    scratch,
    "UPDATE active_rooms SET grace_expires_at = grace_expires_at + interval '1 hour' WHERE grace_expires_at > now()",
  );
  const dry = await runRoomctl(["recover", "--dry-run", "--json"], { databaseUrl: scratch.url });
  const { counts } = dry.json<{ plan: { counts: { recovered: number } } }>().plan;
  await using server = await startServe({ databaseUrl: scratch.url, words: quick });
  expect(server.listening.recovery).toMatchObject({ rooms: counts, kept: 0 });
  expect(counts.recovered).toBeGreaterThan(200);
  await using database = await openDatabase(scratch.target, { maxConnections: 1 });
  await expect
    .poll(() =>
      database.query("SELECT count(*)::int AS rooms FROM active_rooms WHERE owner_epoch = $1 AND status <> 'ended'", [
        server.listening.epoch,
      ]),
    )
    .toEqual([{ rooms: counts.recovered }]);
});

test("a room whose time ran out while no server ran ends at the next start: its history, and the cooldown of that server", async () => {
  await using scratch = await createRoomDatabase();
  const options = { databaseUrl: scratch.url, words: [...quick, "--cooldown", "2h"] };
  await using first = await startServe(options);
  const { guests, clients, roomId } = await meet(first, "text");
  await say(clients[0], roomId, "are you there?");
  await untilRow(scratch, "SELECT FROM active_rooms");
  await first.kill("SIGKILL");
  await rowsOf(
    scratch,
    `UPDATE active_rooms SET status = 'grace_period', grace_expires_at = now() - interval '30 s',
                             started_at = now() - interval '11 min', updated_at = now() - interval '40 s'`,
  );
  await using second = await startServe(options);
  expect(second.listening).toMatchObject({ recovery: { rooms: { recovered: 0, ended: 1 } } });
  const back = await connectClient(second.url, guests[0].token);
  expect(back.session.room).toBeNull();
  await untilRow(scratch, "SELECT FROM active_rooms WHERE status = 'ended' AND owner_epoch = 2");
  const [ended] = await rowsOf(
    scratch,
    `SELECT count(DISTINCT history.user_id)::int AS sides, min(history.duration_seconds) AS seconds,
            min(history.messages -> 0 ->> 'body') AS said,
            (SELECT count(*)::int FROM session_completions) AS completions,
            (SELECT round(extract(epoch FROM expires_at - now()) / 60)::int FROM cooldowns) AS minutes
       FROM chat_history AS history`,
  );
  expect(ended).toMatchObject({ sides: 2, said: "are you there?", completions: 2 });
  // Two hours from the end of the call, which was over when its time to come back was.
  expect(ended).toHaveProperty("minutes", expect.closeTo(119, -1));
  expect(ended).toHaveProperty("seconds", expect.closeTo(630, -1));
  for (const client of [...clients, back]) client.close();
});
