import { randomUUID } from "node:crypto";
import { io } from "socket.io-client";
import { expect, test } from "vitest";
import { refuse } from "../../src/server/refusal.js";
import { type Ack, connectClient, type ServerClient } from "../support/server-client.js";
import { type SocketFixture, startSockets } from "../support/server-realtime.js";

/** Two users in a room. */
async function meet(server: SocketFixture, mode: "video" | "text" = "video") {
  const [one, two] = [await server.connect({ name: "Ava" }), await server.connect({ name: "Ben" })];
  expect(await one.ask("queue:join", { mode })).toEqual({ ok: true, queued: true });
  const joined = await two.ask("queue:join", { mode });
  const { room } = await one.next("room:state");
  await two.next("room:state");
  expect(joined).toMatchObject({ ok: true, queued: false, room: { roomId: room.roomId } });
  return { one, two, roomId: room.roomId as string };
}

const userOf = (client: ServerClient) => ({ userId: client.session.userId as string, name: client.session.name });
const isActive = ({ room }: { room: { status: string } }) => room.status === "active";

test("two users meet, negotiate, talk and part", async () => {
  await using server = await startSockets();
  const { one, two, roomId } = await meet(server);
  expect(one.session).toMatchObject({ name: "Ava", epoch: null, room: null, serverTime: expect.any(Number) });
  expect(await one.ask("room:join", { roomId })).toMatchObject({ ok: true, room: { initiator: true }, messages: [] });

  const offer = { roomId, description: { type: "offer", sdp: "v=0" } };
  expect(await one.ask("rtc:offer", offer)).toEqual({ ok: true });
  expect(await two.next("rtc:offer")).toEqual({ ...offer, fromUserId: one.session.userId });
  const ice = { roomId, candidate: { candidate: "candidate:1 1 udp", sdpMid: "0", sdpMLineIndex: 0 } };
  expect(await two.ask("rtc:ice", ice)).toEqual({ ok: true });
  expect(await one.next("rtc:ice")).toEqual({ ...ice, fromUserId: two.session.userId });

  const said = { roomId, messageId: randomUUID(), body: "hello" };
  const answer = await one.ask("chat:message", said);
  const message = { messageId: said.messageId, senderUserId: one.session.userId, body: "hello", sequence: 1 };
  expect(answer).toMatchObject({ ok: true, durable: false, message });
  expect(await two.next("chat:message")).toMatchObject({ roomId, message });
  expect(await one.ask("chat:message", said)).toEqual(answer);
  await two.ask("chat:message", { roomId, messageId: randomUUID(), body: "hi" });
  expect(await two.ask("room:rejoin", { roomId, after: 1 })).toMatchObject({
    messages: [{ body: "hi", sequence: 2 }],
    complete: true,
  });
  expect(two.received.filter(({ event }) => event === "chat:message")).toHaveLength(1);

  expect(await two.ask("room:leave", { roomId })).toEqual({ ok: true, durable: false });
  for (const client of [one, two]) {
    expect((await client.next("room:state")).room).toMatchObject({ status: "ended", reason: "left" });
  }
  expect(await one.ask("chat:message", said)).toMatchObject({ ok: false, code: "room_ended" });
});

test("a broken connection leaves the room waiting, and both renegotiate when it is back", async () => {
  await using server = await startSockets();
  const { one, two, roomId } = await meet(server);
  one.socket.io.engine.close();
  const { room } = await two.next("room:state", (payload) => !isActive(payload));
  expect(room).toMatchObject({ status: "grace_period", partner: { connected: false } });
  expect(room.graceExpiresAt).toBeGreaterThan(Date.now() + 5_000);
  expect(await two.ask("rtc:ice", { roomId, candidate: null })).toMatchObject({ ok: false, code: "partner_away" });

  const back = await server.connect(userOf(one));
  expect(back.session.room).toMatchObject({ roomId, status: "grace_period", you: { connected: false } });
  expect(await back.ask("rtc:ice", { roomId, candidate: null })).toMatchObject({ ok: false, code: "invalid" });
  expect(await back.ask("room:rejoin", { roomId })).toMatchObject({ ok: true, room: { status: "active" } });
  for (const client of [back, two]) expect(await client.next("rtc:restart")).toEqual({ roomId });
  expect((await two.next("room:state", isActive)).room.partner).toMatchObject({ connected: true });
});

test("a user who connects again is told so on the old connection, which is closed", async () => {
  await using server = await startSockets();
  const { one, two, roomId } = await meet(server);
  const again = await server.connect(userOf(one));
  expect(await one.next("session:replaced")).toEqual({});
  await one.closed();
  expect(again.session.room).toMatchObject({ roomId, status: "grace_period" });
  await two.next("room:state", (payload) => !isActive(payload));
  await again.ask("room:rejoin", { roomId });
  expect(await two.next("rtc:restart")).toEqual({ roomId });
  expect(server.sockets.connections()).toBe(2);
  expect(await two.ask("presence", { userIds: [again.session.userId, randomUUID()] })).toEqual({
    ok: true,
    online: [again.session.userId],
  });
});

test("connections without a valid token, too many, from elsewhere or banned are refused with a reason", async () => {
  const settings = { maxConnectionsPerIp: 3 };
  const authenticate = async (token: string) => {
    if (token === "boom") throw new Error("the lookup failed");
    if (token === "banned") return refuse("banned", "you are banned");
    return token === "slow"
      ? refuse("unavailable", "the database is down", 2_000)
      : { userId: token, name: "Ava", accountType: "guest" as const };
  };
  await using server = await startSockets({ settings, authenticate });
  await expect(connectClient(server.url, "banned")).rejects.toEqual({ code: "banned", message: "you are banned" });
  await expect(connectClient(server.url, "slow")).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 2_000 });
  await expect(connectClient(server.url, "boom")).rejects.toMatchObject({ code: "internal" });
  const tokenless = io(server.url, { transports: ["websocket"], forceNew: true, reconnection: false });
  const reason = await new Promise((resolve) => tokenless.once("connect_error", (error) => resolve(error)));
  tokenless.disconnect();
  expect(reason).toMatchObject({ data: { code: "unauthorized" } });

  const elsewhere = io(server.url, {
    auth: { token: "someone" },
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
    extraHeaders: { origin: "https://evil.example" },
  });
  const refused = await new Promise<Error>((resolve) => elsewhere.once("connect_error", resolve));
  elsewhere.disconnect();
  expect(refused.message).toBe("websocket error");
  expect(server.sockets.connections()).toBe(0);
});

test("an address that has enough connections gets no more, until one of them is closed", async () => {
  await using server = await startSockets({ settings: { maxConnectionsPerIp: 2 } });
  const first = await server.connect();
  const second = await server.connect();
  await expect(server.connect()).rejects.toMatchObject({ code: "limited", retryAfterMs: expect.any(Number) });
  first.close();
  await second.next("presence", ({ online }) => online === 1);
  await expect(server.connect()).resolves.toMatchObject({ session: { name: "Ava" } });
});

test("a client that floods is answered with limits, then hung up on, and disturbs nobody", async () => {
  await using server = await startSockets({ settings: { eventBurst: 50, eventsPerSecond: 1 } });
  const { one, two, roomId } = await meet(server);
  const flooder = await server.connect();
  const codes: unknown[] = [];
  for (let event = 0; event < 1_000; event += 1) {
    flooder.socket.emit("presence", { userIds: [] }, (answer: Ack) => codes.push(answer.code ?? "ok"));
  }
  expect(await one.ask("rtc:ice", { roomId, candidate: null })).toEqual({ ok: true });
  expect(await two.next("rtc:ice")).toMatchObject({ candidate: null });
  await flooder.closed();
  expect(codes.slice(0, 50)).toEqual(Array(50).fill("ok"));
  expect(codes.filter((code) => code === "ok").length).toBeLessThan(100);
  expect(codes).toContain("limited");
  expect(codes.length).toBeLessThan(400);
  expect(server.sockets.connections()).toBe(2);
});

test("who floods with what is no event, signed in or not, is hung up on", async () => {
  await using server = await startSockets({ settings: { eventBurst: 50, eventsPerSecond: 1 } });
  const flooder = await server.connect();
  const bystander = await server.connect();
  // Answered one by one as no event is: the library of the client does not even see it.
  const engine = flooder.socket.io.engine;
  for (let packet = 0; packet < 10_000; packet += 1) engine.write("0/nowhere,");
  await flooder.closed();
  expect(await bystander.ask("presence", { userIds: [] })).toMatchObject({ ok: true });

  const nobody = io(server.url, { transports: ["websocket"], forceNew: true, reconnection: false, autoConnect: false });
  nobody.io.open();
  await new Promise<void>((resolve) => nobody.io.once("open", resolve));
  const closed = new Promise<string>((resolve) => nobody.io.once("close", resolve));
  for (let packet = 0; packet < 10_000; packet += 1) nobody.io.engine.write("0/nowhere,");
  expect(await closed).toMatch(/transport close/);
});

test("a client that does not read what it is sent is hung up on, and its partner is not held up", async () => {
  const limits = { eventBurst: 1_000_000, maxMessageBytes: 20_000 };
  await using server = await startSockets({ settings: limits });
  const { one, two, roomId } = await meet(server);
  const transport = Reflect.get(two.socket.io.engine, "transport");
  Reflect.get(Reflect.get(transport, "ws"), "_socket").pause();
  const offer = { roomId, description: { type: "offer", sdp: "a".repeat(19_000) } };
  const waiting = one.next("room:state", ({ room }) => room.status === "grace_period");
  for (let sent = 0, code: unknown; code !== "partner_away"; sent += 1) {
    code = (await one.ask("rtc:offer", offer)).code;
    expect(sent).toBeLessThan(5_000);
  }
  expect((await waiting).room).toMatchObject({ partner: { connected: false } });
});

test("long messages come back in more than one piece", async () => {
  await using server = await startSockets();
  const { one, roomId } = await meet(server);
  const userId = one.session.userId as string;
  for (let sequence = 1; sequence <= 30; sequence += 1) {
    const body = "a".repeat(100_000);
    server.realtime.talks.keep({ messageId: randomUUID(), roomId, senderUserId: userId, body, sentAt: 0, sequence });
  }
  const first = await one.ask("room:rejoin", { roomId });
  expect(first).toMatchObject({ complete: false });
  expect(first.messages).toHaveLength(10);
  expect((await one.ask("room:rejoin", { roomId, after: 29 })).complete).toBe(true);
});

test("a user who reconnects 50 times in a row is there once, and the server goes on answering", async () => {
  await using server = await startSockets();
  const { one, two, roomId } = await meet(server);
  const user = userOf(one);
  let last = one;
  for (let cycle = 0; cycle < 50; cycle += 1) {
    last = await server.connect(user);
    if (cycle % 3 === 0) last.socket.io.engine.close();
    else if (cycle % 3 === 1) void last.ask("room:rejoin", { roomId }).catch(() => {});
  }
  last = await server.connect(user);
  expect(await last.ask("room:rejoin", { roomId })).toMatchObject({ ok: true, room: { status: "active" } });
  expect(await two.ask("rtc:ice", { roomId, candidate: null })).toEqual({ ok: true });
  await last.next("rtc:ice");
  expect(server.sockets.connections()).toBe(2);
  expect([...server.realtime.state.presence.keys()].sort()).toEqual([user.userId, two.session.userId].sort());
  expect(server.realtime.state.presence.get(user.userId)?.socketId).toBe(last.socket.id);
});

test("who is banned is hung up on, and the room ends for both", async () => {
  await using server = await startSockets();
  const { one, two, roomId } = await meet(server);
  server.sockets.kick(one.session.userId, "banned");
  expect(await one.next("session:ended")).toEqual({ code: "banned" });
  await one.closed();
  expect((await two.next("room:state", (payload) => !isActive(payload))).room).toMatchObject({
    roomId,
    status: "ended",
    reason: "banned",
  });
  expect(server.realtime.state.rooms.size).toBe(0);
});

test("a server that stops says so, and leaves its rooms as they are", async () => {
  await using server = await startSockets();
  const { one, roomId } = await meet(server);
  await server.sockets.close(3_000);
  expect(await one.next("server:stopping")).toEqual({ retryAfterMs: 3_000 });
  await one.closed();
  expect(server.realtime.state.rooms.get(roomId)).toMatchObject({ status: "active", user1Connected: true });
});

test("everyone hears how many are there and how many wait", async () => {
  await using server = await startSockets();
  const one = await server.connect();
  expect(await one.next("presence")).toEqual({ online: 1, queued: 0 });
  const two = await server.connect();
  await two.ask("queue:join", { mode: "text" });
  expect(await one.next("presence", ({ online, queued }) => online === 2 && queued === 1)).toBeDefined();
  await two.ask("queue:leave");
  two.close();
  expect(await one.next("presence", ({ online, queued }) => online === 1 && queued === 0)).toBeDefined();
});
