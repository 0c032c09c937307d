import { setImmediate as yieldToEvents } from "node:timers/promises";
import type { RecoveryDefinition } from "../core/catalogue.js";
import type { Failpoints } from "../core/failpoint.js";
import type { Database } from "../db/pool.js";
import { withTransaction } from "../db/transaction.js";
import type { RoomCounts } from "../recover/summary.js";
import { compareClocks } from "./clock-difference.js";
import { startCooldown } from "./cooldowns.js";
import { loadOthers, type OtherCounts } from "./recovery-others.js";
import { type EndedRoom, type FoundRoom, readRooms } from "./recovery-rooms.js";
import type { ServerSettings } from "./settings.js";
import type { State } from "./state.js";

export interface RecoveryParts {
  readonly state: State;
  readonly settings: ServerSettings;
  readonly definition: RecoveryDefinition;
  readonly failpoints: Failpoints;
  /** The text of a statement by its name. */
  readonly statement: (name: string) => string;
  /** Milliseconds by the server's steady clock. */
  readonly now: () => number;
}

export interface RecoveryReport {
  readonly rooms: RoomCounts;
  /** Rooms that would have come back, had memory not held them, or a room of their users, already. */
  readonly kept: number;
  readonly others: OtherCounts;
  readonly durationMs: number;
}

/** Between two turns of the event loop. */
const turnRooms = 2000;

/**
 * Reads what the epochs before left behind into memory that serves already: it merges only what is not there. What was
 * taken over, and what ends, is written under the new epoch in the background. The fence must have been taken before.
 * Throws E_SCHEMA and whatever the database says.
 */
export async function recoverState(database: Database, parts: RecoveryParts): Promise<RecoveryReport> {
  const { state, failpoints, now } = parts;
  const startedMs = now();
  await failpoints.hit("after-fence-before-load");
  const snapshot = { isolation: "REPEATABLE READ", readOnly: true } as const;
  const { found, others } = await withTransaction(database, snapshot, async (connection) => {
    const { at, skewMs } = await compareClocks(connection, now);
    state.rows.skewMs = skewMs;
    const found = await readRooms(connection, parts, at);
    const texts = found.recovered.filter(({ chatMode }) => chatMode === "text").map(({ roomId }) => roomId);
    return { found, others: await loadOthers(connection, parts, new Set(texts)) };
  });
  await endEach(found.ended, parts);
  const kept = await bringBack(found.recovered, parts);
  return { rooms: found.counts, kept, others, durationMs: now() - startedMs };
}

/**
 * Puts them into memory, last of all: reading took its time, and users have all of theirs from the moment when the server
 * listens. Returns how many rooms memory held already.
 */
async function bringBack(found: readonly FoundRoom[], { state, settings, now }: RecoveryParts): Promise<number> {
  const { rooms, roomOf } = state;
  let kept = 0;
  for (let first = 0; first < found.length; first += turnRooms) {
    const fresh = now() + settings.graceMs;
    for (const room of found.slice(first, first + turnRooms)) {
      room.graceExpiresAt = Math.min(room.graceExpiresAt ?? fresh, fresh);
      if (!rooms.load(room.roomId, room)) kept += 1;
      else {
        // Not as the rows have it any more: owner, epoch and grace are written in the background.
        rooms.touch(room.roomId);
        if (!roomOf.has(room.user1)) roomOf.set(room.user1, room.roomId);
        if (!roomOf.has(room.user2)) roomOf.set(room.user2, room.roomId);
      }
    }
    await yieldToEvents();
  }
  return kept;
}

/** As if they had ended in this server: row, history and cooldown are written in the background. */
async function endEach(ended: readonly EndedRoom[], { state, settings }: RecoveryParts): Promise<void> {
  for (const [index, room] of ended.entries()) {
    if (state.rooms.load(room.roomId, room)) {
      startCooldown({ state, settings }, room, room.endedAt);
      state.rooms.delete(room.roomId);
    }
    if (index % turnRooms === 0) await yieldToEvents();
  }
}
