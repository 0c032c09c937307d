import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sayInRoom } from "../../src/server/chat.js";
import { pairKey } from "../../src/server/model.js";
import { arrive, depart } from "../../src/server/presence.js";
import { joinQueue } from "../../src/server/queue.js";
import type { Realtime } from "../../src/server/realtime.js";
import { tick } from "../../src/server/realtime.js";
import { rejoinRoom } from "../../src/server/rejoin.js";
import { armRooms } from "../../src/server/rooms-arm.js";
import { leaveRoom } from "../../src/server/rooms-end.js";
import { relaySignal } from "../../src/server/signalling.js";
import { createRealtimeFixture } from "../support/server-realtime.js";

function connect(realtime: Realtime, name = "Ava"): string {
  const userId = randomUUID();
  arrive(realtime, { userId, name, accountType: "guest" }, "socket");
  return userId;
}

function back(realtime: Realtime, userId: string) {
  return arrive(realtime, { userId, name: "Ava", accountType: "guest" }, "another socket");
}

function meet(realtime: Realtime, mode: "video" | "text" = "video") {
  const [one, two] = [connect(realtime, "Ava"), connect(realtime, "Ben")];
  joinQueue(realtime, one, mode);
  const joined = joinQueue(realtime, two, mode);
  const roomId = joined.ok && !joined.queued ? joined.room.roomId : "";
  return { one, two, roomId };
}

const eventsOf = (told: readonly (readonly [string, unknown])[]) => told.map(([event]) => event);
const rejoin = (realtime: Realtime, userId: string, roomId: string) =>
  rejoinRoom(realtime, userId, { roomId, after: 0 });

describe("a room", () => {
  test("begins with two who wait for the same, and the one who waited longer makes the offer", () => {
    using fixture = createRealtimeFixture();
    const { realtime } = fixture;
    const { one, two, roomId } = meet(realtime);
    expect(fixture.told(one)).toEqual([
      [
        "room:state",
        {
          room: {
            roomId,
            mode: "video",
            status: "active",
            startedAt: fixture.clock.at,
            graceExpiresAt: null,
            you: { connected: true },
            partner: { userId: two, name: "Ben", connected: true },
            initiator: true,
          },
        },
      ],
    ]);
    expect(fixture.told(two)).toMatchObject([["room:state", { room: { initiator: false, partner: { name: "Ava" } } }]]);
    expect(joinQueue(realtime, one, "text")).toMatchObject({ ok: false, code: "busy" });
    expect(realtime.state.presence.get(one)).toMatchObject({ queuedFor: null });
  });

  test("goes into its grace period when a side drops, and on when that side comes back in time", async () => {
    using fixture = createRealtimeFixture();
    const { realtime, clock } = fixture;
    const { one, two, roomId } = meet(realtime);
    fixture.told(two);
    depart(realtime, one);
    const graceExpiresAt = clock.at + 10_000;
    expect(fixture.told(two)).toMatchObject([
      ["room:state", { room: { status: "grace_period", graceExpiresAt, partner: { connected: false, name: "Ava" } } }],
    ]);
    fixture.pass(9_999);
    const session = back(realtime, one);
    expect(session.room).toMatchObject({ roomId, status: "grace_period", you: { connected: false } });
    fixture.told(one);
    expect(await rejoin(realtime, one, roomId)).toMatchObject({
      ok: true,
      room: { status: "active", graceExpiresAt: null, you: { connected: true } },
      messages: [],
      complete: true,
    });
    expect(eventsOf(fixture.told(one))).toEqual(["room:state", "rtc:restart"]);
    expect(eventsOf(fixture.told(two))).toEqual(["room:state", "rtc:restart"]);
    fixture.pass(60_000);
    expect(realtime.state.rooms.get(roomId)?.status).toBe("active");
  });

  test("ends at the end of its grace period, and refuses who comes back too late", async () => {
    using fixture = createRealtimeFixture();
    const { realtime } = fixture;
    const { one, two, roomId } = meet(realtime);
    depart(realtime, one);
    fixture.told(two);
    fixture.pass(10_000);
    expect(fixture.told(two)).toMatchObject([["room:state", { room: { status: "ended", reason: "grace" } }]]);
    expect(realtime.state.rooms.size).toBe(0);
    expect(back(realtime, one).room).toBeNull();
    expect(await rejoin(realtime, one, roomId)).toMatchObject({ ok: false, code: "room_ended" });
    expect(await rejoin(realtime, connect(realtime), roomId)).toMatchObject({ ok: false, code: "no_such_room" });
    expect(joinQueue(realtime, two, "video")).toEqual({ ok: true, queued: true });
  });

  test("whose timer is late refuses a rejoin after its grace period all the same", async () => {
    using fixture = createRealtimeFixture();
    const { realtime, clock } = fixture;
    const { one, roomId } = meet(realtime);
    depart(realtime, one);
    clock.at += 10_000;
    back(realtime, one);
    expect(await rejoin(realtime, one, roomId)).toMatchObject({ ok: false, code: "room_ended" });
    expect(realtime.state.rooms.size).toBe(0);
  });

  test("that both sides drop ends when the first one's grace period does", async () => {
    using fixture = createRealtimeFixture();
    const { realtime, clock } = fixture;
    const { one, two, roomId } = meet(realtime);
    const graceExpiresAt = clock.at + 10_000;
    depart(realtime, one);
    fixture.pass(6_000);
    depart(realtime, two);
    expect(realtime.state.rooms.get(roomId)?.graceExpiresAt).toBe(graceExpiresAt);
    back(realtime, one);
    await rejoin(realtime, one, roomId);
    expect(realtime.state.rooms.get(roomId)).toMatchObject({ status: "grace_period", user1Connected: true });
    fixture.pass(4_000);
    expect(realtime.state.rooms.size).toBe(0);
  });

  test("is nobody's but its two users'", async () => {
    using fixture = createRealtimeFixture();
    const { realtime } = fixture;
    const { one, two, roomId } = meet(realtime);
    const stranger = connect(realtime);
    const said = { roomId, messageId: randomUUID(), body: "let me in" };
    const refusal = { ok: false, code: "not_your_room" };
    fixture.told(one);
    fixture.told(two);
    expect(await rejoin(realtime, stranger, roomId)).toMatchObject(refusal);
    expect(await leaveRoom(realtime, stranger, roomId)).toMatchObject(refusal);
    expect(await sayInRoom(realtime, { userId: stranger, ip: "::1" }, said)).toMatchObject(refusal);
    expect(relaySignal(realtime, stranger, { event: "rtc:offer", signal: { roomId } })).toMatchObject(refusal);
    expect([...fixture.told(one), ...fixture.told(two)]).toEqual([]);
  });

  test("passes signals to the partner alone, and only while both are there", async () => {
    using fixture = createRealtimeFixture();
    const { realtime } = fixture;
    const { one, two, roomId } = meet(realtime);
    const relay = (userId: string) =>
      relaySignal(realtime, userId, { event: "rtc:ice", signal: { roomId, candidate: null } as { roomId: string } });
    fixture.told(one);
    fixture.told(two);
    expect(relay(one)).toEqual({ ok: true });
    expect(fixture.told(two)).toEqual([["rtc:ice", { roomId, candidate: null, fromUserId: one }]]);
    expect(fixture.told(one)).toEqual([]);
    depart(realtime, two);
    expect(relay(one)).toMatchObject({ ok: false, code: "partner_away" });
    back(realtime, two);
    expect(relay(one)).toMatchObject({ ok: false, code: "partner_away" });
    expect(relay(two)).toMatchObject({ ok: false, code: "invalid" });
    await rejoin(realtime, two, roomId);
    expect(relay(two)).toEqual({ ok: true });
  });

  test("that is left is over for both at once, and says that nothing is durable without a database", async () => {
    using fixture = createRealtimeFixture();
    const { realtime } = fixture;
    const { one, two, roomId } = meet(realtime);
    fixture.told(one);
    fixture.told(two);
    expect(await leaveRoom(realtime, one, roomId)).toEqual({ ok: true, durable: false });
    for (const userId of [one, two]) {
      expect(fixture.told(userId)).toMatchObject([["room:state", { room: { status: "ended", reason: "left" } }]]);
    }
    expect(await leaveRoom(realtime, two, roomId)).toMatchObject({ ok: false, code: "room_ended" });
    expect(realtime.state.rooms.size).toBe(0);
    expect(realtime.state.roomOf.size).toBe(0);
    expect(realtime.names.size).toBe(0);
  });
});

describe("partners who have met", () => {
  test("do not meet again within the cooldown, nor within one session", async () => {
    using fixture = createRealtimeFixture({ settings: { cooldownMs: 60_000 } });
    const { realtime } = fixture;
    const { one, two, roomId } = meet(realtime);
    await leaveRoom(realtime, one, roomId);
    joinQueue(realtime, one, "video");
    expect(joinQueue(realtime, two, "video")).toEqual({ ok: true, queued: true });
    fixture.pass(61_000);
    tick(realtime);
    expect(realtime.state.rooms.size).toBe(0);
    depart(realtime, one);
    back(realtime, one);
    joinQueue(realtime, one, "video");
    expect(realtime.state.rooms.size).toBe(0);
    depart(realtime, two);
    back(realtime, two);
    expect(joinQueue(realtime, two, "video")).toMatchObject({ queued: false });
  });

  test("stay apart for the cooldown although both have come back since", async () => {
    using fixture = createRealtimeFixture({ settings: { cooldownMs: 60_000 } });
    const { realtime } = fixture;
    const { one, two, roomId } = meet(realtime);
    fixture.pass(5_000);
    await leaveRoom(realtime, one, roomId);
    for (const userId of [one, two]) {
      depart(realtime, userId);
      back(realtime, userId);
      expect(joinQueue(realtime, userId, "video")).toEqual({ ok: true, queued: true });
    }
    fixture.pass(59_000);
    tick(realtime);
    expect(realtime.state.rooms.size).toBe(0);
    fixture.pass(1_000);
    tick(realtime);
    expect(realtime.state.rooms.size).toBe(1);
  });

  test("are still known to have met when both had dropped and come back within their call", async () => {
    using fixture = createRealtimeFixture({ settings: { cooldownMs: 1 } });
    const { realtime } = fixture;
    const { one, two, roomId } = meet(realtime);
    for (const userId of [one, two]) {
      depart(realtime, userId);
      back(realtime, userId);
      await rejoin(realtime, userId, roomId);
    }
    await leaveRoom(realtime, one, roomId);
    fixture.pass(1_000);
    joinQueue(realtime, one, "video");
    expect(joinQueue(realtime, two, "video")).toEqual({ ok: true, queued: true });
  });

  test("keep the longer of two cooldowns", async () => {
    using fixture = createRealtimeFixture({ settings: { cooldownMs: 60_000 } });
    const { realtime, clock } = fixture;
    const { one, two, roomId } = meet(realtime);
    const [userLow = "", userHigh = ""] = [one, two].sort();
    const longer = { userLow, userHigh, expiresAt: clock.at + 3_600_000 };
    realtime.state.cooldowns.set(pairKey(one, two), longer);
    await leaveRoom(realtime, one, roomId);
    expect([...realtime.state.cooldowns]).toEqual([[pairKey(two, one), longer]]);
  });

  test("are brought together when their cooldown ends while both wait", () => {
    using fixture = createRealtimeFixture();
    const { realtime, clock } = fixture;
    const [one = "", two = ""] = [connect(realtime), connect(realtime)].sort();
    realtime.state.cooldowns.set(`${one} ${two}`, { userLow: one, userHigh: two, expiresAt: clock.at + 30_000 });
    joinQueue(realtime, one, "text");
    joinQueue(realtime, two, "text");
    tick(realtime);
    expect(realtime.state.rooms.size).toBe(0);
    fixture.pass(30_000);
    tick(realtime);
    expect(realtime.state.rooms.size).toBe(1);
  });

  test("do not keep others from meeting: the queue gives the next one who may", async () => {
    using fixture = createRealtimeFixture();
    const { realtime } = fixture;
    const { one, two, roomId } = meet(realtime);
    await leaveRoom(realtime, one, roomId);
    const [third, fourth] = [connect(realtime), connect(realtime)];
    joinQueue(realtime, one, "video");
    joinQueue(realtime, third, "text");
    expect(joinQueue(realtime, two, "video")).toEqual({ ok: true, queued: true });
    expect(joinQueue(realtime, fourth, "video")).toMatchObject({ room: { partner: { userId: one } } });
    expect(joinQueue(realtime, third, "video")).toMatchObject({ room: { partner: { userId: two } } });
    expect(realtime.queues.text.size).toBe(0);
  });
});

describe("time in calls", () => {
  test("counts while both are connected, and at no other time", async () => {
    using fixture = createRealtimeFixture();
    const { realtime } = fixture;
    const { one, two, roomId } = meet(realtime);
    const total = (userId: string) => realtime.state.timers.get(userId)?.totalSeconds;
    fixture.pass(7_000);
    tick(realtime);
    expect([total(one), total(two)]).toEqual([7, 7]);
    fixture.pass(3_500);
    depart(realtime, one);
    fixture.pass(4_000);
    back(realtime, one);
    fixture.pass(2_000);
    await rejoin(realtime, one, roomId);
    fixture.pass(1_500);
    await leaveRoom(realtime, two, roomId);
    fixture.pass(100_000);
    tick(realtime);
    expect([total(one), total(two)]).toEqual([12, 12]);
  });
});

describe("recovered rooms", () => {
  test("wait for their users until the end that they came with, and go on when both are back", async () => {
    using fixture = createRealtimeFixture();
    const { realtime, clock } = fixture;
    const [room, lost] = [randomUUID(), randomUUID()].map((roomId, index) => ({
      roomId,
      user1: randomUUID(),
      user2: randomUUID(),
      startedAt: clock.at - 100_000,
      chatMode: "video" as const,
      status: "grace_period" as const,
      user1Connected: false,
      user2Connected: false,
      graceExpiresAt: clock.at + (index === 0 ? 10_000 : 2_000),
      endedAt: null,
    }));
    if (!room || !lost) throw new Error("two rooms were made");
    for (const one of [room, lost]) realtime.state.rooms.load(one.roomId, one);
    await armRooms(realtime);
    await armRooms(realtime);
    fixture.pass(2_000);
    expect([...realtime.state.rooms.keys()]).toEqual([room.roomId]);
    expect(back(realtime, room.user1).room).toMatchObject({ roomId: room.roomId, initiator: true });
    await rejoin(realtime, room.user1, room.roomId);
    expect(back(realtime, room.user2).room).toMatchObject({ partner: { name: "Ava", connected: true } });
    await rejoin(realtime, room.user2, room.roomId);
    expect(eventsOf(fixture.told(room.user1))).toEqual(["room:state", "room:state", "rtc:restart"]);
    fixture.pass(20_000);
    expect(realtime.state.rooms.get(room.roomId)).toMatchObject({ status: "active", graceExpiresAt: null });
    depart(realtime, room.user2);
    fixture.told(room.user1);
    await armRooms(realtime);
    expect(fixture.told(room.user1)).toEqual([]);
    expect(back(realtime, room.user1).room?.partner).toMatchObject({ name: "Ava", connected: false });
  });

  test("that come late end when one of their users is in another room by then", async () => {
    using fixture = createRealtimeFixture();
    const { realtime, clock } = fixture;
    const { one, roomId } = meet(realtime);
    const late = { ...realtime.state.rooms.get(roomId), roomId: randomUUID(), user2: randomUUID() };
    realtime.state.rooms.load(late.roomId, {
      ...late,
      user1: one,
      startedAt: clock.at - 5_000,
      chatMode: "video",
      status: "grace_period",
      user1Connected: false,
      user2Connected: false,
      graceExpiresAt: clock.at + 10_000,
      endedAt: null,
    });
    await armRooms(realtime);
    expect([...realtime.state.rooms.keys()]).toEqual([roomId]);
    expect(realtime.state.roomOf.get(one)).toBe(roomId);
  });
});
