import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { sendInvite } from "../../src/server/invites.js";
import type { ChatMode, Room } from "../../src/server/model.js";
import { arrive, depart } from "../../src/server/presence.js";
import { joinQueue } from "../../src/server/queue.js";
import { type Realtime, tick } from "../../src/server/realtime.js";
import { rejoinRoom } from "../../src/server/rejoin.js";
import { armRooms } from "../../src/server/rooms-arm.js";
import { leaveRoom } from "../../src/server/rooms-end.js";
import { createRealtimeFixture, type RealtimeFixture } from "../support/server-realtime.js";

function connect(realtime: Realtime, name: string): string {
  const userId = randomUUID();
  arrive(realtime, { userId, name, accountType: "guest" }, "socket");
  return userId;
}

function meet(realtime: Realtime, one: string, two: string): string {
  joinQueue(realtime, one, "video");
  const joined = joinQueue(realtime, two, "video");
  if (!joined.ok || joined.queued) throw new Error("these two should have met");
  return joined.room.roomId;
}

/** A room of two users as a recovery that comes late puts it into memory. */
function comesLate(
  { realtime, clock }: RealtimeFixture,
  user1: string,
  user2: string,
  chatMode: ChatMode = "video",
): string {
  const { rooms, roomOf } = realtime.state;
  const room: Room = {
    roomId: randomUUID(),
    user1,
    user2,
    startedAt: clock.at - 100_000,
    chatMode,
    status: "grace_period",
    user1Connected: false,
    user2Connected: false,
    graceExpiresAt: clock.at + 10_000,
    endedAt: null,
  };
  rooms.load(room.roomId, room);
  for (const userId of [user1, user2]) if (!roomOf.has(userId)) roomOf.set(userId, room.roomId);
  return room.roomId;
}

test("a room that comes back late ends when each of its users is in another room", async () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const [ava, ben] = [connect(realtime, "Ava"), connect(realtime, "Ben")];
  const running = [meet(realtime, ava, connect(realtime, "Cyd")), meet(realtime, ben, connect(realtime, "Dan"))];
  comesLate(fixture, ava, ben);
  await armRooms(realtime);
  fixture.pass(20_000);
  expect([...realtime.state.rooms.keys()]).toEqual(running);
  expect([realtime.state.roomOf.get(ava), realtime.state.roomOf.get(ben)]).toEqual(running);
});

test("a room that comes back late ends when its users are in a new room together", async () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const [ava, ben] = [connect(realtime, "Ava"), connect(realtime, "Ben")];
  const running = meet(realtime, ava, ben);
  comesLate(fixture, ava, ben);
  await armRooms(realtime);
  fixture.pass(20_000);
  expect([...realtime.state.rooms.keys()]).toEqual([running]);
});

test("the end of a room that came late leaves the time and the names of the newer rooms alone", async () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const [ava, ben, cyd] = [connect(realtime, "Ava"), connect(realtime, "Ben"), connect(realtime, "Cyd")];
  const running = meet(realtime, ava, cyd);
  comesLate(fixture, ava, ben);
  await armRooms(realtime);
  fixture.pass(5_000);
  depart(realtime, ava);
  const view = await rejoinRoom(realtime, cyd, { roomId: running, after: 0 });
  expect(view).toMatchObject({ ok: true, room: { partner: { name: "Ava", connected: false } } });
  await leaveRoom(realtime, cyd, running);
  tick(realtime);
  expect([ava, cyd].map((userId) => realtime.state.timers.get(userId)?.totalSeconds)).toEqual([5, 5]);
});

test("users who are online are told of their room that comes back late, leave the queue, and go on in it", async () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const [ava, ben, cyd] = [connect(realtime, "Ava"), connect(realtime, "Ben"), connect(realtime, "Cyd")];
  joinQueue(realtime, ava, "video");
  sendInvite(realtime, { userId: cyd, name: "Cyd", ip: "::1" }, { toUserId: ben, mode: "video" });
  for (const userId of [ava, ben, cyd]) fixture.told(userId);
  const roomId = comesLate(fixture, ava, ben);
  await armRooms(realtime);
  expect(fixture.told(ava)).toMatchObject([["room:state", { room: { roomId, status: "grace_period" } }]]);
  expect(fixture.told(ben).map(([event]) => event)).toEqual(["invite:decline", "room:state"]);
  expect(joinQueue(realtime, cyd, "video")).toEqual({ ok: true, queued: true });
  for (const userId of [ava, ben]) await rejoinRoom(realtime, userId, { roomId, after: 0 });
  expect(realtime.state.rooms.get(roomId)).toMatchObject({ status: "active", graceExpiresAt: null });
});

test("a text room whose users are both back before it is taken up has its torch rule all the same", async () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const [ava, ben] = [connect(realtime, "Ava"), connect(realtime, "Ben")];
  const roomId = comesLate(fixture, ava, ben, "text");
  for (const userId of [ava, ben]) await rejoinRoom(realtime, userId, { roomId, after: 0 });
  await armRooms(realtime);
  fixture.pass(60_000);
  expect(fixture.told(ava).map(([event]) => event)).toContain("torch:warning");
  fixture.pass(30_000);
  expect(realtime.state.rooms.has(roomId)).toBe(false);
});

test("what is armed already is left as it is, whoever knows its users", async () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const [ava, ben] = [connect(realtime, "Ava"), connect(realtime, "Ben")];
  const roomId = comesLate(fixture, ava, ben);
  await armRooms(realtime);
  for (const userId of [ava, ben]) fixture.told(userId);
  fixture.pass(4_000);
  await armRooms(realtime);
  expect([...fixture.told(ava), ...fixture.told(ben)]).toEqual([]);
  fixture.pass(6_000);
  expect(realtime.state.rooms.has(roomId)).toBe(false);
  expect(realtime.names.size).toBe(0);
});
