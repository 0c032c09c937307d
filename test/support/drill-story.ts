import type { Evidence } from "../../src/recover/drill-evidence.js";
import type { Operation, RoomRow, RoomView, Rows, Settled, Sighting } from "../../src/recover/drill-model.js";

/** A made-up strike: everything can be changed before it is judged. Moments are milliseconds; the server dies at 10,000. */
export interface MadeUp {
  evidence: Evidence;
  rows: { -readonly [Key in keyof Rows]: Rows[Key] };
  operations: Operation[];
  sightings: Sighting[];
}

export const [ava, ben, cleo, dan] = ["user-a", "user-b", "user-c", "user-d"] as const;
export const [liveRoom, endedRoom, silentRoom] = ["room-live", "room-ended", "room-silent"] as const;
/** Sit in the silent room. */
export const [eve, finn] = ["user-e", "user-f"] as const;
export const limitedUser = "user-limited";
export const diedAt = 10_000;

type Extra = Partial<Omit<Operation, "settled">>;

let lastOp = 0;

/** Something that was asked at a moment, and answered ten milliseconds later; not answered at all with `undefined`. */
export function asked(
  name: Operation["name"],
  actor: string,
  at: number,
  facts: Extra = {},
  settled: Partial<Settled> | undefined = {},
): Operation {
  lastOp += 1;
  const operation = { op: lastOp, cycle: 1, name, actor, invokedAt: at - 10, ...facts };
  return settled === undefined ? operation : { ...operation, settled: { outcome: "ok", at, ...settled } };
}

/** Something that the server told by itself. */
export function told(actor: string, at: number, facts: Partial<Sighting>): Sighting {
  return { cycle: 1, at, actor, name: "room:state", ...facts };
}

/** The live room as one of its users sees it. */
export function view(actor: string, changes: Partial<RoomView> = {}): RoomView {
  return {
    roomId: liveRoom,
    mode: "text",
    status: "active",
    graceExpiresAt: null,
    you: { connected: true },
    partner: { userId: actor === ava ? ben : ava, connected: true },
    initiator: actor === ava,
    ...changes,
  };
}

export function roomRow(changes: Partial<RoomRow> = {}): RoomRow {
  return {
    roomId: liveRoom,
    user1: ava,
    user2: ben,
    mode: "text",
    status: "active",
    user1Connected: true,
    user2Connected: true,
    graceExpiresAt: null,
    ownerEpoch: "7",
    version: "3",
    ...changes,
  };
}

/** Both sides away, as a recovered room is shown. */
export const away = { status: "grace_period", graceExpiresAt: 20_400, you: { connected: false } } as const;

/** The silent room, whose warning was due when its users had had their time to return. */
export const silence = { roomId: silentRoom, users: [eve, finn], next: "torch:warning", dueAt: 1_000 } as const;

/** Two return to the silent room, are warned in time, and go on asking; a limit is used up, and stays so. */
function plantedBefore(): Pick<MadeUp, "operations" | "sightings"> {
  const room = (actor: string, changes: Partial<RoomView> = {}) =>
    view(actor, {
      roomId: silentRoom,
      partner: { userId: eve, connected: true },
      initiator: actor === eve,
      ...changes,
    });
  const seat = (actor: string) => ({
    ...room(actor),
    partner: { userId: actor === eve ? finn : eve, connected: true },
  });
  return {
    operations: [
      asked("connect", eve, 500, {}, { room: { ...seat(eve), ...away, graceExpiresAt: 2_000 } }),
      asked("room:rejoin", eve, 600, { roomId: silentRoom }, { room: { ...seat(eve), graceExpiresAt: 2_000 } }),
      asked("room:rejoin", finn, 700, { roomId: silentRoom }, { room: seat(finn) }),
      ...[3_000, 3_500].map((at) => asked("presence", eve, at, {}, { found: [] })),
      asked("limit", limitedUser, 4_000, {}, { found: ["link-2"] }),
      asked("limit", limitedUser, 4_100, {}, { found: ["link-3"] }),
      asked("limit", limitedUser, 4_200, {}, { outcome: "fail", code: "429" }),
      asked("limit", limitedUser, 11_250, { isReadBack: true }, { outcome: "fail", code: "429" }),
    ],
    sightings: [
      told(finn, 701, { room: seat(finn) }),
      told(eve, 2_001, { name: "torch:warning", roomId: silentRoom, endsAt: 32_001 }),
    ],
  };
}

/** A room that goes on, one that has ended, a message, a link: and all of it is there after the strike. */
export function healthyStrike(): MadeUp {
  const message = { messageId: "message-1", sequence: 1 };
  const endedView = (actor: string) =>
    view(actor, {
      roomId: endedRoom,
      mode: "video",
      partner: { userId: actor === cleo ? dan : cleo, connected: true },
      initiator: actor === cleo,
    });
  const planted = plantedBefore();
  return {
    operations: [
      ...planted.operations,
      ...[ava, ben, cleo, dan].map((user) => asked("account", user, 100, {}, { durable: true, found: [user] })),
      asked("queue:join", ava, 1_000),
      asked("queue:join", ben, 1_010, {}, { room: view(ben) }),
      asked(
        "chat:message",
        ava,
        2_000,
        { roomId: liveRoom, subject: "message-1", body: "hello" },
        { durable: true, message },
      ),
      asked("link", ava, 2_100, {}, { durable: true, found: ["link-1"] }),
      asked("room:leave", cleo, 9_500, { roomId: endedRoom }, { durable: true }),
      asked("connect", ava, 10_600, { isReadBack: true }, { room: view(ava, away) }),
      asked("room:rejoin", ava, 10_700, { roomId: liveRoom, isReadBack: true }, { messages: [message] }),
      asked("connect", ben, 10_800, { isReadBack: true }, { room: view(ben, away) }),
      asked("room:rejoin", ben, 10_900, { roomId: liveRoom, isReadBack: true }, { room: view(ben) }),
      asked("link:read", ben, 11_000, { subject: "link-1", body: ava, isReadBack: true }, { found: [ava] }),
      asked("presence", ava, 11_100, { isReadBack: true }, { found: [] }),
      asked("invite:send", cleo, 11_200, { subject: dan, isReadBack: true }, { outcome: "fail", code: "cooldown" }),
    ],
    sightings: [
      ...planted.sightings,
      told(ava, 1_011, { room: view(ava) }),
      told(ben, 2_001, { name: "chat:message", roomId: liveRoom, message }),
      told(cleo, 3_000, { room: endedView(cleo) }),
      told(dan, 3_000, { room: endedView(dan) }),
      told(ava, 10_901, { room: view(ava) }),
    ],
    rows: {
      at: 10_500,
      servers: [{ epoch: "8", startedAt: 10_200 }],
      rooms: [
        roomRow(),
        roomRow({ roomId: silentRoom, user1: eve, user2: finn }),
        roomRow({ roomId: endedRoom, user1: cleo, user2: dan, mode: "video", status: "ended" }),
      ],
      messages: [{ messageId: "message-1", roomId: liveRoom, sender: ava, body: "hello", sequence: 1 }],
      histories: [cleo, dan].map((userId) => ({ roomId: endedRoom, userId })),
      completions: [cleo, dan].map((userId) => ({ roomId: endedRoom, userId })),
      links: [{ code: "link-1", target: ava }],
      users: [ava, ben, cleo, dan].map((userId) => ({ userId, timerSeconds: 8 })),
      activity: [{ roomId: liveRoom, user1LastMessageAt: 2_000, user2LastMessageAt: null }],
      limits: [],
      cooldowns: [{ userLow: cleo, userHigh: dan }],
    },
    evidence: {
      cycle: 1,
      nemesis: "kill",
      servedFrom: 0,
      deadAt: diedAt,
      windowMs: 50,
      allowanceMs: 120,
      epoch: "8",
      startedAt: 10_100,
      listeningAt: 10_400,
      graceMs: 10_000,
      rows: {
        at: 0,
        servers: [],
        rooms: [],
        messages: [],
        histories: [],
        completions: [],
        links: [],
        users: [],
        activity: [],
        limits: [],
        cooldowns: [],
      },
      planted: [],
      silences: [{ ...silence, staleAt: 600_000 }],
      usedLimit: { userId: limitedUser, left: 2, windowEndsAt: 3_600_000 },
      marksBefore: new Map([[liveRoom, { ownerEpoch: "7", version: "2" }]]),
      marksAfter: new Map([[liveRoom, { ownerEpoch: "8", version: "1" }]]),
      knownBefore: new Set(),
      endedBefore: new Set(),
      timersBefore: new Map(),
      connectedMs: new Map([ava, ben, cleo, dan].map((user) => [user, 10_000])),
    },
  };
}

/** The made-up strike as `judge` takes it. */
export function evidenceOf({ evidence, rows }: MadeUp): Evidence {
  return { ...evidence, rows };
}
