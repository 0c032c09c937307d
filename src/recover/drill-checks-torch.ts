import { type Case, type Check, violate } from "./drill-case.js";
import type { PlantedSilence } from "./drill-evidence.js";
import type { Violation } from "./drill-invariants.js";
import type { Sighting } from "./drill-model.js";

/** The rule of the reference app: so long a silence starts a warning, and so long a warning ends the room. */
const silenceMs = 60_000;
const warningMs = 30_000;
/** Between moments of the server, of the database and of the drill. */
const slackMs = 250;

/** I16: what the rule does is neither early, whatever was restarted, nor put off by a restart. */
export const checkTorch: Check = (facts) => [...checkEarly(facts), ...checkWarnings(facts), ...checkOverdue(facts)];

function checkEarly(facts: Case): readonly Violation[] {
  return stepsOf(facts).flatMap(({ roomId = "", name, at }) => {
    const byMs = Math.round(earliestOf(facts, roomId, name) - at);
    return violate(facts, byMs > slackMs, ["I16", roomId, `${name} in the room ${roomId} came ${byMs} ms too early`]);
  });
}

/** Of a room that was not planted all of its life is known: nobody can have been silent for longer than that. */
function earliestOf(facts: Case, roomId: string, step: string): number {
  const { evidence, rooms } = facts;
  const planted = evidence.silences.find((silence) => silence.roomId === roomId);
  const isAfterNext = planted?.next === "torch:warning" && step === "torch:ended";
  if (planted) return dueAfterReturn(facts, planted) + (isAfterNext ? warningMs : 0);
  const toldAt = rooms.get(roomId)?.toldAt ?? 0;
  return toldAt + silenceMs + (step === "torch:ended" ? warningMs : 0);
}

/** A warning says when the room ends, which is not before the rule allows it. */
function checkWarnings(facts: Case): readonly Violation[] {
  return stepsOf(facts).flatMap(({ roomId = "", at, endsAt }) => {
    const isShort = endsAt !== undefined && endsAt + slackMs < at + warningMs;
    const leftMs = Math.round((endsAt ?? 0) - at);
    return violate(facts, isShort, ["I16", roomId, `a warning in the room ${roomId} leaves ${leftMs} ms`]);
  });
}

/** Both are back in the room, and the server has answered after the step was due: it has had its turn, and said nothing. */
function checkOverdue(facts: Case): readonly Violation[] {
  return facts.evidence.silences.flatMap((silence) => {
    const { roomId, next } = silence;
    const room = facts.told.get(roomId);
    if (room?.last.view.status !== "active") return [];
    const isTold = stepsOf(facts).some((step) => step.roomId === roomId && step.name === next);
    const dueAt = dueAfterReturn(facts, silence);
    const isOverdue = silence.users.some((userId) => answersSince(facts, userId, dueAt + slackMs) >= 2);
    const message = `${next} in the room ${roomId} was due, and a restart put it off`;
    return violate(facts, !isTold && isOverdue, ["I16", roomId, message]);
  });
}

/** Nobody could speak while no server ran: the rule waits for as long as users may take to come back. */
function dueAfterReturn({ served }: Case, { roomId, dueAt }: PlantedSilence): number {
  const deadlines = served.operations.flatMap(({ settled }) =>
    settled?.room?.roomId === roomId ? [settled.room.graceExpiresAt ?? 0] : [],
  );
  return Math.max(dueAt, ...deadlines);
}

/** Asked one after the other: between two of them the server looked at what was due. */
function answersSince({ served }: Case, userId: string, since: number): number {
  return served.operations.filter(
    ({ name, actor, invokedAt, settled }) =>
      name === "presence" && actor === userId && invokedAt > since && settled?.outcome === "ok",
  ).length;
}

function stepsOf({ served }: Case): readonly Sighting[] {
  return served.sightings.filter(({ name }) => name === "torch:warning" || name === "torch:ended");
}
