import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { refusalCodes } from "../../src/server/refusal.js";
import type { ServerClient } from "../support/server-client.js";
import { type SocketFixture, startSockets } from "../support/server-realtime.js";

const events = [
  "rtc:offer",
  "rtc:answer",
  "rtc:ice",
  "queue:join",
  "queue:leave",
  "invite:send",
  "invite:accept",
  "invite:decline",
  "room:join",
  "room:rejoin",
  "room:leave",
  "chat:message",
  "presence",
  "no such event",
  "__proto__",
  "constructor",
];

/** No limit comes between a payload and what it could break. */
const settings = { eventBurst: 1_000_000, eventsPerSecond: 1_000_000 };

function payloads(roomId: string, userId: string) {
  const id = fc.constantFrom(roomId, userId, randomUUID(), "", "not an id", roomId.toUpperCase());
  const field = fc.constantFrom(
    "roomId",
    "messageId",
    "body",
    "mode",
    "toUserId",
    "inviteId",
    "after",
    "description",
    "candidate",
    "userIds",
    "__proto__",
    "toString",
  );
  const value = fc.oneof(
    id,
    fc.string({ unit: "binary", maxLength: 50 }),
    fc.jsonValue({ maxDepth: 4 }),
    fc.array(id, { maxLength: 300 }),
    fc.constantFrom("video", "text", "a".repeat(20_001), -1, 1e308, 2 ** 31, { type: "offer", sdp: "v=0" }),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  );
  return fc.oneof(
    { weight: 3, arbitrary: fc.dictionary(field, value, { maxKeys: 6 }).map((fields) => ({ roomId, ...fields })) },
    { weight: 1, arbitrary: value },
  );
}

/** The room that both are in: a new one once the last was left, as often as it takes. */
async function roomFor(server: SocketFixture, [one, two]: readonly [ServerClient, ServerClient]): Promise<string> {
  const { state } = server.realtime;
  for (const userId of state.seen.keys()) state.seen.delete(userId);
  state.cooldowns.clear();
  await one.ask("queue:join", { mode: "text" });
  await two.ask("queue:join", { mode: "text" });
  return [...state.rooms.keys()][0] ?? "";
}

test("whatever a client sends, it gets an answer, and nothing breaks", async () => {
  const lines: string[] = [];
  await using server = await startSockets({ settings, onLog: (line) => lines.push(line) });
  const users = [await server.connect(), await server.connect()] as const;
  const sender = fc.record({ event: fc.constantFrom(...events), by: fc.constantFrom(...users) });
  const asked = new Set<string>();
  for (let round = 0; round < 15; round += 1) {
    const roomId = await roomFor(server, users);
    const payload = payloads(roomId, users[0].session.userId);
    for (const [wish, content] of fc.sample(fc.tuple(sender, payload), { numRuns: 100, seed: round })) {
      const answer = await wish.by.ask(wish.event, content);
      asked.add(answer.ok ? "ok" : String(answer.code));
      if (server.realtime.state.rooms.size === 0) break;
    }
  }
  expect(asked).toContain("ok");
  expect([...asked].filter((code) => code !== "ok" && !refusalCodes.some((known) => known === code))).toEqual([]);
  expect(asked).not.toContain("internal");
  expect(lines.filter((line) => line.includes("failed"))).toEqual([]);
  expect(server.sockets.connections()).toBe(2);
});

test("an event without an answer to give, without a payload, or with more of them breaks nothing", async () => {
  await using server = await startSockets();
  const client = await server.connect();
  for (const event of events) {
    client.socket.emit(event);
    client.socket.emit(event, null, undefined, [], {});
  }
  expect(await client.socket.emitWithAck("queue:leave")).toEqual({ ok: true });
  expect(await client.socket.emitWithAck("queue:leave", null)).toEqual({ ok: true });
  expect(await client.socket.emitWithAck("queue:join")).toMatchObject({ ok: false, code: "invalid" });
  expect(
    await client.ask("chat:message", { roomId: randomUUID(), messageId: randomUUID(), body: "a".repeat(10_001) }),
  ).toMatchObject({ ok: false, code: "too_large" });
});

test.each([
  ["a message that is no packet", "9 garbage"],
  ["a packet that is no JSON", '2["queue:join",{'],
  ["an event that only the server may send", '2["disconnect"]'],
  ["a packet that is too large", `2["presence",{"userIds":["${"a".repeat(70_000)}"]}]`],
])("%s ends that connection and no other", async (_title, packet) => {
  await using server = await startSockets();
  const [client, other] = [await server.connect(), await server.connect()];
  client.socket.io.engine.write(packet);
  await client.closed();
  await other.next("presence", ({ online }) => online === 1);
  expect(await other.ask("queue:join", { mode: "video" })).toEqual({ ok: true, queued: true });
});
