import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { sayInRoom } from "../../src/server/chat.js";
import { arrive, depart } from "../../src/server/presence.js";
import { joinQueue } from "../../src/server/queue.js";
import type { Realtime } from "../../src/server/realtime.js";
import { armRooms } from "../../src/server/rooms-arm.js";
import { createRealtimeFixture, type RealtimeFixture } from "../support/server-realtime.js";

function begin(realtime: Realtime, mode: "video" | "text") {
  const [one, two] = [randomUUID(), randomUUID()];
  for (const userId of [one, two]) arrive(realtime, { userId, name: "Ava", accountType: "guest" }, "socket");
  joinQueue(realtime, one, mode);
  const joined = joinQueue(realtime, two, mode);
  return { one, two, roomId: joined.ok && !joined.queued ? joined.room.roomId : "" };
}

function say(realtime: Realtime, userId: string, roomId: string) {
  return sayInRoom(realtime, { userId, ip: "::1" }, { roomId, messageId: randomUUID(), body: "hello" });
}

function torchOf(fixture: RealtimeFixture, userId: string) {
  return fixture.told(userId).filter(([event]) => event.startsWith("torch:"));
}

test("a side that is silent for 60 s is warned, and 30 s later the room ends", async () => {
  using fixture = createRealtimeFixture();
  const { realtime, clock } = fixture;
  const { one, two, roomId } = begin(realtime, "text");
  fixture.pass(30_000);
  await say(realtime, two, roomId);
  fixture.pass(29_000);
  expect(torchOf(fixture, one)).toEqual([]);
  fixture.pass(1_000);
  const warning = ["torch:warning", { roomId, userId: one, endsAt: clock.at + 30_000 }];
  expect(torchOf(fixture, one)).toEqual([warning]);
  expect(torchOf(fixture, two)).toEqual([warning]);
  fixture.pass(29_000);
  expect(realtime.state.rooms.size).toBe(1);
  fixture.pass(1_000);
  expect(fixture.told(one)).toMatchObject([
    ["torch:ended", { roomId }],
    ["room:state", { room: { status: "ended", reason: "torch" } }],
  ]);
  expect([realtime.state.rooms.size, realtime.state.activity.size]).toEqual([0, 0]);
});

test("a message of the silent side clears the warning, one of the other side does not", async () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const { one, two, roomId } = begin(realtime, "text");
  fixture.pass(30_000);
  await say(realtime, two, roomId);
  fixture.pass(30_000);
  torchOf(fixture, one);
  await say(realtime, two, roomId);
  expect(torchOf(fixture, one)).toEqual([["torch:warning", expect.objectContaining({ userId: one })]]);
  await say(realtime, one, roomId);
  expect(torchOf(fixture, one)).toEqual([["torch:warning", { roomId, cleared: true }]]);
  fixture.pass(59_000);
  expect(torchOf(fixture, one)).toEqual([]);
  expect(realtime.state.activity.get(roomId)?.warningStartedAt).toBeNull();
});

test("when both are silent, a message of one leaves the other's warning, counted from that one's own silence", async () => {
  using fixture = createRealtimeFixture();
  const { realtime, clock } = fixture;
  const { one, two, roomId } = begin(realtime, "text");
  fixture.pass(20_000);
  await say(realtime, two, roomId);
  fixture.pass(40_000);
  torchOf(fixture, one);
  fixture.pass(25_000);
  await say(realtime, one, roomId);
  // Two spoke last 65 s ago: its own warning would have begun 5 s ago.
  expect(torchOf(fixture, two).at(-1)).toEqual(["torch:warning", { roomId, userId: two, endsAt: clock.at + 25_000 }]);
  fixture.pass(24_000);
  expect(realtime.state.rooms.size).toBe(1);
  fixture.pass(1_000);
  expect(realtime.state.rooms.size).toBe(0);
});

test("a video call may be silent for ever", () => {
  using fixture = createRealtimeFixture();
  const { one } = begin(fixture.realtime, "video");
  fixture.pass(1_000_000);
  expect(fixture.realtime.state.rooms.size).toBe(1);
  expect(torchOf(fixture, one)).toEqual([]);
});

test("who tries to speak is not silent, even while the database is down", async () => {
  const link = { status: "down" as const, database: () => undefined, epoch: () => undefined };
  using fixture = createRealtimeFixture({ link });
  const { realtime } = fixture;
  const { one, two, roomId } = begin(realtime, "text");
  for (let minute = 0; minute < 5; minute += 1) {
    fixture.pass(59_000);
    for (const userId of [one, two]) {
      expect(await say(realtime, userId, roomId)).toMatchObject({
        ok: false,
        code: "unavailable",
        retryAfterMs: expect.any(Number),
      });
    }
  }
  expect(realtime.state.rooms.size).toBe(1);
});

test.each([
  ["and ends the room at the moment it would have", 5_000, 15_000],
  ["but not before its users could come back", 12_000, 12_000],
])("a warning goes on after a recovery, %s", async (_, graceMs, endsAfterMs) => {
  using before = createRealtimeFixture();
  const { roomId } = begin(before.realtime, "text");
  before.pass(70_000);
  const room = before.realtime.state.rooms.get(roomId);
  const activity = before.realtime.state.activity.get(roomId);
  if (room === undefined || activity === undefined) throw new Error("the room has begun");
  expect(activity.warningStartedAt).toBe(before.clock.at - 10_000);

  using after = createRealtimeFixture();
  after.clock.at = before.clock.at + (graceMs === 5_000 ? 5_000 : 25_000);
  // One side is back at once, and the torch is what ends the room.
  const away = { user1Connected: true, user2Connected: false, status: "grace_period" as const };
  after.realtime.state.rooms.load(roomId, { ...room, ...away, graceExpiresAt: after.clock.at + graceMs });
  after.realtime.state.activity.load(roomId, activity);
  await armRooms(after.realtime);
  after.realtime.deadlines.cancel(`grace:${roomId}`);
  after.pass(endsAfterMs - 1_000);
  expect(after.realtime.state.rooms.size).toBe(1);
  after.pass(1_000);
  expect(after.realtime.state.rooms.size).toBe(0);
  expect(after.realtime.endedRooms.reasonFor(roomId, room.user1)).toBe("torch");
});

test("a recovered text room whose activity was lost begins its silence anew", async () => {
  using fixture = createRealtimeFixture({ settings: { graceMs: 1_000_000 } });
  const { realtime, clock } = fixture;
  const { one, roomId } = begin(realtime, "text");
  depart(realtime, one);
  const room = realtime.state.rooms.get(roomId);
  if (room === undefined) throw new Error("the room waits");
  using after = createRealtimeFixture();
  after.clock.at = clock.at + 500_000;
  after.realtime.state.rooms.load(roomId, room);
  await armRooms(after.realtime);
  after.pass(59_000);
  expect(after.realtime.state.activity.get(roomId)?.warningStartedAt).toBeNull();
  after.pass(1_000);
  expect(after.realtime.state.activity.get(roomId)?.warningStartedAt).toBe(after.clock.at);
});
