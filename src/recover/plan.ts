import type { RecoveredState, RecoveryDefinition } from "../core/catalogue.js";
import { digestOf } from "../core/digest.js";
import { RoomctlError } from "../core/errors.js";
import type { Database, Queryable } from "../db/pool.js";
import { withTransaction } from "../db/transaction.js";
import { decideRooms, type RoomDecision } from "./decide.js";
import { type RoomFacts, roomStatuses } from "./judge.js";
import { queryApp } from "./statement.js";
import { countRooms, type RoomCounts } from "./summary.js";

/**
 * Words of this folder. A room is *recovered* when its users may come back to it, *ended* when it gets what a clean end
 * would have written, *skipped* when it stays as it is. The *grace period* is how long users have to come back. An
 * *epoch* numbers the owners of rooms; a *fence* is a new epoch, after which writes under an older one touch nothing.
 */
export interface RecoveryPlan {
  /** The moment it speaks of, by the database's clock. */
  readonly at: Date;
  readonly rooms: readonly RoomDecision[];
  readonly counts: RoomCounts;
  readonly states: readonly StateCount[];
  /** Servers that have not stopped. While one of them is alive, a recovery cannot be applied. */
  readonly servers: readonly ServerFacts[];
  /** Changes with the rows that were decided on and with the rules, never with time alone. */
  readonly token: string;
}

/** Other state that comes back, counted. */
interface StateCount {
  readonly name: string;
  readonly table: string;
  readonly live: number;
  readonly expired: number;
  readonly detail: string;
}

export interface ServerFacts {
  readonly epoch: number;
  readonly host: string;
  readonly pid: number;
  readonly heartbeatAgeSeconds: number;
  /** Its heartbeat is young enough for it to be running. */
  readonly isAlive: boolean;
}

export interface PlanOptions {
  /** A moment to decide for; the database's own time unless told. */
  readonly now?: Date;
  /** The name of the server that is to start. Rooms of living servers of another name then stay theirs. */
  readonly instance?: string;
}

/** Reads, in one snapshot, what a start would bring back. Changes nothing. Throws E_SCHEMA, and E_CONFIG for bad rows. */
export async function planRecovery(
  database: Database,
  definition: RecoveryDefinition,
  options: PlanOptions = {},
): Promise<RecoveryPlan> {
  return withTransaction(database, { isolation: "REPEATABLE READ", readOnly: true }, async (connection) =>
    readPlan(connection, definition, { ...options, now: options.now ?? (await readTime(connection)) }),
  );
}

/** The plan as this session sees the rows, decided for the moment `now`. */
export async function readPlan(
  queryable: Queryable,
  definition: RecoveryDefinition,
  { now, instance }: PlanOptions & { readonly now: Date },
): Promise<RecoveryPlan> {
  const facts = await readRooms(queryable, definition.roomsStatement, now);
  const { freshnessSeconds, graceSeconds } = definition;
  const servers = await readServers(queryable, definition, now);
  const rooms = decideRooms(
    facts,
    { freshnessSeconds, graceSeconds, otherOwners: otherOwners(servers, instance) },
    now,
  );
  const recovered = rooms.filter(({ verdict }) => verdict === "recover").map(({ roomId }) => roomId);
  const states: StateCount[] = [];
  for (const state of definition.states) states.push(await countState(queryable, state, [now, recovered]));
  return {
    at: now,
    rooms,
    counts: countRooms(rooms),
    states,
    servers,
    token: digestOf({ facts: facts.map(withoutOwner), freshnessSeconds, graceSeconds }),
  };
}

/** Epochs of servers whose rooms a server of this name must leave alone; without a name, of none. */
export function otherOwners(servers: readonly ServerFacts[], instance: string | undefined): ReadonlySet<string> {
  const others = servers.filter(({ isAlive, host }) => instance !== undefined && isAlive && host !== instance);
  return new Set(others.map(({ epoch }) => String(epoch)));
}

/** A fence writes to the rows of servers, and a plan must not go stale by being applied. */
function withoutOwner({ ownerHeartbeatAt: _heartbeat, ownerStoppedAt: _stopped, ...facts }: RoomFacts) {
  return facts;
}

/** The database's clock now, not as of the start of the transaction, which may have waited for locks since. */
export async function readTime(queryable: Queryable): Promise<Date> {
  const [row] = await queryable.query<{ now: Date }>("SELECT clock_timestamp() AS now");
  if (!row) throw new RoomctlError("E_INTERNAL", "the server does not say what time it is");
  return row.now;
}

interface RoomRow extends Omit<RoomFacts, "users" | "status" | TimeColumn>, Record<TimeColumn, Date | number | null> {
  readonly user1: string | null;
  readonly user2: string | null;
  readonly status: string | null;
}

type TimeColumn = "startedAt" | "updatedAt" | "graceExpiresAt" | "ownerHeartbeatAt" | "ownerStoppedAt";

async function readRooms(queryable: Queryable, name: string, now: Date): Promise<readonly RoomFacts[]> {
  const rows = await queryApp<RoomRow>(queryable, { name, values: [now], around: "recover/rooms" });
  const seen = new Set<string>();
  return rows.map((row) => {
    if (row.roomId === null || seen.has(row.roomId)) {
      throw badRooms(name, row.roomId === null ? "a row without room_id" : `the room ${row.roomId} twice`);
    }
    seen.add(row.roomId);
    return toFacts(row, name);
  });
}

function toFacts({ user1, user2, status, ...row }: RoomRow, name: string): RoomFacts {
  const known = roomStatuses.find((candidate) => candidate === status);
  if (!known) throw badRooms(name, `the room ${row.roomId} with the status ${JSON.stringify(status)}`);
  return {
    ...row,
    users: [user1, user2].filter((user) => user !== null),
    status: known,
    startedAt: finite(row.startedAt),
    updatedAt: finite(row.updatedAt),
    graceExpiresAt: finite(row.graceExpiresAt),
    ownerHeartbeatAt: finite(row.ownerHeartbeatAt),
    ownerStoppedAt: finite(row.ownerStoppedAt),
  };
}

function badRooms(name: string, what: string): RoomctlError {
  return new RoomctlError("E_CONFIG", `the recovery statement ${name} returned ${what}`, {
    hint: `let it return each room once, with the status ${roomStatuses.join(", ")}`,
  });
}

/** The driver gives infinity, which is no moment, as a number. */
function finite(time: Date | number | null): number | null {
  return time instanceof Date ? time.getTime() : null;
}

async function countState(
  queryable: Queryable,
  { name, table, statement }: RecoveredState,
  values: readonly unknown[],
): Promise<StateCount> {
  const [row] = await queryApp<{ live: unknown; expired: unknown; detail: unknown }>(queryable, {
    name: statement,
    values,
  });
  const [live, expired] = [Number(row?.live), Number(row?.expired)];
  if (Number.isFinite(live) && Number.isFinite(expired)) {
    return { name, table, live, expired, detail: String(row?.detail ?? "") };
  }
  throw new RoomctlError("E_CONFIG", `the recovery statement ${statement} does not count ${name}`, {
    hint: "let it return one row with the columns live, expired and detail",
  });
}

interface ServerRow {
  readonly epoch: unknown;
  readonly host: unknown;
  readonly pid: unknown;
  readonly heartbeat_age_seconds: unknown;
}

export async function readServers(
  queryable: Queryable,
  { serversStatement, aliveSeconds }: RecoveryDefinition,
  now: Date,
): Promise<readonly ServerFacts[]> {
  const rows = await queryApp<ServerRow>(queryable, { name: serversStatement, values: [now] });
  return rows.map((row) => {
    const heartbeatAgeSeconds = Number(row.heartbeat_age_seconds);
    return {
      epoch: Number(row.epoch),
      host: String(row.host),
      pid: Number(row.pid),
      heartbeatAgeSeconds,
      // Not `<`: an age that is no number must not pass for a server that is gone.
      isAlive: !(heartbeatAgeSeconds >= aliveSeconds),
    };
  });
}
