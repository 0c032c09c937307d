import { type Case, type Check, isDue, lostMsOf, violate } from "./drill-case.js";
import type { Invariant, Violation } from "./drill-invariants.js";
import type { RoomRow } from "./drill-model.js";
import type { RoomStory } from "./drill-rooms.js";

/** A change that was told from memory and is not in the rows. */
export interface Loss {
  readonly about: string;
  readonly what: string;
  readonly toldAt: number;
}

/** Every change that the server told of from memory before the strike, and that its successor does not have. */
export function listLosses(facts: Case): readonly Loss[] {
  const { evidence, told, index } = facts;
  const rooms = [...told.values()].flatMap((room): readonly Loss[] => {
    const { roomId, toldAt, endToldAt } = room;
    if (!index.known.has(roomId) && !index.ended.has(roomId)) return [{ about: roomId, what: "the room", toldAt }];
    if (endToldAt === undefined || !index.live.has(roomId)) return [];
    return [{ about: roomId, what: "the end of the room", toldAt: endToldAt }];
  });
  const states = (evidence.before?.rooms ?? []).flatMap((row) => lostState(told.get(row.roomId), row));
  return [...rooms, ...states, ...lostActivity(facts)].filter(({ toldAt }) => lostMsOf(evidence, toldAt) >= 0);
}

/** I3, and I14 for an orderly end: nothing is lost that is older than the window, and nothing at all that was safe. */
export const checkLosses: Check = (facts) => {
  const { evidence } = facts;
  const invariant: Invariant = evidence.drainExit === undefined ? "I3" : "I14";
  const lost = listLosses(facts).flatMap(({ about, what, toldAt }): readonly Violation[] => {
    const lostMs = Math.round(lostMsOf(evidence, toldAt));
    const limit = evidence.safeAt !== undefined && toldAt <= evidence.safeAt ? "none" : allowed(facts);
    return violate(facts, isDue(evidence, toldAt), [
      invariant,
      about,
      `${what} ${about} was told ${lostMs} ms before the end and is lost; allowed: ${limit}`,
    ]);
  });
  const { drainExit, stuck = 0 } = evidence;
  const isUnclean = drainExit !== undefined && drainExit !== 0;
  return [
    ...lost,
    ...violate(facts, isUnclean, ["I14", "drain", `asked to stop, the server ended with ${drainExit}`]),
    ...violate(facts, stuck > 0, ["I3", "flush", `${stuck} changes were not written long after the database was back`]),
  ];
};

function allowed({ evidence: { windowMs, allowanceMs } }: Case): string {
  return `${windowMs} + ${Math.round(allowanceMs)} ms`;
}

/** Who is connected, as the rows had it before the successor changed that; where nobody did anything since it was told. */
function lostState(room: RoomStory | undefined, row: RoomRow): readonly Loss[] {
  if (room === undefined || room.changedAt > room.last.at || room.endToldAt !== undefined) return [];
  const { view, actor, at } = room.last;
  const isFirst = actor === room.users[0];
  const connected = isFirst ? [row.user1Connected, row.user2Connected] : [row.user2Connected, row.user1Connected];
  const isEqual =
    row.status === view.status && connected[0] === view.you.connected && connected[1] === view.partner.connected;
  return isEqual || row.status === "ended" ? [] : [{ about: room.roomId, what: "the state of the room", toldAt: at }];
}

/** Silence counts from the last message: each one that was acknowledged has moved that moment. */
function lostActivity({ rows, index, story, served, told }: Case): readonly Loss[] {
  const activity = new Map(rows.activity.map((row) => [row.roomId, row]));
  // Not what a server answered that was overtaken, when it woke up.
  return served.operations.flatMap(({ name, roomId = "", actor, invokedAt, settled, subject, isReadBack }) => {
    const room = told.get(roomId);
    const isCounted = name === "chat:message" && settled?.outcome === "ok" && isReadBack !== true;
    if (!isCounted || room?.mode !== "text" || !index.live.has(roomId)) return [];
    const row = activity.get(roomId);
    const heardAt = actor === room.users[0] ? row?.user1LastMessageAt : row?.user2LastMessageAt;
    // Sent again, a message is no new sign of life.
    const isAgain = story.operations.some((other) => other.subject === subject && other.invokedAt < invokedAt);
    if (isAgain || (heardAt ?? 0) >= invokedAt - clockSlackMs) return [];
    return [{ about: roomId, what: "activity in the room", toldAt: settled.at }];
  });
}

/** Between the drill's clock and the database's. */
const clockSlackMs = 50;
