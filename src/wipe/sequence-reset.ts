import type { Clock } from "../core/clock.js";
import { retry } from "../core/retry.js";
import { formatName, isSameName, parseName, type QualifiedName, quoteName } from "../db/identifier.js";
import { withLock } from "../db/lock.js";
import { recordOperation } from "../db/operations.js";
import type { Connection, Database } from "../db/pool.js";
import { readSequences, readTables, requireTable, type SequenceFacts } from "../db/schema.js";
import { lockSequences } from "../db/sequence-lock.js";
import type { SequenceState } from "../db/sequences.js";
import { withTransaction } from "../db/transaction.js";
import { isLockRefusal, lockRefusal, lockRelations } from "./locks.js";
import { isUnreadable, readVisibleStates } from "./sequences.js";

export interface SequenceChoice {
  /** Only sequences that columns of these tables draw from; all unless told. */
  readonly tables?: readonly string[];
  /** Move sequences back, too, that are ahead of their columns. Ids may live on outside of the database. */
  readonly rewind?: boolean;
}

export interface SequenceResetPlan {
  readonly tables: readonly string[];
  readonly rewind: boolean;
  /** What would be moved, or ought to be and cannot. */
  readonly sequences: readonly PlannedSequence[];
  /** How many were looked at. */
  readonly examined: number;
}

interface PlannedSequence {
  readonly sequence: string;
  /** Tables whose columns draw from it. */
  readonly tables: readonly string[];
  readonly action: "forward" | "rewind" | "impossible";
  /** The next value now, and after; decimal text. `to` is null where nothing can be done. */
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string;
}

interface SequenceOutcome {
  readonly sequence: string;
  readonly state: "done" | "skipped" | "failed";
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string;
}

export interface ApplySequenceOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Bound of one try to lock the tables; 3 s unless told. */
  readonly lockTimeoutMs?: number;
  readonly lockWaitMs?: number;
}

export interface SequenceResetResult {
  readonly applied: boolean;
  readonly plan: SequenceResetPlan;
  readonly sequences: readonly SequenceOutcome[];
  /** Its row in `roomctl.operations`; absent when nothing was moved. */
  readonly operation?: number;
}

/** Says which sequences would hand out ids that exist, and where they must go on. Throws E_UNKNOWN_TABLE. */
export function planSequenceReset(database: Database, choice: SequenceChoice = {}): Promise<SequenceResetPlan> {
  return withTransaction(database, { readOnly: true }, (connection) => readResetPlan(connection, choice));
}

/**
 * Moves the sequences in one transaction, by ALTER SEQUENCE … RESTART: setval would stay although the transaction rolls
 * back. Values are computed anew under locks that keep out inserts, and draws from the sequences, so the plan cannot be
 * outrun. A session that has values in its cache (CACHE > 1) still hands those out. Throws E_LOCKED, E_LOCK_TIMEOUT.
 */
export async function applySequenceReset(
  database: Database,
  plan: SequenceResetPlan,
  options: ApplySequenceOptions,
): Promise<SequenceResetResult> {
  if (!plan.sequences.some(isMove)) return { applied: false, plan, sequences: plan.sequences.map(untouched) };
  const startedAt = options.clock.now();
  const relations = lockList(plan);
  const timeoutMs = options.lockTimeoutMs ?? 3000;
  const tries = { attempts: 5, firstDelayMs: 200, maxDelayMs: 2000, signal: options.signal };
  const waiting = { waitMs: options.lockWaitMs ?? 0, signal: options.signal };
  return withLock(database, "change", waiting, async () => {
    try {
      return await retry({ ...tries, isRetryable: isLockRefusal }, () =>
        withTransaction(database, { lockTimeoutMs: timeoutMs }, async (connection) => {
          await lockRelations(connection, { relations, mode: "SHARE ROW EXCLUSIVE", timeoutMs });
          await lockMoving(connection, plan, timeoutMs);
          return moveSequences(connection, plan, startedAt);
        }),
      );
    } catch (error) {
      if (!isLockRefusal(error)) throw error;
      throw await lockRefusal(database, [...relations, ...movingNames(plan).map(quoteName)], error);
    }
  });
}

async function lockMoving(connection: Connection, plan: SequenceResetPlan, timeoutMs: number): Promise<void> {
  const names = movingNames(plan);
  const present = await readSequences(connection);
  const moving = present.filter((sequence) => names.some((name) => isSameName(name, sequence)));
  await lockSequences(connection, moving, timeoutMs);
}

function movingNames(plan: SequenceResetPlan): readonly QualifiedName[] {
  return plan.sequences.filter(isMove).map(({ sequence }) => parseName(sequence));
}

async function readResetPlan(connection: Connection, choice: SequenceChoice): Promise<SequenceResetPlan> {
  const chosen = choice.tables ?? [];
  const known = chosen.length > 0 ? await readTables(connection) : [];
  const tables: readonly QualifiedName[] = chosen.map((table) => requireTable(known, table));
  const draws = ({ columns }: SequenceFacts, table: QualifiedName) =>
    columns.some((column) => isSameName(table, { schema: column.schema, name: column.table }));
  // Only these are read: somebody's lock on another table is in nobody's way.
  const states = await readVisibleStates(
    connection,
    (sequence) =>
      sequence.columns.length > 0 && (tables.length === 0 || tables.some((table) => draws(sequence, table))),
  );
  const rewind = choice.rewind ?? false;
  const sequences = states.flatMap((state) => judge(state, rewind) ?? []);
  return { tables: tables.map(formatName), rewind, sequences, examined: states.length };
}

/** Undefined for a sequence that is well. */
function judge(state: SequenceState, rewind: boolean): PlannedSequence | undefined {
  const tables = [...new Set(state.columns.map(({ table }) => formatName(table)))];
  const base = { sequence: formatName(state.sequence), tables, from: state.nextValue };
  if (isUnreadable(state)) {
    return {
      ...base,
      action: "impossible",
      to: null,
      reason: "this role may not read it, or a column that draws from it",
    };
  }
  const reaches =
    state.extreme === null ? `${tables.join(", ")} holds no value` : `${tables.join(", ")} reaches ${state.extreme}`;
  const impossible = (why: string) =>
    ({ ...base, action: "impossible", to: null, reason: `${reaches}, ${why}` }) as const;
  const move = (action: "forward" | "rewind", to: bigint) =>
    state.sequence.isOwned
      ? { ...base, action, to: to.toString(), reason: reaches }
      : impossible("and only the owner of the sequence may move it");
  if (state.isBehind && state.nextValue !== null) {
    const to = firstFree(state, BigInt(state.nextValue));
    return to === undefined ? impossible("beyond the end of the sequence") : move("forward", to);
  }
  if (!rewind) return undefined;
  const to = firstFree(state, BigInt(state.sequence.start));
  if (to === undefined || !isBefore(state, to)) return undefined;
  return move("rewind", to);
}

/**
 * The first value from `origin` on, in the sequence's own steps, that lies beyond every value of its columns: two
 * sequences that take turns (increment 2, odd and even) stay apart. Undefined beyond the sequence's end.
 */
function firstFree({ sequence, extreme }: SequenceState, origin: bigint): bigint | undefined {
  const increment = BigInt(sequence.increment);
  const size = increment < 0n ? -increment : increment;
  const distance = extreme === null ? -1n : (BigInt(extreme) - origin) * (increment < 0n ? -1n : 1n);
  const value = distance < 0n ? origin : origin + increment * (distance / size + 1n);
  return value >= BigInt(sequence.minimum) && value <= BigInt(sequence.maximum) ? value : undefined;
}

/** True when `to` comes before what the sequence would hand out next. */
function isBefore({ sequence, nextValue }: SequenceState, to: bigint): boolean {
  if (nextValue === null) return true;
  return sequence.increment.startsWith("-") ? to > BigInt(nextValue) : to < BigInt(nextValue);
}

async function moveSequences(
  connection: Connection,
  plan: SequenceResetPlan,
  startedAt: Date,
): Promise<SequenceResetResult> {
  const fresh = await readResetPlan(connection, plan);
  const sequences: SequenceOutcome[] = [];
  for (const planned of plan.sequences) {
    const now = fresh.sequences.find(({ sequence }) => sequence === planned.sequence);
    sequences.push(await moveSequence(connection, planned, now));
  }
  if (!sequences.some(({ state }) => state === "done")) return { applied: false, plan, sequences };
  const operation = await recordOperation(connection, {
    kind: "sequences reset",
    startedAt,
    plan,
    result: { sequences },
  });
  return { applied: true, plan, sequences, operation };
}

async function moveSequence(
  connection: Connection,
  planned: PlannedSequence,
  now: PlannedSequence | undefined,
): Promise<SequenceOutcome> {
  if (!now) return { ...untouched(planned), state: "skipped", reason: "it went on by itself since the plan" };
  // What the plan could not move is not locked, whatever holds by now.
  if (!isMove(planned)) return untouched(planned);
  if (!isMove(now)) return untouched(now);
  await connection.execute(`ALTER SEQUENCE ${quoteName(parseName(now.sequence))} RESTART WITH ${BigInt(now.to)}`);
  return { sequence: now.sequence, state: "done", from: now.from, to: now.to, reason: now.reason };
}

function isMove(planned: PlannedSequence): planned is PlannedSequence & { readonly to: string } {
  return planned.to !== null;
}

function untouched({ sequence, from, reason }: PlannedSequence): SequenceOutcome {
  return { sequence, state: "failed", from, to: null, reason };
}

/** Every table whose columns draw from a sequence that moves. */
function lockList(plan: SequenceResetPlan): readonly string[] {
  const tables = plan.sequences.filter(isMove).flatMap((planned) => planned.tables);
  return [...new Set(tables)].map((table) => quoteName(parseName(table)));
}
