import { type Case, type Check, isDue, isFresh, violate } from "./drill-case.js";
import type { Violation } from "./drill-invariants.js";
import type { RoomRow, RoomView } from "./drill-model.js";
import { groupBy } from "./drill-rooms.js";

/** Between moments of the server, of the database and of the drill. */
const slackMs = 250;

/** I4: rows agree with themselves and with what was told of the room. */
export const checkRowStates: Check = (facts) => {
  const { evidence, rows, rooms } = facts;
  return [...(evidence.before?.rooms ?? []), ...rows.rooms].flatMap((row) => {
    if (row.status === "ended") return [];
    const isWhole = row.status === "active" ? isActive(row) : row.graceExpiresAt !== null;
    const room = rooms.get(row.roomId);
    const isSame = !room || (room.users[0] === row.user1 && room.users[1] === row.user2 && room.mode === row.mode);
    return violate(facts, !isWhole || !isSame, [
      "I4",
      row.roomId,
      `the row of the room ${row.roomId} is in a state that the room never had: ${JSON.stringify(row)}`,
    ]);
  });
};

function isActive({ user1Connected, user2Connected, graceExpiresAt }: RoomRow): boolean {
  return user1Connected && user2Connected && graceExpiresAt === null;
}

/** I5: a room that had ended for good is neither in the rows nor shown to anybody. */
export const checkResurrections: Check = (facts) => {
  const { rooms, evidence, index } = facts;
  const over = new Set(evidence.endedBefore);
  for (const room of rooms.values()) if (room.endDurableAt !== undefined) over.add(room.roomId);
  const shown = shownViews(facts).filter(({ status }) => status !== "ended");
  const back = new Set([...index.live, ...shown.map(({ roomId }) => roomId)]);
  return [...back].flatMap((roomId) =>
    violate(facts, over.has(roomId), ["I5", roomId, `the room ${roomId} had ended for good, and is back`]),
  );
};

/** I6: of rooms put into the rows, the fresh ones come back and the stale ones are left alone. */
export const checkAges: Check = (facts) => {
  const { evidence } = facts;
  return evidence.planted.flatMap((planted) => {
    const { roomId, users } = planted;
    const mayReturn = isFresh(evidence, planted);
    if (mayReturn === undefined) return [];
    const asked = facts.readBack.operations.filter(
      ({ name, actor, settled }) => name === "connect" && users.includes(actor) && settled?.outcome === "ok",
    );
    const isBack = asked.some(({ settled }) => settled?.room?.roomId === roomId);
    const isInTime = asked.some(
      ({ settled }) => (settled?.at ?? 0) + slackMs < evidence.listeningAt + evidence.graceMs,
    );
    const message = mayReturn
      ? `the fresh room ${roomId} did not come back`
      : `the stale room ${roomId} ${isBack ? "came back" : "was ended"}`;
    // Recovered, and over again: its users were slower than its grace period.
    const isWrong = mayReturn ? isInTime && !isBack : isBack || facts.index.ended.has(roomId);
    return violate(facts, isWrong, ["I6", roomId, message]);
  });
};

/** I7: what had run out is over; a deadline that was running stands; whoever is back in time is in the call again. */
export const checkGrace: Check = (facts) => [...checkExpired(facts), ...checkDeadlines(facts), ...checkResumed(facts)];

function checkExpired(facts: Case): readonly Violation[] {
  const { evidence, told, readBack } = facts;
  const shown = new Set(shownViews(facts).flatMap(({ roomId, status }) => (status === "ended" ? [] : [roomId])));
  const fromRows = (evidence.before?.rooms ?? []).flatMap(({ roomId, status, graceExpiresAt }) =>
    status === "grace_period" && graceExpiresAt !== null ? [{ roomId, deadline: graceExpiresAt }] : [],
  );
  const fromStory = [...told.values()].flatMap(({ roomId, deadline, last }) =>
    deadline !== undefined && isDue(evidence, last.at) ? [{ roomId, deadline }] : [],
  );
  const firstShown = (id: string) =>
    Math.min(...readBack.operations.flatMap(({ settled }) => (settled?.room?.roomId === id ? [settled.at] : [])));
  return [...fromRows, ...fromStory].flatMap(({ roomId, deadline }) => {
    const isOver = deadline + slackMs < Math.min(evidence.startedAt, firstShown(roomId));
    const isBack = shown.has(roomId) || facts.index.live.has(roomId);
    const message = `the grace of the room ${roomId} ran out ${Math.round(evidence.startedAt - deadline)} ms before the start, and it is back`;
    return violate(facts, isOver && isBack, ["I7", roomId, message]);
  });
}

/** The end of a recovered room's grace: not later than its own, and not later than the server's start allows. */
function checkDeadlines(facts: Case): readonly Violation[] {
  const { evidence } = facts;
  const own = new Map((evidence.before?.rooms ?? []).map((row) => [row.roomId, row]));
  const latest = evidence.listeningAt + evidence.graceMs + slackMs;
  return facts.readBack.operations.flatMap(({ name, settled }) => {
    const view = name === "connect" ? settled?.room : undefined;
    if (view?.status !== "grace_period" || view.graceExpiresAt === null) return [];
    const row = own.get(view.roomId);
    const deadline = row?.status === "grace_period" ? (row.graceExpiresAt ?? latest) : latest;
    const isLate = view.graceExpiresAt > Math.min(latest, deadline + slackMs);
    const byMs = Math.round(view.graceExpiresAt - Math.min(latest, deadline));
    return violate(facts, isLate, ["I7", view.roomId, `the room ${view.roomId} has ${byMs} ms more time than it had`]);
  });
}

/** Both asked to rejoin in time: the call goes on. */
function checkResumed(facts: Case): readonly Violation[] {
  const { operations } = facts.readBack;
  const deadlines = new Map(
    operations.flatMap(({ name, settled }) =>
      name === "connect" && settled?.room?.status === "grace_period"
        ? [[settled.room.roomId, settled.room.graceExpiresAt ?? 0] as const]
        : [],
    ),
  );
  const rejoins = groupBy(
    operations.filter(({ name }) => name === "room:rejoin"),
    ({ roomId }) => roomId ?? "",
  );
  return [...rejoins].flatMap(([roomId, asked]) => {
    const deadline = deadlines.get(roomId);
    const inTime = asked.filter(({ settled }) => settled !== undefined && settled.at + slackMs < (deadline ?? 0));
    const refused = inTime.find(({ settled }) => settled?.outcome === "fail");
    const users = new Set(inTime.filter(({ settled }) => settled?.outcome === "ok").map(({ actor }) => actor));
    const isActiveAgain = shownViews(facts).some((view) => view.roomId === roomId && view.status === "active");
    return [
      ...violate(facts, refused !== undefined, [
        "I7",
        roomId,
        `a rejoin of the room ${roomId} in time was refused: ${refused?.settled?.code}`,
      ]),
      ...violate(facts, users.size === 2 && !isActiveAgain, [
        "I7",
        roomId,
        `both are back in the room ${roomId} in time, and it is not active`,
      ]),
    ];
  });
}

/** I8: a user has one room, its own, and the seat that it had. */
export const checkSeats: Check = (facts) => {
  const { rows, index, rooms, readBack } = facts;
  const live = rows.rooms.filter(({ roomId }) => index.live.has(roomId));
  const seats = live.flatMap(({ roomId, user1, user2 }) => [user1, user2].map((user) => ({ roomId, user })));
  const planted = new Set(facts.evidence.planted.map(({ roomId }) => roomId));
  const crowded = [...groupBy(seats, ({ user }) => user)].flatMap(([user, taken]) => {
    const counted = taken.filter(({ roomId }) => !planted.has(roomId));
    return violate(facts, counted.length > 1, ["I8", user, `the user ${user} is in ${counted.length} rooms`]);
  });
  const views = [
    ...readBack.operations.map(({ actor, settled }) => ({ actor, view: settled?.room })),
    ...readBack.sightings.map(({ actor, room }) => ({ actor, view: room })),
  ];
  const moved = views.flatMap(({ actor, view }) => {
    const users = view ? rooms.get(view.roomId)?.users : undefined;
    if (!view || !users) return [];
    const isSame = users[view.initiator ? 0 : 1] === actor && users[view.initiator ? 1 : 0] === view.partner.userId;
    return violate(facts, !isSame, [
      "I8",
      view.roomId,
      `${actor} has another seat in the room ${view.roomId} than before`,
    ]);
  });
  return [...crowded, ...moved];
};

function shownViews({ readBack }: Case): readonly RoomView[] {
  return [
    ...readBack.operations.flatMap(({ settled }) => (settled?.room ? [settled.room] : [])),
    ...readBack.sightings.flatMap(({ room }) => (room ? [room] : [])),
  ];
}
