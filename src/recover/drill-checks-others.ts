import { type Case, type Check, idsOfUnfresh, violate } from "./drill-case.js";
import type { Violation } from "./drill-invariants.js";

/** Exit code of a server that lost its epoch to another one: `locked`. */
const overtakenExit = 11;
/** Totals are whole seconds, and a connection ends for the drill a little before it does for the server. */
const timerSlackSeconds = 2;

/** I9: every link that was acknowledged leads to the user that it was made for. */
export const checkLinkTargets: Check = (facts) =>
  facts.readBack.operations.flatMap(({ name, subject = "", body, settled }) => {
    if (name !== "link:read" || settled === undefined || settled.outcome === "info") return [];
    const leadsTo = settled.outcome === "ok" ? settled.found?.[0] : `nothing (${settled.code})`;
    return violate(facts, leadsTo !== body, ["I9", subject, `the link ${subject} leads to ${leadsTo}, not to ${body}`]);
  });

/** I10: a timer total is never less than it was, and never more than the time that its user was connected. */
export const checkTimers: Check = (facts) => {
  const { connectedMs, timersBefore } = facts.evidence;
  return facts.rows.users.flatMap(({ userId, timerSeconds }) => {
    const known = connectedMs.get(userId);
    const most = known === undefined ? Number.POSITIVE_INFINITY : known / 1000 + timerSlackSeconds;
    const least = timersBefore.get(userId) ?? 0;
    const about = `the timer of ${userId} says ${timerSeconds} s`;
    return [
      ...violate(facts, timerSeconds > most, [
        "I10",
        userId,
        `${about}; it was connected for ${most.toFixed(1)} s at most`,
      ]),
      ...violate(facts, timerSeconds < least, ["I10", userId, `${about}, after ${least} s`]),
    ];
  });
};

/** I11: two who have met are refused each other after the restart as before. */
export const checkCooldowns: Check = (facts) => {
  const pairs = new Set(facts.rows.cooldowns.map(({ userLow, userHigh }) => `${userLow} ${userHigh}`));
  const inRows = [...facts.rooms.values()].flatMap(({ roomId, users, endDurableAt }) => {
    const isMissing = endDurableAt !== undefined && !pairs.has(users.toSorted().join(" "));
    return violate(facts, isMissing, ["I11", roomId, `the end of the room ${roomId} is durable, its cooldown is not`]);
  });
  const asked = facts.readBack.operations.flatMap(({ name, actor, subject = "", settled }) =>
    violate(facts, name === "invite:send" && settled?.outcome === "ok", [
      "I11",
      actor,
      `${actor} could invite ${subject} within their cooldown`,
    ]),
  );
  return [...inRows, ...asked];
};

/** I12: a server that was overtaken ends by itself, and what its successor took over is the successor's. */
export const checkFence: Check = (facts) => [...checkPutBack(facts), ...checkOvertaken(facts)];

/** The row and the history of a room's end are written together: only a write that came too late puts a row back. */
function checkPutBack(facts: Case): readonly Violation[] {
  const { rows, index } = facts;
  return rows.rooms.flatMap(({ roomId, status, ownerEpoch }) =>
    violate(facts, status !== "ended" && index.ended.has(roomId), [
      "I12",
      roomId,
      `the room ${roomId} has its history, and a row of epoch ${ownerEpoch} that goes on: a late write put it back`,
    ]),
  );
}

function checkOvertaken(facts: Case): readonly Violation[] {
  const { afterZombie, epoch } = facts.evidence;
  if (!afterZombie) return [];
  const { exitCode } = afterZombie;
  const stale = idsOfUnfresh(facts.evidence);
  const late = afterZombie.rows.rooms.filter(
    ({ roomId, ownerEpoch }) => facts.index.live.has(roomId) && ownerEpoch !== epoch && !stale.has(roomId),
  );
  return [
    ...violate(facts, exitCode !== overtakenExit, [
      "I12",
      "zombie",
      `overtaken by epoch ${epoch}, the server ended with ${exitCode}, not with ${overtakenExit}`,
    ]),
    ...late.flatMap(({ roomId, ownerEpoch }): readonly Violation[] =>
      violate(facts, true, [
        "I12",
        roomId,
        `the room ${roomId} is written by epoch ${ownerEpoch}, which epoch ${epoch} had overtaken`,
      ]),
    ),
  ];
}

/** I13: the rooms that a dry run would bring back are those that the start brought back. */
export const checkPlan: Check = (facts) => {
  const { evidence } = facts;
  const { planned, before, rows } = evidence;
  if (!planned || !before) return [];
  const stale = idsOfUnfresh(evidence);
  const back = new Set([...liveRooms(rows)].filter((roomId) => !stale.has(roomId)));
  // A deadline that passed between the two is no difference.
  const expiring = new Set(
    [...before.rooms, ...rows.rooms]
      .filter(({ graceExpiresAt }) => graceExpiresAt !== null && graceExpiresAt <= rows.at)
      .map(({ roomId }) => roomId),
  );
  const missing = planned.filter((roomId) => !back.has(roomId) && !endedSince(facts, roomId));
  // A room that was planted after the dry run is none of its.
  const seen = new Set(before.rooms.map(({ roomId }) => roomId));
  const isLater = (roomId: string) => evidence.planted.some((room) => room.roomId === roomId) && !seen.has(roomId);
  const surplus = [...back].filter((roomId) => !planned.includes(roomId) && !isLater(roomId));
  return [
    ...missing.map((roomId) => ({
      roomId,
      message: `a dry run would have brought back the room ${roomId}; the start did not`,
    })),
    ...surplus.map((roomId) => ({
      roomId,
      message: `the start brought back the room ${roomId}; a dry run would not have`,
    })),
  ].flatMap(({ roomId, message }) => violate(facts, !expiring.has(roomId), ["I13", roomId, message]));
};

function liveRooms({ rooms, histories }: Case["rows"]): readonly string[] {
  const ended = new Set(histories.map(({ roomId }) => roomId));
  return rooms.filter(({ roomId, status }) => status !== "ended" && !ended.has(roomId)).map(({ roomId }) => roomId);
}

/** With a short grace, a room may be over again before its row is read. */
function endedSince({ evidence, rows }: Case, roomId: string): boolean {
  const isOver = rows.at >= evidence.startedAt + evidence.graceMs;
  return isOver && rows.histories.some((history) => history.roomId === roomId);
}

/** I15: nobody is online who did not come back, and an invite of before is gone. */
export const checkEphemeral: Check = (facts) =>
  facts.readBack.operations.flatMap(({ name, actor, subject, settled }) => [
    ...violate(facts, name === "presence" && (settled?.found?.length ?? 0) > 0, [
      "I15",
      actor,
      `users who did not come back are shown as online: ${settled?.found?.join(", ")}`,
    ]),
    ...violate(facts, name === "invite:accept" && settled?.outcome === "ok", [
      "I15",
      subject ?? "",
      `the invite ${subject} of before the restart was accepted`,
    ]),
  ]);
