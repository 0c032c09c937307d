import type { RecoveryDefinition } from "../core/catalogue.js";
import { RoomctlError } from "../core/errors.js";
import { announceChange } from "../db/announce.js";
import { formatName, parseName, type QualifiedName, quoteName } from "../db/identifier.js";
import { withLock } from "../db/lock.js";
import { recordOperation } from "../db/operations.js";
import type { Connection, Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import type { RoomDecision } from "./decide.js";
import type { Verdict } from "./judge.js";
import { type RecoveryPlan, readPlan, readTime, type ServerFacts } from "./plan.js";
import { executeApp, queryApp } from "./statement.js";
import { summaryLine } from "./summary.js";

export interface ApplyOptions {
  /** The plan that was agreed to; without it, whatever holds when the rooms are locked. */
  readonly plan?: RecoveryPlan;
  /** How long to wait for another run of roomctl to end; not at all unless told. */
  readonly lockWaitMs?: number;
  readonly signal?: AbortSignal;
  /** A moment to decide for; the database's own time unless told. */
  readonly now?: Date;
  readonly onProgress?: (event: { readonly message: string }) => void;
}

export interface RecoveryReceipt {
  /** What was done: the plan as it held when the rooms were locked. */
  readonly plan: RecoveryPlan;
  /** Rooms whose verdict differs from that of the plan agreed to, because time passed since. */
  readonly changed: readonly ChangedVerdict[];
  /** The epoch that recovered rooms belong to now. */
  readonly epoch: string;
  /** When the time of the recovered rooms is over: the server has to be up before. Null when none was recovered. */
  readonly graceEnds: GraceEnds | null;
  /** Its row in roomctl.operations. */
  readonly operationId: number;
  readonly summary: string;
}

/** Rooms that were in grace before keep their own, earlier end, so the two may differ. */
export interface GraceEnds {
  /** The first of the recovered rooms ends then. */
  readonly first: Date;
  /** No recovered room is left from then on. */
  readonly last: Date;
}

export interface ChangedVerdict {
  readonly roomId: string;
  readonly from: Verdict;
  readonly to: Verdict;
}

/**
 * Brings rooms back, or ends them, in one transaction: fences older servers first, reads second. The time that recovered
 * rooms have counts from this moment, not from the server's start. Running it again before `graceEnds.first` gives the
 * same rooms with the same ends; later it ends those whose time ran out. Throws E_LIVE while a server of the app is alive, E_PLAN_STALE when rows changed since the plan,
 * E_LOCKED while another run changes this database; then nothing is changed.
 */
export async function applyRecovery(
  database: Database,
  definition: RecoveryDefinition,
  options: ApplyOptions = {},
): Promise<RecoveryReceipt> {
  const { lockWaitMs = 0, signal, onProgress } = options;
  const onWait = () => onProgress?.({ message: "waiting for another run of roomctl to end" });
  return withLock(database, "change", { waitMs: lockWaitMs, signal, onWait }, (lock) =>
    withTransaction(database, {}, async (connection) => {
      const receipt = await recoverRooms(connection, definition, options);
      await lock.assertHeld();
      return receipt;
    }),
  );
}

/** Throws E_LIVE when one of the servers is alive: a recovery would take its rooms away from under it. */
export function refuseLiveServer(
  { servers }: Pick<RecoveryPlan, "servers">,
  { aliveSeconds }: RecoveryDefinition,
): void {
  const alive = servers.find(({ isAlive }) => isAlive);
  if (!alive) return;
  throw new RoomctlError(
    "E_LIVE",
    `${describeServer(alive)} is alive, and recovering now would take its rooms away from under it`,
    {
      hint: `stop it first (one that was killed counts as gone ${aliveSeconds} s after its last heartbeat), or look only: roomctl recover --dry-run`,
    },
  );
}

/** `server 42 (process 7 on rooms-1, heartbeat 3 s ago)`. */
export function describeServer({ epoch, host, pid, heartbeatAgeSeconds }: ServerFacts): string {
  return `server ${epoch} (process ${pid} on ${host}, heartbeat ${Math.max(0, Math.round(heartbeatAgeSeconds))} s ago)`;
}

async function recoverRooms(
  connection: Connection,
  definition: RecoveryDefinition,
  { plan: agreed, now: given, onProgress }: ApplyOptions,
): Promise<RecoveryReceipt> {
  const startedAt = given ?? (await readTime(connection));
  const epoch = await fence(connection, definition, startedAt);
  await lockRooms(connection, definition.tables);
  // Only now: whatever an older server still had under way is either committed or will never be.
  const now = given ?? (await readTime(connection));
  const plan = await readPlan(connection, definition, { now });
  refuseLiveServer(plan, definition);
  if (agreed && agreed.token !== plan.token) throw staleError();
  onProgress?.({ message: `recovering ${plan.counts.recovered} rooms, ending ${plan.counts.ended}` });
  await writeRooms(connection, definition, { plan, epoch });
  const changed = agreed ? compareVerdicts(agreed.rooms, plan.rooms) : [];
  const operationId = await recordOperation(connection, {
    kind: "recover",
    announced: await announce(connection, definition),
    startedAt,
    plan: { token: plan.token, at: plan.at, counts: plan.counts, ended: decided(plan, "end").map(toRecord) },
    result: { summary: outcome(plan), epoch, changed, states: plan.states },
  });
  return { plan, changed, epoch, graceEnds: graceEnds(plan), operationId, summary: summaryLine(plan) };
}

/**
 * Announced although rows went through the app's own statements: the restart that made this necessary may have been a
 * failover, which gives ids again that the second store has seen.
 */
async function announce(connection: Connection, { tables: rooms }: RecoveryDefinition): Promise<number> {
  const written = await connection.query<QualifiedName>(loadStatement("recover/written"));
  const tables = [...rooms, ...written.map(formatName)].map((table) => ({ table, change: "changed" as const }));
  return announceChange(connection, { kind: "recover", tables });
}

/** Waits for what older servers have under way, and ends what they may still try. */
async function fence(connection: Connection, definition: RecoveryDefinition, now: Date): Promise<string> {
  const [row] = await queryApp<{ epoch: unknown }>(connection, {
    name: definition.fenceStatement,
    values: [now, definition.aliveSeconds],
  });
  if (row?.epoch !== undefined && row.epoch !== null) return String(row.epoch);
  throw new RoomctlError("E_LIVE", "a server of the app took over while this recovery began", {
    hint: "it has done its own recovery; look with: roomctl recover --dry-run",
  });
}

/** The table, not its rows: a row lock would not keep out a room that is inserted meanwhile. Reading goes on. */
async function lockRooms(connection: Connection, tables: readonly string[]): Promise<void> {
  if (tables.length === 0) return;
  const names = tables.map((table) => quoteName(parseName(table)));
  await connection.execute(`LOCK TABLE ${names.join(", ")} IN SHARE ROW EXCLUSIVE MODE`);
}

async function writeRooms(
  connection: Connection,
  { recoverStatement, endStatement }: RecoveryDefinition,
  { plan, epoch }: { readonly plan: RecoveryPlan; readonly epoch: string },
): Promise<void> {
  const recovered = decided(plan, "recover");
  const ended = decided(plan, "end");
  const deadlines = recovered.map(({ graceExpiresAt }) => graceExpiresAt);
  await touchEach(connection, recoverStatement, [ids(recovered), deadlines, epoch, plan.at]);
  await touchEach(connection, endStatement, [ids(ended), ended.map(({ endedAt }) => endedAt)]);
}

/** Runs a statement for a list of rooms, and holds it to touching each of them. */
async function touchEach(
  connection: Connection,
  name: string,
  values: readonly [readonly string[], ...(readonly unknown[])],
): Promise<void> {
  const wanted = values[0].length;
  if (wanted === 0) return;
  const touched = await executeApp(connection, { name, values });
  if (touched === wanted) return;
  throw new RoomctlError("E_CONFIG", `the recovery statement ${name} touched ${touched} rows for ${wanted} rooms`, {
    hint: "let its last command touch one row for each room; nothing was changed",
  });
}

function decided(plan: RecoveryPlan, wanted: Verdict): readonly RoomDecision[] {
  return plan.rooms.filter(({ verdict }) => verdict === wanted);
}

function graceEnds(plan: RecoveryPlan): GraceEnds | null {
  const ends = decided(plan, "recover").flatMap(({ graceExpiresAt }) => graceExpiresAt ?? []);
  return ends.reduce<GraceEnds | null>(
    (known, end) =>
      known === null
        ? { first: end, last: end }
        : { first: end < known.first ? end : known.first, last: end > known.last ? end : known.last },
    null,
  );
}

function ids(rooms: readonly RoomDecision[]): readonly string[] {
  return rooms.map(({ roomId }) => roomId);
}

/** For a list of operations, where the reasons would not fit. */
function outcome({ counts: { recovered, ended, skipped } }: RecoveryPlan): string {
  return `${recovered} rooms recovered, ${ended} ended, ${skipped} skipped`;
}

function toRecord({ roomId, reason, endedAt }: RoomDecision) {
  return { roomId, reason, endedAt };
}

function staleError(): RoomctlError {
  return new RoomctlError("E_PLAN_STALE", "nothing was changed: the rooms are no longer those of the plan", {
    hint: "look again: roomctl recover --dry-run",
  });
}

/** Both lists name the same rooms, since their rows are the same. */
function compareVerdicts(agreed: readonly RoomDecision[], fresh: readonly RoomDecision[]): readonly ChangedVerdict[] {
  const before = new Map(agreed.map(({ roomId, verdict }) => [roomId, verdict]));
  return fresh.flatMap(({ roomId, verdict: to }) => {
    const from = before.get(roomId);
    return from === undefined || from === to ? [] : [{ roomId, from, to }];
  });
}
