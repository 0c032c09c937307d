import type { Evidence, PlantedRoom } from "./drill-evidence.js";
import type { Invariant, Violation } from "./drill-invariants.js";
import type { Operation, Rows, Sighting, Story } from "./drill-model.js";
import { between, type RoomStory, readRooms } from "./drill-rooms.js";

/** One strike as the checks see it: what was found, what was asked and told, and the rooms in it. */
export interface Case {
  readonly evidence: Evidence;
  /** Everything of the last cycles, with what was asked after the strike. */
  readonly story: Story;
  /** Rooms as told in these cycles. */
  readonly rooms: ReadonlyMap<string, RoomStory>;
  /** Asked of and told by the server that was struck, until then. */
  readonly served: Story;
  /** Rooms as told by it. */
  readonly told: ReadonlyMap<string, RoomStory>;
  /** Asked and told after the strike, by the new server. */
  readonly readBack: Story;
  /** The newest rows that were read. */
  readonly rows: Rows;
  readonly index: RowIndex;
}

/** A check looks at a case and says what is wrong. */
export type Check = (facts: Case) => readonly Violation[];

interface RowIndex {
  readonly live: ReadonlySet<string>;
  /** Rooms with a history. */
  readonly ended: ReadonlySet<string>;
  /** Rooms with a row, whatever it says. */
  readonly known: ReadonlySet<string>;
}

export function openCase(evidence: Evidence, story: Story): Case {
  const rows = evidence.afterZombie?.rows ?? evidence.rows;
  const served = between(story, evidence.servedFrom, evidence.deadAt);
  return {
    evidence,
    story,
    rooms: readRooms(story),
    served,
    told: readRooms(served),
    readBack: readBackOf(story, evidence),
    rows,
    index: indexRows(rows),
  };
}

function readBackOf({ operations, sightings }: Story, { startedAt, cycle }: Evidence): Story {
  const isNew = (entry: Operation | Sighting) => entry.cycle === cycle;
  return {
    operations: operations.filter((operation) => isNew(operation) && operation.isReadBack === true),
    sightings: sightings.filter((sighting) => isNew(sighting) && sighting.at >= startedAt),
  };
}

/** A room with a history has ended, whatever its row says: the rule of the recovery. */
function indexRows({ rooms, histories }: Rows): RowIndex {
  const ended = new Set(histories.map(({ roomId }) => roomId));
  const live = rooms.filter(({ roomId, status }) => status !== "ended" && !ended.has(roomId));
  return {
    ended,
    live: new Set(live.map(({ roomId }) => roomId)),
    known: new Set(rooms.map(({ roomId }) => roomId)),
  };
}

/** A violation in this case; nothing when `isWrong` is false. */
export function violate(
  { evidence }: Case,
  isWrong: boolean,
  [invariant, about, message]: readonly [Invariant, string, string],
): readonly Violation[] {
  return isWrong ? [{ invariant, cycle: evidence.cycle, about, message }] : [];
}

/** Told at a moment, a change may be missing when it is younger than the window, or was told while no database was there. */
export function lostMsOf({ deadAt, outageFrom }: Evidence, toldAt: number): number {
  return Math.min(deadAt, outageFrom ?? deadAt) - toldAt;
}

/** True when a change that was told at that moment must be in the rows. */
export function isDue(evidence: Evidence, toldAt: number): boolean {
  const { safeAt, windowMs, allowanceMs } = evidence;
  return (safeAt !== undefined && toldAt <= safeAt) || lostMsOf(evidence, toldAt) > windowMs + allowanceMs;
}

/**
 * Whether a planted room was young enough to come back when the server decided on it, which it did between its takeover
 * and the reading of the rows; undefined where it grew too old in between.
 */
export function isFresh({ rows, epoch }: Evidence, { staleAt }: PlantedRoom): boolean | undefined {
  const tookOverAt = rows.servers.find((server) => server.epoch === epoch)?.startedAt;
  if (tookOverAt !== undefined && staleAt <= tookOverAt) return false;
  return staleAt > rows.at + roundingMs ? true : undefined;
}

/** Servers count in milliseconds, rows in microseconds. */
const roundingMs = 2;

/** Planted rooms that must stay away, or may. */
export function idsOfUnfresh(evidence: Evidence): ReadonlySet<string> {
  return new Set(evidence.planted.filter((room) => isFresh(evidence, room) !== true).map(({ roomId }) => roomId));
}
