import { setImmediate as yieldToEvents } from "node:timers/promises";
import type { RecoveryDefinition } from "../core/catalogue.js";
import type { Failpoints } from "../core/failpoint.js";
import { readPages, type TextRow } from "../db/cursor.js";
import { quoteLiteral } from "../db/identifier.js";
import type { Connection, Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import { createDecider, type RoomDecision, type RoomFacts, roomStatuses } from "../recover/decide.js";
import { otherOwners, readServers, readTime } from "../recover/plan.js";
import { createRoomCounter, type RoomCounts } from "../recover/summary.js";
import type { Room } from "./model.js";
import { loadOthers, type OtherCounts } from "./recovery-others.js";
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

const pageRows = 2000;

/**
 * Reads what the epochs before left behind, page by page, into memory that serves already: it merges only what is not
 * there. What was taken over is written under the new epoch in the background; what has to end is ended here. The fence
 * must have been taken before. Throws E_SCHEMA and whatever the database says.
 */
export async function recoverState(database: Database, parts: RecoveryParts): Promise<RecoveryReport> {
  const { state, failpoints, definition, now } = parts;
  const startedMs = now();
  await failpoints.hit("after-fence-before-load");
  const snapshot = { isolation: "REPEATABLE READ", readOnly: true } as const;
  const found = await withTransaction(database, snapshot, async (connection) => {
    // The sort of a hundred thousand rooms fits into it.
    await connection.execute("SET LOCAL work_mem = '64MB'");
    const { at, skewMs } = await compareClocks(connection, now);
    state.rows.skewMs = skewMs;
    return await readRooms(connection, parts, at);
  });
  await endRooms(database, definition, found.ended);
  const texts = found.recovered.filter(({ chatMode }) => chatMode === "text").map(({ roomId }) => roomId);
  // After the ends, whose cooldowns are among it.
  const others = await withTransaction(database, snapshot, (connection) =>
    loadOthers(connection, parts, new Set(texts)),
  );
  const kept = await bringBack(found.recovered, parts);
  return { rooms: found.counts, kept, others, durationMs: now() - startedMs };
}

/**
 * The database's clock minus ours. Whatever comes between asking and reading the answer would count as a difference, so
 * the quickest of a few answers counts, and its middle.
 */
async function compareClocks(connection: Connection, now: () => number): Promise<{ at: Date; skewMs: number }> {
  let best = { at: new Date(0), skewMs: 0, tookMs: Number.POSITIVE_INFINITY };
  for (let sample = 0; sample < 5; sample += 1) {
    const askedMs = now();
    const at = await readTime(connection);
    const tookMs = now() - askedMs;
    if (tookMs < best.tookMs) best = { at, skewMs: at.getTime() - (askedMs + tookMs / 2), tookMs };
  }
  return best;
}

interface FoundRooms {
  readonly counts: RoomCounts;
  readonly recovered: readonly FoundRoom[];
  readonly ended: readonly RoomDecision[];
}

/** A room that comes back: both sides away, in grace. One that gets all of its time has no end of it yet. */
type FoundRoom = Writable<Room>;
type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

async function readRooms(connection: Connection, parts: RecoveryParts, at: Date): Promise<FoundRooms> {
  const { definition, settings, failpoints, state } = parts;
  const servers = await readServers(connection, definition, at);
  const rules = {
    freshnessSeconds: definition.freshnessSeconds,
    graceSeconds: settings.graceMs / 1000,
    otherOwners: otherOwners(servers, settings.instance),
  };
  const decide = createDecider(rules, at, (user) => state.roomOf.get(user));
  const counter = createRoomCounter();
  const recovered: FoundRoom[] = [];
  const ended: RoomDecision[] = [];
  for await (const page of readPages(connection, roomsStatement(parts, at), { pageRows })) {
    await failpoints.hit("during-recovery-load");
    for (const row of page) {
      const decision = decide(toFacts(row));
      counter.add(decision);
      if (decision.verdict === "recover") recovered.push(toFound(row, decision, state));
      else if (decision.verdict === "end") ended.push(decision);
    }
    await yieldToEvents();
  }
  return { counts: counter.counts(), recovered, ended };
}

function roomsStatement({ definition, statement }: RecoveryParts, at: Date): string {
  const moment = quoteLiteral(at.toISOString());
  const own = loadStatement(definition.roomsStatement).trimEnd().replace(/;$/, "").replaceAll("$1", moment);
  return statement("server/load-rooms").replace("{statement}", () => `\n${own}\n`);
}

function toFacts(row: TextRow): RoomFacts {
  const [roomId, user1, user2, status, startedAt, updatedAt, graceExpiresAt, ownerEpoch, heartbeat, stopped] = row;
  return {
    roomId: roomId ?? "",
    users: [user1, user2].filter((user) => typeof user === "string"),
    status: roomStatuses.find((known) => known === status) ?? "ended",
    startedAt: toDate(startedAt),
    updatedAt: toDate(updatedAt),
    graceExpiresAt: toDate(graceExpiresAt),
    ownerEpoch: ownerEpoch ?? null,
    ownerHeartbeatAt: toDate(heartbeat),
    ownerStoppedAt: toDate(stopped),
    version: row[10] ?? null,
    blockedReason: row[11] ?? null,
  };
}

function toDate(milliseconds: string | null | undefined): Date | null {
  const moment = Number(milliseconds ?? Number.NaN);
  return Number.isFinite(moment) ? new Date(moment) : null;
}

function toFound(row: TextRow, { roomId, reason, graceExpiresAt }: RoomDecision, { rows }: State): FoundRoom {
  const keeps = reason === "was-in-grace" && graceExpiresAt !== undefined;
  return {
    roomId,
    user1: row[1] ?? "",
    user2: row[2] ?? "",
    startedAt: rows.fromDatabase(Number(row[4])),
    chatMode: row[12] === "text" ? "text" : "video",
    status: "grace_period",
    user1Connected: false,
    user2Connected: false,
    graceExpiresAt: keeps ? rows.fromDatabase(graceExpiresAt.getTime()) : null,
    endedAt: null,
  };
}

/**
 * Puts them into memory, last of all: reading took its time, and users have all of theirs from the moment when the server
 * listens. Returns how many rooms memory held already.
 */
async function bringBack(found: readonly FoundRoom[], { state, settings, now }: RecoveryParts): Promise<number> {
  const { rooms, roomOf } = state;
  let kept = 0;
  for (let first = 0; first < found.length; first += pageRows) {
    const fresh = now() + settings.graceMs;
    for (const room of found.slice(first, first + pageRows)) {
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

/** What the recovery command does too, in pieces that hold no lock for long. */
async function endRooms(
  database: Database,
  { endStatement }: RecoveryDefinition,
  ended: readonly RoomDecision[],
): Promise<void> {
  for (let first = 0; first < ended.length; first += 500) {
    const piece = ended.slice(first, first + 500);
    await database.execute(loadStatement(endStatement), [
      piece.map(({ roomId }) => roomId),
      piece.map(({ endedAt }) => endedAt),
    ]);
  }
}
