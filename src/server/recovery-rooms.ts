import { setImmediate as yieldToEvents } from "node:timers/promises";
import { quoteLiteral } from "../db/identifier.js";
import { readManyRows, type WireRow } from "../db/many-rows.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { type Contender, createContest } from "../recover/contest.js";
import { endOfCall, judgeRoom, overtaken, type Reason, type RoomFacts, roomStatuses } from "../recover/judge.js";
import { otherOwners, readServers } from "../recover/plan.js";
import { createRoomCounter, type RoomCounts } from "../recover/summary.js";
import type { Room } from "./model.js";
import type { RecoveryParts } from "./recovery.js";
import type { Rows } from "./rows.js";

export interface FoundRooms {
  readonly counts: RoomCounts;
  readonly recovered: readonly FoundRoom[];
  readonly ended: readonly EndedRoom[];
}

/** A room that comes back: both sides away, in grace. One that gets all of its time has no end of it yet. */
export type FoundRoom = Writable<Room>;
/** A room that does not, and when its call was over. */
export type EndedRoom = FoundRoom & { endedAt: number };
type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

/** Reads every room, and what becomes of it, at the moment `at` of the database. Memory is not changed. */
export async function readRooms(connection: Connection, parts: RecoveryParts, at: Date): Promise<FoundRooms> {
  const { definition, settings, failpoints, state } = parts;
  const servers = await readServers(connection, definition, at);
  const rules = {
    freshnessSeconds: definition.freshnessSeconds,
    graceSeconds: settings.graceMs / 1000,
    otherOwners: otherOwners(servers, settings.instance),
  };
  const moment = at.getTime();
  const contest = createContest((user) => state.roomOf.get(user));
  const counter = createRoomCounter();
  const candidates: Candidate[] = [];
  const ended: EndedRoom[] = [];
  const take = (row: WireRow) => {
    const facts = toFacts(row);
    const judgement = judgeRoom(facts, rules, moment);
    if (judgement.verdict === "skip") return counter.add(judgement);
    // Of the facts nothing is kept: what lives on costs more than what is read.
    const room = toRoom(facts, row, state.rows);
    const endedAt = state.rows.fromDatabase(endOfCall(facts, moment));
    if (judgement.verdict === "end") {
      counter.add(judgement);
      ended.push({ ...room, endedAt });
    } else {
      const candidate = { room, users: facts.users, reason: judgement.reason, endedAt };
      contest.add(candidate);
      candidates.push(candidate);
    }
  };
  const turn = async () => {
    await failpoints.hit("during-recovery-load");
    await yieldToEvents();
  };
  await readManyRows(connection, roomsStatement(parts, at), { take, turn, turnRows: 2000 });
  await turn();
  const losers = contest.losers();
  const recovered: FoundRoom[] = [];
  for (const { room, reason, endedAt } of candidates) {
    const isLoser = losers.has(room.roomId);
    counter.add(isLoser ? overtaken : { verdict: "recover", reason });
    if (isLoser) ended.push({ ...room, endedAt });
    else recovered.push(room);
  }
  return { counts: counter.counts(), recovered, ended };
}

interface Candidate extends Contender {
  readonly room: FoundRoom;
  readonly reason: Reason;
  readonly endedAt: number;
}

function roomsStatement({ definition, statement }: RecoveryParts, at: Date): string {
  const moment = quoteLiteral(at.toISOString());
  const own = loadStatement(definition.roomsStatement).trimEnd().replace(/;$/, "").replaceAll("$1", moment);
  return statement("server/load-rooms").replace("{statement}", () => `\n${own}\n`);
}

function toFacts(row: WireRow): RoomFacts {
  const status = row.text(3);
  const ownerEpoch = row.integer(7);
  return {
    roomId: row.uuid(0) ?? "",
    users: [row.uuid(1) ?? "", row.uuid(2) ?? ""],
    status: roomStatuses.find((known) => known === status) ?? "ended",
    startedAt: row.moment(4),
    updatedAt: row.moment(5),
    graceExpiresAt: row.moment(6),
    ownerEpoch: ownerEpoch === null ? null : String(ownerEpoch),
    ownerHeartbeatAt: row.moment(8),
    ownerStoppedAt: row.moment(9),
    version: null,
    blockedReason: row.text(10),
  };
}

/** No object is copied on the way: a hundred thousand of them would be felt. */
function toRoom(facts: RoomFacts, row: WireRow, rows: Rows): FoundRoom {
  const keeps = facts.status === "grace_period" && facts.graceExpiresAt !== null;
  return {
    roomId: facts.roomId,
    user1: facts.users[0] ?? "",
    user2: facts.users[1] ?? "",
    startedAt: rows.fromDatabase(facts.startedAt ?? 0),
    chatMode: row.text(11) === "text" ? "text" : "video",
    status: "grace_period",
    user1Connected: false,
    user2Connected: false,
    graceExpiresAt: keeps ? rows.fromDatabase(facts.graceExpiresAt ?? 0) : null,
    endedAt: null,
  };
}
