import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { referenceRecovery } from "../../src/core/reference-recovery.js";
import type { Database } from "../../src/db/pool.js";
import { serverNames } from "../support/postgres.js";
import { addRoom, addServer, addUser, createRoomDatabase, recoverNow } from "../support/recovery.js";
import { addLiveRoom, type HttpTest, startHttp, type TestGuest } from "../support/server-http.js";

let http: HttpTest;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http[Symbol.asyncDispose]());

const pair = async (on: HttpTest = http) => [await on.guest("Ava"), await on.guest("Ben")] as const;
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** So many messages of a room, numbered from 1; of `{n}` in a body each has its own number. */
async function addMessages(
  database: Database,
  roomId: string,
  { sender, count, body = "message {n}" }: { readonly sender: string; readonly count: number; readonly body?: string },
): Promise<void> {
  await database.execute(
    `INSERT INTO text_chat_messages (room_id, sender_user_id, body, sequence)
     SELECT $1, $2, replace($4, '{n}', n::text), n FROM generate_series(1, $3::integer) AS n`,
    [roomId, sender, count, body],
  );
}

/** A text chat of the two that was held and ended by this server. */
async function chat(
  on: HttpTest,
  [ava, ben]: readonly [TestGuest, TestGuest],
  said: { readonly count: number; readonly body?: string },
): Promise<string> {
  const room = addLiveRoom(on, [ava.userId, ben.userId], { chatMode: "text" });
  await addMessages(on.database, room.roomId, { sender: ava.userId, ...said });
  const { rooms } = on.context.state;
  rooms.set(room.roomId, { ...room, endedAt: room.startedAt + 5000 });
  rooms.delete(room.roomId);
  await rooms.flushed();
  return room.roomId;
}

/** The newest call as the list of calls shows it. */
async function newestCall(on: HttpTest, token: string) {
  const { body } = await on.ask("GET", "/api/history", { token });
  return body.history[0];
}

/** Reads back from `next` to the beginning: numbers in the order of the call, and the size of each page. */
async function readBack(on: HttpTest, token: string, from: { id: string; next: number | null; limit?: number }) {
  const sizes: number[] = [];
  const numbers: number[] = [];
  let { next } = from;
  while (next !== null && sizes.length < 100) {
    const limit = from.limit === undefined ? "" : `&limit=${from.limit}`;
    const page = await on.ask("GET", `/api/history/${from.id}/messages?before=${next}${limit}`, { token });
    expect(page.status).toBe(200);
    sizes.push(page.body.messages.length);
    numbers.unshift(...numbersOf(page.body.messages));
    next = page.body.next;
  }
  return { sizes, numbers };
}

function numbersOf(messages: readonly { readonly sequence: number }[]): readonly number[] {
  return messages.map(({ sequence }) => sequence);
}

test.each([
  [{}, [200, 200, 50]],
  [{ limit: 150 }, [150, 150, 150]],
  [{ limit: 449 }, [449, 1]],
  [{ limit: 450 }, [450]],
  [{ limit: 500 }, [450]],
])("with %j the messages before the last 200 come in pages without gaps or repeats", async (wish, sizes) => {
  const [ava, ben] = await pair();
  await chat(http, [ava, ben], { count: 650 });
  const call = await newestCall(http, ben.token);
  expect([call.messageCount, call.nextMessages]).toEqual([650, 451]);
  const back = await readBack(http, ben.token, { id: call.historyId, next: call.nextMessages, ...wish });
  expect(back.sizes).toEqual(sizes);
  expect([...back.numbers, ...numbersOf(call.messages)]).toEqual(upTo(650));
});

test("a page of messages without a mark has the last ones, as they were said", async () => {
  const [ava, ben] = await pair();
  await chat(http, [ava, ben], { count: 3 });
  const { historyId, messages, nextMessages } = await newestCall(http, ava.token);
  expect(nextMessages).toBeNull();
  const read = async (query: string) =>
    (await http.ask("GET", `/api/history/${historyId}/messages${query}`, { token: ava.token })).body;
  expect(await read("")).toEqual({ messages, next: null });
  expect(messages[0]).toEqual({
    sequence: 1,
    senderUserId: ava.userId,
    body: "message 1",
    sentAt: expect.any(String),
  });
  expect(await read("?limit=2")).toEqual({ messages: messages.slice(1), next: 2 });
  expect(await read("?limit=3")).toEqual({ messages, next: null });
  expect(await read("?before=1")).toEqual({ messages: [], next: null });
  expect(await read("?before=2147483647&limit=1")).toEqual({ messages: messages.slice(2), next: 3 });
});

test("pages of long messages are shorter, and join all the same", async () => {
  const [ava, ben] = await pair();
  const roomId = await chat(http, [ava, ben], { count: 10 });
  await http.database.execute(
    `UPDATE chat_history SET messages = (SELECT jsonb_agg(jsonb_build_object('sequence', n, 'body', repeat('x', 9000)) ORDER BY n)
       FROM generate_series(1, 300) AS n) WHERE room_id = $1`,
    [roomId],
  );
  const call = await newestCall(http, ava.token);
  expect(call.nextMessages).toBe(101);
  const { sizes, numbers } = await readBack(http, ava.token, { id: call.historyId, next: 301, limit: 500 });
  // A page ends with the message that brings it to a million bytes.
  expect(sizes).toEqual([111, 111, 78]);
  expect(numbers).toEqual(upTo(300));
});

test("nobody reads the messages of another's call, and is not told whether there is one", async () => {
  const [ava, ben] = await pair();
  const { token } = await http.guest("Cyd");
  await chat(http, [ava, ben], { count: 3 });
  const [own, others] = [await newestCall(http, ava.token), await newestCall(http, ben.token)];
  const ask = (id: string, as: string) => http.ask("GET", `/api/history/${id}/messages`, { token: as });
  expect((await ask(own.historyId, ava.token)).status).toBe(200);
  const refused = [
    await ask(own.historyId, token),
    await ask(others.historyId, ava.token),
    await ask(randomUUID(), ava.token),
  ];
  expect(refused.map(({ status }) => status)).toEqual([404, 404, 404]);
  expect(new Set(refused.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  expect((await http.ask("GET", `/api/history/${own.historyId}/messages`)).status).toBe(401);
});

test.each([
  ["?before=0", "before"],
  ["?before=-1", "before"],
  ["?before=1.5", "before"],
  ["?before=", "before"],
  ["?before=x", "before"],
  ["?before=2147483648", "before"],
  ["?limit=0", "limit"],
  ["?limit=501", "limit"],
  ["?limit=many", "limit"],
])("a page of messages with %s is refused", async (query, field) => {
  const [ava, ben] = await pair();
  await chat(http, [ava, ben], { count: 1 });
  const { historyId } = await newestCall(http, ava.token);
  const answer = await http.ask("GET", `/api/history/${historyId}/messages${query}`, { token: ava.token });
  expect([answer.status, answer.body.error.code, answer.body.error.field]).toEqual([400, "invalid", field]);
  expect((await http.ask("GET", "/api/history/1/messages", { token: ava.token })).status).toBe(400);
});

/** What a history keeps of its chat. */
async function keptOf(database: Database, roomId: string) {
  return database.query(
    `SELECT jsonb_array_length(messages) AS kept, (messages #>> '{0,sequence}')::integer AS first,
            (messages #>> '{-1,sequence}')::integer AS last, (messages #>> '{0,leftOut}')::integer AS "leftOut",
            jsonb_path_exists(messages, '$[1 to last].leftOut') AS "hasOtherNotes",
            (SELECT count(*)::integer FROM text_chat_messages WHERE room_id = $1) AS rows
       FROM chat_history WHERE room_id = $1`,
    [roomId],
  );
}

/** Four bytes a character: 40,000 bytes, as long as a message can be. */
const longest = "\u{1f600}".repeat(10_000);
/** A chat, and of which its history keeps how many. */
const chats = [
  { title: "as many messages as fit", count: 5000, kept: 5000 },
  { title: "one message more than fits", count: 5001, kept: 5000 },
  { title: "many more messages than fit", count: 7000, kept: 5000 },
  { title: "as many bytes as fit", count: 25, body: longest, kept: 25 },
  { title: "more bytes than fit", count: 40, body: longest, kept: 25 },
];

function keeps({ count, kept }: { readonly count: number; readonly kept: number }) {
  const leftOut = count - kept;
  const side = { kept, first: leftOut + 1, last: count, leftOut: leftOut || null, hasOtherNotes: false, rows: count };
  return [side, side];
}

test.each(serverNames)(
  "on %s, a server ends chats of any length, and both sides keep the newest of each",
  async (server) => {
    await using own = await startHttp({ server });
    for (const said of chats) {
      const roomId = await chat(own, await pair(own), said);
      expect([said.title, await keptOf(own.database, roomId)]).toEqual([said.title, keeps(said)]);
    }
    const ended = await own.database.query(
      "SELECT count(*)::integer AS rooms FROM active_rooms WHERE status = 'ended'",
    );
    expect(ended).toEqual([{ rooms: chats.length }]);
  },
);

test.each(serverNames)("on %s, a recovery ends chats of any length as the server does", async (server) => {
  await using scratch = await createRoomDatabase({ server });
  await using database = await scratch.open();
  await addServer(database, { epoch: 1, heartbeatAgo: 100 });
  const rooms: { readonly roomId: string; readonly said: (typeof chats)[number] }[] = [];
  for (const said of chats) {
    const users = [await addUser(database), await addUser(database)] as const;
    const roomId = await addRoom(database, { users, chatMode: "text", updatedAgo: 100, graceIn: -20 });
    await addMessages(database, roomId, { sender: users[0], ...said });
    rooms.push({ roomId, said });
  }
  const { plan } = await recoverNow(database, referenceRecovery);
  expect(plan.counts).toMatchObject({ ended: chats.length });
  for (const { roomId, said } of rooms) {
    expect([said.title, await keptOf(database, roomId)]).toEqual([said.title, keeps(said)]);
  }
  expect(await database.query("SELECT FROM active_rooms")).toEqual([]);
});

test("what a history left out is read all the same, and is counted once its rows are gone", async () => {
  const [ava, ben] = await pair();
  const roomId = await chat(http, [ava, ben], { count: 6000 });
  const call = await newestCall(http, ava.token);
  expect([call.messageCount, call.nextMessages]).toEqual([6000, 5801]);
  const id = call.historyId;
  // Of these pages one has messages of both: from the history, and from the rows that it left out.
  const back = await readBack(http, ava.token, { id, next: 5801, limit: 450 });
  expect(back.sizes).toEqual([...Array(12).fill(450), 400]);
  expect([...back.numbers, ...numbersOf(call.messages)]).toEqual(upTo(6000));
  await http.database.execute("DELETE FROM text_chat_messages WHERE room_id = $1", [roomId]);
  const rest = await readBack(http, ava.token, { id, next: 5801, limit: 500 });
  expect(rest.numbers).toEqual(upTo(5800, 1001));
  expect((await newestCall(http, ava.token)).messageCount).toBe(6000);
  const report = await http.ask("POST", "/api/reports", { token: ben.token, body: { roomId, reason: "long" } });
  const evidence = await http.database.query(
    "SELECT session_data -> 'messageCount' AS messages FROM reports WHERE report_id = $1",
    [report.body.reportId],
  );
  expect(evidence).toEqual([{ messages: 6000 }]);
});

test("the note about what was left out is no part of a message", async () => {
  const [ava, ben] = await pair();
  await chat(http, [ava, ben], { count: 30, body: longest });
  const call = await newestCall(http, ava.token);
  expect([call.messages.length, call.messageCount, call.nextMessages]).toEqual([25, 30, 6]);
  const page = await http.ask("GET", `/api/history/${call.historyId}/messages`, { token: ava.token });
  expect(page.body).toEqual({ messages: call.messages, next: 6 });
  expect(Object.keys(call.messages[0]).sort()).toEqual(["body", "senderUserId", "sentAt", "sequence"]);
});
