import { randomUUID } from "node:crypto";
import { expect, test, vi } from "vitest";
import type { Database } from "../../src/db/pool.js";
import { loadStatement } from "../../src/db/statement.js";
import { withTransaction } from "../../src/db/transaction.js";
import { tick } from "../../src/server/realtime.js";
import { defaultSettings, type ServerSettings } from "../../src/server/settings.js";
import { untilBlocked } from "../support/blocked.js";
import { createRoomDatabase } from "../support/recovery.js";
import type { ServerClient } from "../support/server-client.js";
import { createTestLink, type SocketOptions, startSockets } from "../support/server-realtime.js";

/** Sockets over a database, with a store that follows in the background. */
async function startDurable(options: SocketOptions = {}) {
  const scratch = await createRoomDatabase();
  const database = await scratch.open();
  const own = await scratch.open({ applicationName: "store under test" });
  await database.execute("INSERT INTO server_instances (epoch, host, pid) VALUES (1, 'rooms-1', 7)");
  const link = createTestLink(own);
  const settings = { durableWaitMs: 120_000, ...options.settings };
  const server = await startSockets({ link, ...options, settings });
  const { store } = server.realtime.state;
  const attach = () => store.attach(own, { epoch: "1", owner: loadStatement("server/owner") });
  attach();
  const connect = async (name: string) => {
    const [row] = await database.query<{ user_id: string }>("INSERT INTO users (name) VALUES ($1) RETURNING user_id", [
      name,
    ]);
    return server.connect({ userId: row?.user_id, name });
  };
  const outage = {
    /** The link has noticed; what the store has under way may still wait. */
    notice() {
      link.status = "down";
    },
    async begin() {
      link.status = "down";
      await store.detach();
    },
    end() {
      link.status = "up";
      attach();
    },
  };
  return {
    server,
    store,
    database,
    outage,
    connect,
    async meet(mode: "video" | "text" = "text") {
      const [one, two] = [await connect("Ava"), await connect("Ben")];
      await one.ask("queue:join", { mode });
      await two.ask("queue:join", { mode });
      const { room } = await one.next("room:state");
      await two.next("room:state");
      return { one, two, roomId: room.roomId as string };
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await store.detach();
      for (const one of [own, database, scratch]) await one[Symbol.asyncDispose]();
    },
  };
}

const say = (client: ServerClient, roomId: string, body: string, messageId: string = randomUUID()) =>
  client.ask("chat:message", { roomId, messageId, body });
const idOf = (client: ServerClient) => client.session.userId as string;

async function messagesOf(database: Database, roomId: string) {
  return database.query<{ body: string; sequence: number; sender_user_id: string }>(
    "SELECT body, sequence, sender_user_id FROM text_chat_messages WHERE room_id = $1 ORDER BY sequence",
    [roomId],
  );
}

/** Nobody can write into the table while `work` runs. */
function whileLocked(database: Database, table: string, work: () => Promise<void>): Promise<void> {
  return withTransaction(database, {}, async (connection) => {
    await connection.execute(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
    await work();
  });
}

test("messages are numbered in the order in which a room said them, and the partner gets each once", async () => {
  await using app = await startDurable();
  const { one, two, roomId } = await app.meet();
  const other = await app.meet();
  const bodies = Array.from({ length: 50 }, (_, index) => `message ${index}`);
  const answers = await Promise.all(bodies.map((body) => say(one, roomId, body)));
  await Promise.all(["a", "b"].map((body) => say(other.two, other.roomId, body)));
  expect(answers.map(({ ok, durable }) => [ok, durable])).toEqual(bodies.map(() => [true, true]));
  expect(answers.map(({ message }) => (message as { sequence: number }).sequence)).toEqual(
    bodies.map((_, index) => index + 1),
  );
  const stored = await messagesOf(app.database, roomId);
  expect(stored.map(({ body }) => body)).toEqual(bodies);
  for (const body of bodies) expect(await two.next("chat:message")).toMatchObject({ roomId, message: { body } });
  expect((await messagesOf(app.database, other.roomId)).map(({ sequence }) => sequence)).toEqual([1, 2]);
});

test("a message is acknowledged, and shown to the partner, only once it is committed", async () => {
  await using app = await startDurable({ settings: { durableWaitMs: 30_000 } });
  const { one, two, roomId } = await app.meet();
  const settled: string[] = [];
  let answer: ReturnType<typeof say> | undefined;
  await whileLocked(app.database, "text_chat_messages", async () => {
    answer = say(one, roomId, "hello");
    void answer.then(() => settled.push("answered"));
    await untilBlocked(app.database, "store under test");
    // What is not committed holds up nothing else.
    expect(await one.ask("rtc:ice", { roomId, candidate: null })).toEqual({ ok: true });
    await two.next("rtc:ice");
    expect(settled).toEqual([]);
    expect(two.received.filter(({ event }) => event === "chat:message")).toEqual([]);
  });
  expect(await answer).toMatchObject({ ok: true, durable: true, message: { sequence: 1 } });
  expect(await two.next("chat:message")).toMatchObject({ message: { body: "hello" } });
});

test("a message that is sent again is stored once, shown once, and keeps its number", async () => {
  await using app = await startDurable();
  const { one, two, roomId } = await app.meet();
  const messageId = randomUUID();
  const [first, second] = await Promise.all([
    say(one, roomId, "hello", messageId),
    say(one, roomId, "hello", messageId),
  ]);
  await say(one, roomId, "bye");
  expect(second).toEqual(first);
  expect(await say(one, roomId, "hello", messageId)).toEqual(first);
  expect((await messagesOf(app.database, roomId)).map(({ body }) => body)).toEqual(["hello", "bye"]);
  await two.next("chat:message", ({ message }) => message.body === "bye");
  expect(two.received.filter(({ event }) => event === "chat:message")).toHaveLength(2);

  const elsewhere = await app.meet();
  expect(await say(elsewhere.one, elsewhere.roomId, "mine", messageId)).toMatchObject({ ok: false, code: "invalid" });
  expect(await say(two, roomId, "mine", messageId)).toMatchObject({ ok: false, code: "invalid" });
  expect(await messagesOf(app.database, elsewhere.roomId)).toEqual([]);
});

test("who comes back gets the messages that were missed", async () => {
  await using app = await startDurable({ settings: { limits: manyMessages(), eventBurst: 10_000 } });
  const { one, two, roomId } = await app.meet();
  const bodies = Array.from({ length: 510 }, (_, index) => `message ${index + 1}`);
  for (let first = 0; first < bodies.length; first += 100) {
    await Promise.all(bodies.slice(first, first + 100).map((body) => say(one, roomId, body)));
  }
  two.socket.io.engine.close();
  await one.next("room:state", ({ room }) => room.status === "grace_period");
  const back = await app.server.connect({ userId: idOf(two), name: "Ben" });
  const answer = await back.ask("room:rejoin", { roomId, after: 3 });
  const messages = answer["messages"] as { body: string; sequence: number; sentAt: number }[];
  expect(answer).toMatchObject({ ok: true, complete: false });
  expect(await back.ask("room:rejoin", { roomId, after: 503 })).toMatchObject({
    messages: bodies.slice(503).map((body) => ({ body })),
    complete: true,
  });
  expect(messages.map(({ body }) => body)).toEqual(bodies.slice(3, 503));
  expect(messages[0]).toMatchObject({ sequence: 4, senderUserId: idOf(one), sentAt: expect.any(Number) });
  expect(Math.abs((messages[0]?.sentAt ?? 0) - Date.now())).toBeLessThan(60_000);
});

test("a room that is left is in the history of both, with what was said, when that is acknowledged", async () => {
  await using app = await startDurable();
  const { one, two, roomId } = await app.meet();
  await say(one, roomId, "hello");
  await say(two, roomId, "bye");
  expect(await one.ask("room:leave", { roomId })).toEqual({ ok: true, durable: true });
  const history = await app.database.query(
    `SELECT user_id, partner_user_id, chat_mode, jsonb_path_query_array(messages, '$[*].body') AS said
       FROM chat_history WHERE room_id = $1`,
    [roomId],
  );
  const common = { chat_mode: "text", said: ["hello", "bye"] };
  expect(history).toHaveLength(2);
  expect(history).toContainEqual({ user_id: idOf(one), partner_user_id: idOf(two), ...common });
  const [rest] = await app.database.query(
    `SELECT (SELECT count(*)::int FROM cooldowns) AS cooldowns,
            (SELECT count(*)::int FROM session_completions) AS completions,
            (SELECT count(*)::int FROM active_rooms WHERE status <> 'ended') AS rooms`,
  );
  expect(rest).toEqual({ cooldowns: 1, completions: 2, rooms: 0 });
});

test("the end of a room waits for the messages that are on their way, and refuses new ones meanwhile", async () => {
  await using app = await startDurable({ settings: { durableWaitMs: 30_000 } });
  const { one, two, roomId } = await app.meet();
  let said: ReturnType<typeof say> | undefined;
  let left: ReturnType<ServerClient["ask"]> | undefined;
  await whileLocked(app.database, "text_chat_messages", async () => {
    said = say(one, roomId, "the last word");
    await untilBlocked(app.database, "store under test");
    left = two.ask("room:leave", { roomId });
    expect((await one.next("room:state")).room).toMatchObject({ status: "ended", reason: "left" });
    expect(await say(one, roomId, "too late")).toMatchObject({ ok: false, code: "room_ended" });
    expect(await one.ask("room:rejoin", { roomId })).toMatchObject({ ok: false, code: "room_ended" });
    expect(await one.ask("queue:join", { mode: "text" })).toMatchObject({ ok: true, queued: true });
  });
  expect(await said).toMatchObject({ ok: true, durable: true });
  expect(await left).toEqual({ ok: true, durable: true });
  const history = await app.database.query(
    "SELECT jsonb_path_query_array(messages, '$[*].body') AS said FROM chat_history WHERE room_id = $1",
    [roomId],
  );
  expect(history).toEqual([{ said: ["the last word"] }, { said: ["the last word"] }]);
});

test("while the database is down calls go on, and only messages have to wait", async () => {
  await using app = await startDurable();
  const { one, two, roomId } = await app.meet();
  await app.outage.begin();
  expect(await one.ask("rtc:offer", { roomId, description: { type: "offer", sdp: "v=0" } })).toEqual({ ok: true });
  await two.next("rtc:offer");
  expect(await say(one, roomId, "hello")).toMatchObject({
    ok: false,
    code: "unavailable",
    retryAfterMs: expect.any(Number),
  });
  one.socket.io.engine.close();
  await two.next("room:state", ({ room }) => room.status === "grace_period");
  const back = await app.server.connect({ userId: idOf(one), name: "Ava" });
  expect(await back.ask("room:rejoin", { roomId })).toMatchObject({ ok: true, messages: [], complete: false });
  expect(await two.ask("room:leave", { roomId })).toEqual({ ok: true, durable: false });
  const later = await app.meet("video");

  app.outage.end();
  await app.store.flushed();
  const rooms = await app.database.query("SELECT room_id, status FROM active_rooms ORDER BY status");
  expect(rooms).toEqual([
    { room_id: later.roomId, status: "active" },
    { room_id: roomId, status: "ended" },
  ]);
  expect(await app.database.query("SELECT FROM chat_history WHERE room_id = $1", [roomId])).toHaveLength(2);
  expect(await say(later.one, later.roomId, "hello again")).toMatchObject({ ok: true, durable: true });
});

test("a message is refused at once when the database is known to be down, instead of waiting for it", async () => {
  await using app = await startDurable({ settings: { durableWaitMs: 60_000 } });
  const { one, roomId } = await app.meet();
  await whileLocked(app.database, "text_chat_messages", async () => {
    app.outage.notice();
    expect(await say(one, roomId, "hello")).toMatchObject({ ok: false, code: "unavailable" });
  });
  expect(await messagesOf(app.database, roomId)).toEqual([]);
});

test("a message that cannot be committed in time is refused, and may be sent again", async () => {
  await using app = await startDurable({ settings: { durableWaitMs: 300 } });
  const { one, roomId } = await app.meet();
  const messageId = randomUUID();
  await whileLocked(app.database, "text_chat_messages", async () => {
    expect(await say(one, roomId, "hello", messageId)).toMatchObject({
      ok: false,
      code: "unavailable",
      retryAfterMs: expect.any(Number),
    });
  });
  await vi.waitUntil(async () => (await say(one, roomId, "hello", messageId)).ok, { timeout: 120_000 });
  expect(await messagesOf(app.database, roomId)).toMatchObject([{ body: "hello", sequence: 1 }]);
});

test("a call goes on when a user of it is deleted, and its end harms nobody", async () => {
  await using app = await startDurable();
  const { one, two, roomId } = await app.meet();
  await say(two, roomId, "hello");
  await app.database.execute("DELETE FROM users WHERE user_id = $1", [idOf(two)]);
  expect(await two.ask("rtc:ice", { roomId, candidate: null })).toEqual({ ok: true });
  await one.next("rtc:ice");
  expect(await say(two, roomId, "am I here?")).toMatchObject({ ok: false, code: "invalid" });
  expect(await say(one, roomId, "are you there?")).toMatchObject({ ok: true, durable: true });
  expect(await one.ask("room:leave", { roomId })).toEqual({ ok: true, durable: true });
  expect(await app.database.query("SELECT user_id, partner_user_id FROM chat_history")).toEqual([
    { user_id: idOf(one), partner_user_id: null },
  ]);
  await app.store.flushed();
  expect(app.store.stats().maps.map(({ quarantined }) => quarantined)).toEqual(app.store.stats().maps.map(() => 0));
});

/** A clock that an hour can be added to. */
function createShiftedClock() {
  const clock = {
    shiftMs: 0,
    now: () => new Date(Date.now() + clock.shiftMs),
    monotonicMs: () => performance.now() + clock.shiftMs,
  };
  return clock;
}

test.each([
  ["that the database has", false],
  ["that is read only later, since the database was down all the time", true],
])("a call adds to the total %s", async (_title, isDown) => {
  const clock = createShiftedClock();
  await using app = await startDurable({ clock });
  const one = await app.connect("Ava");
  await app.database.execute("UPDATE users SET timer_total_seconds = 500 WHERE user_id = $1", [idOf(one)]);
  const two = await app.connect("Ben");
  const { realtime } = app.server;
  if (isDown) app.outage.notice();
  await one.ask("queue:join", { mode: "video" });
  const joined = await two.ask("queue:join", { mode: "video" });
  const { roomId } = joined["room"] as { roomId: string };
  clock.shiftMs += 3_600_000;
  tick(realtime);
  await two.ask("room:leave", { roomId });
  if (isDown) app.outage.end();
  const counted = async () => {
    tick(realtime);
    await app.store.flushed();
    const rows = await app.database.query<{ total: number }>(
      "SELECT timer_total_seconds AS total FROM users ORDER BY total",
    );
    return rows.map(({ total }) => Math.floor(total / 60));
  };
  await vi.waitUntil(async () => (await counted())[0] === 60, { timeout: 120_000 });
  expect(await counted()).toEqual([60, 68]);
  await vi.waitUntil(async () => (await counted()) && realtime.state.timers.size === 0, { timeout: 120_000 });
});

function manyMessages(): ServerSettings["limits"] {
  return { ...defaultSettings.limits, messages: { count: 1_000_000, windowMs: 60_000 } };
}
