import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { sayInRoom } from "../../src/server/chat.js";
import { pairKey } from "../../src/server/model.js";
import { arrive, depart } from "../../src/server/presence.js";
import { createPruning, forgetOldest } from "../../src/server/prune.js";
import { joinQueue } from "../../src/server/queue.js";
import { type Realtime, tick } from "../../src/server/realtime.js";
import { leaveRoom } from "../../src/server/rooms-end.js";
import { Store } from "../../src/store/store.js";
import { createRealtimeFixture, type RealtimeFixture } from "../support/server-realtime.js";

function connect(realtime: Realtime): string {
  const userId = randomUUID();
  arrive(realtime, { userId, name: "Ava", accountType: "guest" }, "socket");
  return userId;
}

/** Two users come, talk for two seconds, part and go. */
async function callOf({ realtime, clock }: RealtimeFixture, mode: "video" | "text"): Promise<void> {
  const users = [connect(realtime), connect(realtime)] as const;
  for (const userId of users) joinQueue(realtime, userId, mode);
  const roomId = realtime.state.roomOf.get(users[0]) ?? "";
  await sayInRoom(realtime, { userId: users[0], ip: "::1" }, { roomId, messageId: randomUUID(), body: "hello" });
  clock.at += 2_000;
  await leaveRoom(realtime, users[1], roomId);
  for (const userId of users) depart(realtime, userId);
}

test("without a database, what is left of users and rooms that are gone has a bound", async () => {
  using fixture = createRealtimeFixture({ settings: { cooldownMs: 1_000 } });
  const { realtime, clock } = fixture;
  for (let call = 0; call < 20; call += 1) await callOf(fixture, call % 2 === 0 ? "video" : "text");
  // Everything that runs out by itself has done so, and its deadline has left the heap.
  clock.at += 3_600_000;
  realtime.deadlines.runDue();
  tick(realtime);
  const { state, callTimes, queues, invitations } = realtime;
  const parts: object = { ...realtime, ...state, ...callTimes, ...queues, ...invitations };
  const sizes: Record<string, number> = {};
  for (const [name, part] of Object.entries(parts)) {
    if (part instanceof Map || part instanceof Set) sizes[name] = part.size;
  }
  // Totals are all that a server without a database knows of its users' time: it keeps 50,000.
  const { timers, ...others } = sizes;
  expect(timers).toBe(40);
  expect(Object.keys(others)).toEqual(expect.arrayContaining(["rooms", "roomOf", "names", "seen", "since", "wanted"]));
  expect(others).toEqual(Object.fromEntries(Object.keys(others).map((name) => [name, 0])));
});

test("without a database, messages are numbered per room, and a room that is over has no number left", () => {
  using fixture = createRealtimeFixture();
  const { memoryMessages } = fixture.realtime.state;
  const say = (roomId: string, messageId: string) =>
    memoryMessages.number({ roomId, messageId, senderUserId: "one", body: "", sentAt: 0 }).sequence;
  expect([say("a", "m1"), say("a", "m2"), say("b", "m3"), say("a", "m1")]).toEqual([1, 2, 1, 1]);
  memoryMessages.forget("a");
  expect([say("a", "m4"), say("b", "m5")]).toEqual([1, 2]);
});

test("the end of a room without a database takes the number of its messages along", async () => {
  using fixture = createRealtimeFixture();
  const { realtime } = fixture;
  const forgotten: string[] = [];
  const { forget } = realtime.state.memoryMessages;
  realtime.state.memoryMessages.forget = (roomId) => {
    forgotten.push(roomId);
    forget(roomId);
  };
  await callOf(fixture, "text");
  expect(forgotten).toHaveLength(1);
});

test("cooldowns leave memory in whatever order they run out", () => {
  using fixture = createRealtimeFixture();
  const { realtime, clock } = fixture;
  const add = (user: string, inMs: number) =>
    realtime.state.cooldowns.load(pairKey("a", user), { userLow: "a", userHigh: user, expiresAt: clock.at + inMs });
  add("long", 90_000);
  add("short", 1_000);
  add("middle", 50_000);
  clock.at += 1_000;
  tick(realtime);
  expect([...realtime.state.cooldowns.keys()]).toEqual(["a long", "a middle"]);
  clock.at += 49_000;
  tick(realtime);
  expect([...realtime.state.cooldowns.keys()]).toEqual(["a long"]);
});

test("a large map is looked through part by part, and in so many calls all of it, whatever comes meanwhile", () => {
  const map = new Store().map<{ readonly expiresAt: number }>({ name: "expiring" });
  let now = 0;
  const prune = createPruning(map, { calls: 10, now: () => now });
  for (let index = 0; index < 100_000; index += 1) map.set(`n${index}`, { expiresAt: index % 2 === 0 ? 10 : 1_000 });
  now = 10;
  for (let call = 0; call < 10; call += 1) {
    const before = map.size;
    prune();
    expect(before - map.size).toBeLessThanOrEqual(5_000);
    map.set(`later ${call}`, { expiresAt: 1_000 });
  }
  // The shares shrink with the map, so the last of them come a few calls later.
  for (let call = 0; call < 10; call += 1) prune();
  expect(map.size).toBe(50_010);
});

test("of what only memory can spare the oldest go, but nothing that is needed", () => {
  const map = new Store().map<number>({ name: "numbers" });
  for (let index = 0; index < 10; index += 1) map.set(`n${index}`, index);
  forgetOldest(map, 7, (key) => key === "n1");
  expect([...map.keys()]).toEqual(["n1", "n4", "n5", "n6", "n7", "n8", "n9"]);
  forgetOldest(map, 7);
  expect(map.size).toBe(7);
});
