import type { Clock } from "../core/clock.js";
import { retry } from "../core/retry.js";
import { announceChange } from "../db/announce.js";
import { isSameName, parseName, type QualifiedName, quoteName } from "../db/identifier.js";
import { withLock } from "../db/lock.js";
import { recordOperation } from "../db/operations.js";
import type { Connection, Database } from "../db/pool.js";
import { readSequences } from "../db/schema.js";
import { lockSequences } from "../db/sequence-lock.js";
import { withTransaction } from "../db/transaction.js";
import { isLockRefusal, lockRefusal, lockRelations } from "./locks.js";
import {
  isMove,
  type PlannedSequence,
  readResetPlan,
  type SequenceChoice,
  type SequenceResetPlan,
} from "./sequence-plan.js";

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
  /** By which a rewind was announced: ids that a follower has seen come again. Absent when none was moved back. */
  readonly epoch?: number;
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
  const rewound = fresh.sequences.filter(({ action }) => action === "rewind").map(({ sequence }) => sequence);
  const announced = sequences.some(({ state, sequence }) => state === "done" && rewound.includes(sequence))
    ? { epoch: await announceChange(connection, { kind: "sequences reset", tables: [] }) }
    : {};
  const operation = await recordOperation(connection, {
    kind: "sequences reset",
    startedAt,
    plan,
    result: { sequences, ...announced },
  });
  return { applied: true, plan, sequences, operation, ...announced };
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

function untouched({ sequence, from, reason }: PlannedSequence): SequenceOutcome {
  return { sequence, state: "failed", from, to: null, reason };
}

/** Every table whose columns draw from a sequence that moves. */
function lockList(plan: SequenceResetPlan): readonly string[] {
  const tables = plan.sequences.filter(isMove).flatMap((planned) => planned.tables);
  return [...new Set(tables)].map((table) => quoteName(parseName(table)));
}
