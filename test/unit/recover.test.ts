import fc from "fast-check";
import { expect, test } from "vitest";
import { createContest } from "../../src/recover/contest.js";
import { decideRoom, decideRooms } from "../../src/recover/decide.js";
import type { RoomFacts } from "../../src/recover/judge.js";
import { countRooms, summaryLine } from "../../src/recover/summary.js";

const now = new Date("2026-03-01T12:00:00.000Z");
const rules = { freshnessSeconds: 600, graceSeconds: 10 };
const ago = (seconds: number) => now.getTime() - seconds * 1000;
const later = (seconds: number) => ago(-seconds);

function room(facts: Partial<RoomFacts> = {}): RoomFacts {
  return {
    roomId: "r1",
    users: ["a", "b"],
    status: "active",
    startedAt: ago(300),
    updatedAt: ago(120),
    graceExpiresAt: null,
    ownerEpoch: "1",
    ownerHeartbeatAt: null,
    ownerStoppedAt: null,
    version: "5",
    blockedReason: null,
    ...facts,
  };
}

const decide = (facts: Partial<RoomFacts>) => decideRoom(room(facts), rules, now);

test("a running room comes back with both sides away and ten seconds to return", () => {
  expect(decide({})).toEqual({
    roomId: "r1",
    verdict: "recover",
    reason: "was-active",
    explanation: "active, last sign of life 2m 0s ago",
    secondsLeft: 10,
    graceExpiresAt: new Date(later(10)),
  });
});

test.each([
  [599.9, "recover"],
  [599.999, "recover"],
  [600, "skip"],
  [600.1, "skip"],
] as const)("a row written %s s ago alone means %s", (seconds, verdict) => {
  expect(decide({ updatedAt: ago(seconds) }).verdict).toBe(verdict);
});

test.each([
  [599.9, "recover"],
  [600, "skip"],
] as const)("an hour-old row whose owner's heartbeat is %s s old means %s", (seconds, verdict) => {
  expect(decide({ updatedAt: ago(3600), ownerHeartbeatAt: ago(seconds) }).verdict).toBe(verdict);
});

test("a clean stop is no heartbeat: it does not make a room fresh", () => {
  const facts = { updatedAt: ago(620), ownerHeartbeatAt: ago(610), ownerStoppedAt: ago(590) };
  expect(decide(facts)).toMatchObject({ verdict: "skip", reason: "stale" });
});

test("a stale room says how long nobody has seen it", () => {
  expect(decide({ updatedAt: ago(840) })).toEqual({
    roomId: "r1",
    verdict: "skip",
    reason: "stale",
    explanation: "stale: last sign of life 14m 0s ago",
  });
  expect(decide({ updatedAt: null }).explanation).toBe("stale: no sign of life on record");
});

test("a row from a clock that runs ahead is fresh, and its age is not negative", () => {
  expect(decide({ updatedAt: later(5) })).toMatchObject({
    verdict: "recover",
    explanation: "active, last sign of life 0ms ago",
  });
});

test.each([
  [-0.001, "end"],
  [0, "end"],
  [0.001, "recover"],
] as const)("a grace that has %s s left means %s", (seconds, verdict) => {
  expect(decide({ status: "grace_period", graceExpiresAt: later(seconds) }).verdict).toBe(verdict);
});

test.each([
  [4, 4],
  [10, 10],
  [25, 10],
])("a grace with %s s left at the moment of recovery has %s s afterwards", (left, expected) => {
  const decision = decide({ status: "grace_period", graceExpiresAt: later(left) });
  expect(decision).toMatchObject({
    reason: "was-in-grace",
    secondsLeft: expected,
    graceExpiresAt: new Date(later(expected)),
  });
});

test("a deadline that an active room left behind from an earlier grace does not count", () => {
  expect(decide({ graceExpiresAt: ago(60) })).toMatchObject({ verdict: "recover", secondsLeft: 10 });
});

test("an expired grace ends a room, and says whether a server was still there to see it", () => {
  const grace = { status: "grace_period", updatedAt: ago(70), graceExpiresAt: ago(60) } as const;
  expect(decide({ ...grace, ownerHeartbeatAt: ago(50) })).toMatchObject({
    verdict: "end",
    reason: "grace-ran-out-before-the-stop",
    explanation: "its grace ran out 1m 0s ago, while its server still ran",
  });
  expect(decide({ ...grace, ownerHeartbeatAt: ago(65), ownerStoppedAt: ago(60) }).reason).toBe(
    "grace-ran-out-before-the-stop",
  );
  expect(decide({ ...grace, ownerHeartbeatAt: ago(65) })).toMatchObject({
    verdict: "end",
    reason: "grace-ran-out-while-down",
  });
});

test("an expired grace ends a room however old it is", () => {
  const grace = { status: "grace_period", updatedAt: ago(9000), graceExpiresAt: ago(8990) } as const;
  expect(decide(grace)).toMatchObject({ verdict: "end", endedAt: new Date(ago(9000)) });
});

test("an ended room never comes back, whatever else its row says", () => {
  for (const facts of [{}, { graceExpiresAt: ago(5) }, { blockedReason: "banned" }, { updatedAt: ago(9000) }]) {
    expect(decide({ ...facts, status: "ended" })).toMatchObject({ verdict: "skip", reason: "already-ended" });
  }
});

test("a blocked room ends with the app's reason, but only if it would have come back", () => {
  expect(decide({ blockedReason: "a user of it is banned" })).toMatchObject({
    verdict: "end",
    reason: "blocked",
    explanation: "a user of it is banned",
    endedAt: new Date(ago(120)),
  });
  expect(decide({ blockedReason: "a user of it is banned", updatedAt: ago(700) }).reason).toBe("stale");
});

test("a call lasted until its last sign of life, never past its grace, and never into the future", () => {
  const blocked = { blockedReason: "banned" };
  expect(decide({ ...blocked, ownerHeartbeatAt: ago(40) }).endedAt).toEqual(new Date(ago(40)));
  expect(decide({ ...blocked, ownerHeartbeatAt: ago(40), ownerStoppedAt: ago(30) }).endedAt).toEqual(new Date(ago(30)));
  expect(decide({ ...blocked, updatedAt: later(30) }).endedAt).toEqual(now);
  const expired = { status: "grace_period", graceExpiresAt: ago(60), ownerHeartbeatAt: ago(5) } as const;
  expect(decide(expired).endedAt).toEqual(new Date(ago(60)));
});

test("a user in two rooms keeps the newer one", () => {
  const older = room({ roomId: "old", startedAt: ago(400), users: ["a", "b"] });
  const newer = room({ roomId: "new", startedAt: ago(100), users: ["b", "c"] });
  for (const rooms of [
    [older, newer],
    [newer, older],
  ]) {
    const decisions = decideRooms(rooms, rules, now);
    expect(decisions.map(({ roomId }) => roomId)).toEqual(rooms.map(({ roomId }) => roomId));
    expect(decisions.find(({ roomId }) => roomId === "new")?.verdict).toBe("recover");
    expect(decisions.find(({ roomId }) => roomId === "old")).toMatchObject({
      verdict: "end",
      reason: "user-in-newer-room",
      explanation: "a user of it is in the newer room new",
      endedAt: new Date(ago(120)),
    });
  }
});

test("a room that itself gives way to a newer one crowds out nobody", () => {
  const rooms = [
    room({ roomId: "oldest", startedAt: ago(500), users: ["a", "d"] }),
    room({ roomId: "older", startedAt: ago(400), users: ["a", "b"] }),
    room({ roomId: "newest", startedAt: ago(100), users: ["b", "c"] }),
  ];
  expect(decideRooms(rooms, rules, now).map(({ verdict }) => verdict)).toEqual(["recover", "end", "recover"]);
});

test("a room that does not come back takes no user's place", () => {
  const rooms = [
    room({ roomId: "old", startedAt: ago(400) }),
    room({ roomId: "expired", startedAt: ago(100), status: "grace_period", graceExpiresAt: ago(1) }),
    room({ roomId: "stale", startedAt: ago(90), updatedAt: ago(700) }),
  ];
  expect(decideRooms(rooms, rules, now).map(({ verdict }) => verdict)).toEqual(["recover", "end", "skip"]);
});

test("rooms that began at the same moment are told apart the same way in any order", () => {
  const rooms = ["x", "y", "z"].map((roomId) => room({ roomId }));
  const survivor = (list: readonly RoomFacts[]) =>
    decideRooms(list, rules, now).filter(({ verdict }) => verdict === "recover");
  expect(survivor(rooms)).toHaveLength(1);
  expect(survivor([...rooms].reverse())).toEqual(survivor(rooms));
});

test("the summary says how many rooms came back, ended and were left, and why", () => {
  const rooms = decideRooms(
    [
      room({ roomId: "1", users: ["a"] }),
      room({ roomId: "2", users: ["b"] }),
      room({ roomId: "3", users: ["c"], status: "ended" }),
      room({ roomId: "4", users: ["d"], updatedAt: ago(700) }),
      room({ roomId: "5", users: ["e"], updatedAt: ago(700) }),
      room({ roomId: "6", users: ["f"], status: "grace_period", graceExpiresAt: ago(1) }),
    ],
    rules,
    now,
  );
  const states = [
    { name: "referral links", table: "links", live: 400, expired: 0, detail: "" },
    { name: "cooldowns", table: "cooldowns", live: 3, expired: 2, detail: "" },
  ];
  expect(summaryLine({ counts: countRooms(rooms), states })).toBe(
    "rooms: 2 recovered (2 was-active), 1 ended (1 grace-ran-out-while-down), 3 skipped (1 already-ended, 2 stale); " +
      "referral links: 400 live; cooldowns: 3 live, 2 not",
  );
});

test("of rooms in any order, as many as share users, the newest always stay: as if taken one by one, newest first", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ start: fc.nat(20), users: fc.uniqueArray(fc.nat(12), { minLength: 1, maxLength: 2 }) })),
      (drawn) => {
        const rooms = drawn.map(({ start, users }, index) =>
          room({ roomId: `room ${index}`, startedAt: ago(500 - start), users: users.map((user) => `user ${user}`) }),
        );
        const newestFirst = [...rooms].sort(
          (a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0) || (a.roomId < b.roomId ? 1 : -1),
        );
        const taken = new Set<string>();
        const stay = newestFirst.filter(({ users }) => {
          if (users.some((user) => taken.has(user))) return false;
          for (const user of users) taken.add(user);
          return true;
        });
        const recovered = decideRooms(rooms, rules, now).filter(({ verdict }) => verdict === "recover");
        expect(new Set(recovered.map(({ roomId }) => roomId))).toEqual(new Set(stay.map(({ roomId }) => roomId)));
      },
    ),
  );
});

test("a user who is in a room already is in no other one, however new", () => {
  const contest = createContest((user) => (user === "b" ? "kept" : undefined));
  contest.add({ room: { roomId: "new", startedAt: 2 }, users: ["a", "b"] });
  contest.add({ room: { roomId: "kept", startedAt: 1 }, users: ["b", "c"] });
  contest.add({ room: { roomId: "other", startedAt: 0 }, users: ["d", "e"] });
  expect(contest.losers()).toEqual(new Map([["new", "kept"]]));
});
