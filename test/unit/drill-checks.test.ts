import { expect, test } from "vitest";
import { judge } from "../../src/recover/drill-checks.js";
import type { Invariant } from "../../src/recover/drill-invariants.js";
import { invariants } from "../../src/recover/drill-invariants.js";
import {
  asked,
  ava,
  away,
  ben,
  cleo,
  dan,
  diedAt,
  endedRoom,
  eve,
  evidenceOf,
  finn,
  healthyStrike,
  limitedUser,
  liveRoom,
  type MadeUp,
  roomRow,
  silence,
  silentRoom,
  told,
  view,
} from "../support/drill-story.js";

function found(change: (strike: MadeUp) => void): { invariants: readonly Invariant[]; lossesMs: readonly number[] } {
  const strike = healthyStrike();
  change(strike);
  const { violations, lossesMs } = judge(evidenceOf(strike), strike);
  return { invariants: [...new Set(violations.map(({ invariant }) => invariant))], lossesMs };
}

test("a strike after which all is there violates nothing", () => {
  expect(found(() => {})).toEqual({ invariants: [], lossesMs: [] });
});

/** What a violation of each invariant looks like. */
const wrong: readonly (readonly [Invariant, string, (strike: MadeUp) => void])[] = [
  ["I1", "an acknowledged message that has no row", ({ rows }) => (rows.messages = [])],
  [
    "I1",
    "an acknowledged message with another number",
    ({ rows }) => (rows.messages = rows.messages.map((row) => ({ ...row, sequence: 2 }))),
  ],
  [
    "I1",
    "a message that the partner saw and that has no row",
    ({ sightings }) =>
      sightings.push(told(ben, 3_000, { name: "chat:message", message: { messageId: "message-2", sequence: 2 } })),
  ],
  [
    "I1",
    "a rejoin that lacks an acknowledged message",
    ({ operations }) =>
      operations.push(asked("room:rejoin", ben, 11_300, { roomId: liveRoom, isReadBack: true }, { messages: [] })),
  ],
  ["I1", "an acknowledged end with one of two histories", ({ rows }) => (rows.histories = rows.histories.slice(1))],
  ["I1", "an acknowledged end without completions", ({ rows }) => (rows.completions = [])],
  ["I1", "an acknowledged link that has no row", ({ rows }) => (rows.links = [])],
  ["I1", "an acknowledged account that has no row", ({ rows }) => (rows.users = rows.users.slice(1))],
  [
    "I2",
    "a message that nobody sent",
    ({ rows }) => (rows.messages = rows.messages.map((row) => ({ ...row, body: "something else" }))),
  ],
  [
    "I2",
    "a room of users who never asked for a partner",
    ({ rows }) => (rows.rooms = [...rows.rooms, roomRow({ roomId: "room-odd", user1: "user-x", user2: "user-y" })]),
  ],
  ["I3", "a room told long before the kill that has no row", ({ rows }) => (rows.rooms = rows.rooms.slice(1))],
  [
    "I3",
    "an end told long before the kill, of a room that still lives",
    ({ sightings }) => sightings.push(told(ava, 9_000, { room: view(ava, { status: "ended" }) })),
  ],
  [
    "I3",
    "activity told long before the kill that is not in the rows",
    ({ rows }) => (rows.activity = [{ roomId: liveRoom, user1LastMessageAt: 1_000, user2LastMessageAt: null }]),
  ],
  [
    "I3",
    "a side that was told to be away and is connected in the rows",
    (strike) => {
      strike.evidence = { ...strike.evidence, before: { ...strike.rows, at: 10_050 } };
      strike.sightings.push(
        told(ava, 9_000, { room: view(ava, { ...away, partner: { userId: ben, connected: false } }) }),
      );
    },
  ],
  ["I3", "changes that are never written", (strike) => (strike.evidence = { ...strike.evidence, stuck: 3 })],
  [
    "I4",
    "an active row with a side away",
    ({ rows }) => (rows.rooms = rows.rooms.map((row) => ({ ...row, user2Connected: row.status === "ended" }))),
  ],
  [
    "I4",
    "a row with another user than its room",
    ({ rows }) => (rows.rooms = rows.rooms.map((row) => (row.roomId === liveRoom ? { ...row, user2: dan } : row))),
  ],
  [
    "I4",
    "a later message with a lower number",
    ({ operations, rows }) => {
      const facts = { roomId: liveRoom, subject: "message-0", body: "again" };
      const message = { messageId: "message-0", sequence: 0 };
      operations.push(asked("chat:message", ben, 3_000, facts, { durable: true, message }));
      rows.messages = [...rows.messages, { ...message, roomId: liveRoom, sender: ben, body: "again" }];
      rows.activity = [{ roomId: liveRoom, user1LastMessageAt: 2_000, user2LastMessageAt: 3_000 }];
    },
  ],
  [
    "I5",
    "an ended room that a user is shown as going on",
    ({ operations }) =>
      operations.push(
        asked(
          "connect",
          cleo,
          11_300,
          { isReadBack: true },
          {
            room: view(cleo, {
              roomId: endedRoom,
              mode: "video",
              partner: { userId: dan, connected: false },
              initiator: true,
            }),
          },
        ),
      ),
  ],
  [
    "I5",
    "a room that had ended in a cycle before",
    (strike) => (strike.evidence = { ...strike.evidence, endedBefore: new Set([liveRoom]) }),
  ],
  [
    "I6",
    "a stale room that comes back",
    (strike) => {
      strike.evidence = { ...strike.evidence, planted: [{ roomId: liveRoom, users: [ava, ben], staleAt: 10_200 }] };
    },
  ],
  [
    "I6",
    "a fresh room that does not come back",
    (strike) => {
      strike.evidence = {
        ...strike.evidence,
        planted: [{ roomId: "room-fresh", users: [cleo, dan], staleAt: 10_503 }],
      };
      strike.operations.push(asked("connect", cleo, 11_300, { isReadBack: true }, { room: null }));
    },
  ],
  [
    "I6",
    "a stale room that is ended",
    (strike) => {
      strike.evidence = {
        ...strike.evidence,
        planted: [{ roomId: "room-stale", users: [cleo, dan], staleAt: 10_200 }],
      };
      strike.rows.histories = [...strike.rows.histories, { roomId: "room-stale", userId: cleo }];
    },
  ],
  [
    "I7",
    "a room whose grace ran out before the start, and that is back",
    ({ sightings }) => sightings.push(told(ava, 8_000, { room: view(ava, { ...away, graceExpiresAt: 9_000 }) })),
  ],
  [
    "I7",
    "a deadline that a restart moved",
    (strike) => {
      const row = roomRow({ status: "grace_period", user2Connected: false, graceExpiresAt: 15_000 });
      strike.evidence = { ...strike.evidence, before: { ...strike.rows, rooms: [row] } };
    },
  ],
  [
    "I7",
    "both back in time in a room that stays in grace",
    (strike) => {
      strike.sightings = strike.sightings.filter(({ at }) => at < diedAt);
      strike.operations = strike.operations.map((operation) =>
        operation.name === "room:rejoin" && operation.settled
          ? {
              ...operation,
              settled: { ...operation.settled, room: view(operation.actor, { ...away, you: { connected: true } }) },
            }
          : operation,
      );
    },
  ],
  [
    "I7",
    "a rejoin in time that is refused",
    ({ operations }) =>
      operations.push(
        asked(
          "room:rejoin",
          ava,
          11_300,
          { roomId: liveRoom, isReadBack: true },
          { outcome: "fail", code: "room_ended" },
        ),
      ),
  ],
  [
    "I8",
    "a user in two rooms",
    ({ rows, sightings }) => {
      rows.rooms = [...rows.rooms, roomRow({ roomId: "room-second", user2: dan })];
      sightings.push(
        told(ava, 9_990, { room: view(ava, { roomId: "room-second", partner: { userId: dan, connected: true } }) }),
      );
    },
  ],
  [
    "I8",
    "a user who finds itself as its own partner",
    ({ operations }) =>
      operations.push(
        asked(
          "connect",
          ben,
          11_300,
          { isReadBack: true },
          { room: view(ben, { partner: { userId: ben, connected: true } }) },
        ),
      ),
  ],
  [
    "I9",
    "a link that leads elsewhere",
    ({ operations }) =>
      operations.push(
        asked("link:read", ben, 11_300, { subject: "link-1", body: ava, isReadBack: true }, { found: [dan] }),
      ),
  ],
  [
    "I9",
    "a link that leads nowhere",
    ({ operations }) =>
      operations.push(
        asked(
          "link:read",
          ben,
          11_300,
          { subject: "link-1", body: ava, isReadBack: true },
          { outcome: "fail", code: "404" },
        ),
      ),
  ],
  [
    "I10",
    "a timer that counted time without a connection",
    ({ rows }) => (rows.users = rows.users.map((row) => ({ ...row, timerSeconds: 13 }))),
  ],
  [
    "I10",
    "a timer that fell",
    (strike) => (strike.evidence = { ...strike.evidence, timersBefore: new Map([[ava, 9]]) }),
  ],
  [
    "I11",
    "an invite within the cooldown",
    ({ operations }) =>
      operations.push(asked("invite:send", cleo, 11_300, { subject: dan, isReadBack: true }, { found: ["invite-1"] })),
  ],
  ["I11", "a durable end without its cooldown", ({ rows }) => (rows.cooldowns = [])],
  [
    "I12",
    "an overtaken server that does not end by itself",
    (strike) => (strike.evidence = { ...strike.evidence, afterZombie: { rows: ownedBy(strike, "8"), exitCode: null } }),
  ],
  [
    "I12",
    "a row that an overtaken server wrote",
    (strike) => (strike.evidence = { ...strike.evidence, afterZombie: { rows: ownedBy(strike, "7"), exitCode: 11 } }),
  ],
  [
    "I12",
    "a row that a late write put back after its history",
    ({ rows }) => (rows.histories = [...rows.histories, ...[ava, ben].map((userId) => ({ roomId: liveRoom, userId }))]),
  ],
  [
    "I13",
    "a room that a dry run would have brought back",
    (strike) => {
      strike.evidence = { ...strike.evidence, before: strike.rows, planned: [liveRoom, "room-planned"] };
    },
  ],
  [
    "I13",
    "a room that a dry run would not have brought back",
    (strike) => (strike.evidence = { ...strike.evidence, before: strike.rows, planned: [] }),
  ],
  [
    "I14",
    "a change told right before an orderly end, and lost",
    (strike) => {
      strike.evidence = { ...strike.evidence, drainExit: 0, safeAt: diedAt };
      strike.sightings.push(told(cleo, diedAt - 5, { room: view(cleo, { roomId: "room-late" }) }));
    },
  ],
  ["I14", "a server that does not end in order", (strike) => (strike.evidence = { ...strike.evidence, drainExit: 5 })],
  [
    "I15",
    "a user who did not come back, and is online",
    ({ operations }) => operations.push(asked("presence", ava, 11_300, { isReadBack: true }, { found: [dan] })),
  ],
  [
    "I16",
    "a warning that is due and does not come",
    (strike) => (strike.sightings = strike.sightings.filter(({ name }) => name !== "torch:warning")),
  ],
  [
    "I16",
    "an end that is due and does not come",
    (strike) => {
      strike.evidence = { ...strike.evidence, silences: [{ ...silence, staleAt: 600_000, next: "torch:ended" }] };
    },
  ],
  [
    "I16",
    "a warning before the users have had their time to return",
    ({ sightings }) => sightings.push(told(finn, 1_700, { name: "torch:warning", roomId: silentRoom })),
  ],
  [
    "I16",
    "an end right after the warning",
    ({ sightings }) => sightings.push(told(eve, 9_000, { name: "torch:ended", roomId: silentRoom })),
  ],
  [
    "I16",
    "a warning that leaves less time than the rule",
    ({ sightings }) => sightings.push(told(finn, 2_001, { name: "torch:warning", roomId: silentRoom, endsAt: 12_001 })),
  ],
  [
    "I16",
    "a warning in a room that is younger than the silence",
    ({ sightings }) => sightings.push(told(ava, 9_000, { name: "torch:warning", roomId: liveRoom })),
  ],
  [
    "I17",
    "a limit that a restart gave back",
    ({ operations }) =>
      operations.push(asked("limit", limitedUser, 11_300, { isReadBack: true }, { found: ["link-4"] })),
  ],
  [
    "I17",
    "a limit that the start before had given back",
    ({ operations }) => operations.push(asked("limit", limitedUser, 4_300, {}, { found: ["link-4"] })),
  ],
  [
    "I18",
    "a row of an older version than in the cycle before",
    (strike) =>
      (strike.evidence = {
        ...strike.evidence,
        marksBefore: new Map([[liveRoom, { ownerEpoch: "7", version: "12" }]]),
      }),
  ],
  [
    "I18",
    "a row that its successor had, and that is of the epoch before again",
    (strike) =>
      (strike.evidence = {
        ...strike.evidence,
        marksBefore: new Map([[liveRoom, { ownerEpoch: "10", version: "1" }]]),
      }),
  ],
  [
    "I15",
    "an invite of before that is accepted",
    ({ operations }) => operations.push(asked("invite:accept", ava, 11_300, { subject: "invite-1", isReadBack: true })),
  ],
];

function ownedBy({ rows }: MadeUp, ownerEpoch: string) {
  return { ...rows, rooms: rows.rooms.map((row) => ({ ...row, ownerEpoch })) };
}

test.each(wrong)("%s is violated by %s", (invariant, _what, change) => {
  expect(found(change).invariants).toContain(invariant);
});

test("every invariant has a violation that is shown, but the one that needs a server", () => {
  expect([...new Set(wrong.map(([invariant]) => invariant)), "I0"].sort()).toEqual(Object.keys(invariants).sort());
});

const fine: readonly (readonly [string, (strike: MadeUp) => void, readonly number[]])[] = [
  [
    "activity of a message that was asked of the server before, which answered when it woke up",
    (strike) => {
      const { operations, rows } = strike;
      const message = { messageId: "message-2", sequence: 2 };
      const facts = { roomId: liveRoom, subject: "message-2", body: "late", invokedAt: 420 };
      strike.evidence = { ...strike.evidence, servedFrom: 450 };
      rows.messages = [...rows.messages, { ...message, roomId: liveRoom, sender: ben, body: "late" }];
      strike.operations = operations.map(({ settled, ...operation }) =>
        settled?.messages
          ? { ...operation, settled: { ...settled, messages: [...settled.messages, message] } }
          : { settled, ...operation },
      );
      strike.operations.push(asked("chat:message", ben, 3_000, facts, { durable: true, message }));
    },
    [],
  ],
  [
    "a planted room that grew too old while the server started",
    (strike) => {
      const planted = [{ roomId: liveRoom, users: [ava, ben] as const, staleAt: 10_201 }];
      strike.evidence = { ...strike.evidence, planted };
    },
    [],
  ],
  [
    "a warning that was due, and the server did not answer after that",
    (strike) => {
      strike.sightings = strike.sightings.filter(({ name }) => name !== "torch:warning");
      const isOf = (actor: string) => actor === eve || actor === finn;
      strike.operations = strike.operations.filter(({ name, actor }) => name !== "presence" || !isOf(actor));
    },
    [],
  ],
  [
    "a use of a limit that was lost within the loss window",
    (strike) => {
      strike.operations = strike.operations.map((operation) =>
        operation.name === "limit" && operation.settled && operation.settled.at < diedAt
          ? { ...operation, invokedAt: 9_950, settled: { ...operation.settled, at: 9_960 } }
          : operation,
      );
      strike.operations.push(asked("limit", limitedUser, 11_300, { isReadBack: true }, { found: ["link-4"] }));
    },
    [],
  ],
  [
    "a limit that is free again because its window is over",
    (strike) => {
      const usedLimit = { userId: limitedUser, left: 2, windowEndsAt: 10_000 };
      strike.evidence = { ...strike.evidence, usedLimit };
      strike.operations.push(asked("limit", limitedUser, 11_300, { isReadBack: true }, { found: ["link-4"] }));
    },
    [],
  ],
  [
    "a room told within the loss window, and lost",
    ({ sightings }) => sightings.push(told(cleo, diedAt - 40, { room: view(cleo, { roomId: "room-late" }) })),
    [40],
  ],
  [
    "a room told after the server's death, by what was on its way",
    ({ sightings }) => sightings.push(told(cleo, diedAt + 5, { room: view(cleo, { roomId: "room-late" }) })),
    [],
  ],
  [
    "a room told while the database was away, and lost",
    (strike) => {
      strike.evidence = { ...strike.evidence, outageFrom: 5_000 };
      strike.sightings.push(told(cleo, 7_000, { room: view(cleo, { roomId: "room-late" }) }));
    },
    [],
  ],
  [
    "a message without an answer that is in the rows",
    ({ operations, rows }) => {
      operations.push(
        asked("chat:message", ben, 9_990, { roomId: liveRoom, subject: "message-2", body: "?" }, { outcome: "info" }),
      );
      rows.messages = [
        ...rows.messages,
        { messageId: "message-2", roomId: liveRoom, sender: ben, body: "?", sequence: 2 },
      ];
    },
    [],
  ],
  [
    "a message without an answer that is not in the rows",
    ({ operations }) =>
      operations.push(
        asked("chat:message", ben, 9_990, { roomId: liveRoom, subject: "message-2", body: "?" }, { outcome: "info" }),
      ),
    [],
  ],
  [
    "a room that nobody was told of, of two who looked for a partner",
    ({ operations, rows }) => {
      operations.push(asked("queue:join", cleo, 9_950), asked("queue:join", dan, 9_990, {}, { outcome: "info" }));
      rows.rooms = [...rows.rooms, roomRow({ roomId: "room-untold", user1: cleo, user2: dan })];
    },
    [],
  ],
  [
    "a message sent again that keeps its number",
    ({ operations }) =>
      operations.push(
        asked(
          "chat:message",
          ava,
          3_000,
          { roomId: liveRoom, subject: "message-1", body: "hello" },
          { durable: true, message: { messageId: "message-1", sequence: 1 } },
        ),
      ),
    [],
  ],
  [
    "a grace that was over, in a room that somebody had returned to",
    ({ sightings, operations }) => {
      sightings.push(told(ava, 8_000, { room: view(ava, { ...away, graceExpiresAt: 9_000 }) }));
      operations.push(asked("room:rejoin", ben, 8_500, { roomId: liveRoom }, { outcome: "info" }));
    },
    [],
  ],
  [
    "a planned room whose deadline passed before its row was read",
    (strike) => {
      const expired = roomRow({
        roomId: "room-planned",
        status: "grace_period",
        user2Connected: false,
        graceExpiresAt: 10_300,
      });
      strike.evidence = {
        ...strike.evidence,
        before: { ...strike.rows, rooms: [...strike.rows.rooms, expired] },
        planned: [liveRoom, silentRoom, "room-planned"],
        knownBefore: new Set(["room-planned"]),
      };
    },
    [],
  ],
];

test.each(fine)("%s is allowed", (_what, change, lossesMs) => {
  expect(found(change)).toEqual({ invariants: [], lossesMs });
});
