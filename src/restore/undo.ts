/**
 * The way back from a wipe. A *receipt* is the id of the backup that the wipe took; its *record* is the row in
 * `roomctl.operations`. Tables that the wipe emptied and that are empty still are *loaded* as by a restore; everything else
 * is *staged*: the saved rows lie in a temporary table, each gets a *verdict*, and what would overwrite something stays out
 * as a *conflict*.
 */
import { applyReadSettings } from "../backup/settings.js";
import { RoomctlError } from "../core/errors.js";
import { retry } from "../core/retry.js";
import { announceChange } from "../db/announce.js";
import { type HeldLock, withLock } from "../db/lock.js";
import { recordOperation } from "../db/operations.js";
import type { Connection, Database } from "../db/pool.js";
import { isLockConflict } from "../db/sqlstate.js";
import { withTransaction } from "../db/transaction.js";
import { lockOwnSequences, type RestoredSequence } from "./sequences.js";
import { assertNotUndone, type FoundWipe } from "./undo-find.js";
import { lockParents, lockUndone } from "./undo-locks.js";
import { isComplete, type UndoneTable } from "./undo-outcome.js";
import { readWipeRecords } from "./undo-record.js";
import { readUndoGround } from "./undo-tables.js";
import { putBack, settleUndo, type UndoOptions, wholeTables } from "./undo-work.js";

export interface UndoPlan {
  readonly receipt: string;
  /** The wipe's row in `roomctl.operations`, when it was, and what chose its rows. */
  readonly wipe: { readonly operation: number; readonly finishedAt: Date; readonly choice: string };
  readonly database: string;
  readonly merges: boolean;
  /** In the order in which rows come back: parents before children. */
  readonly tables: readonly UndoneTable[];
  /** Rows that come back, and rows that get old values back. */
  readonly rows: number;
  readonly changedBack: number;
  /** False when conflicts keep rows out; never without `merges`. */
  readonly isComplete: boolean;
}

export interface UndoResult extends UndoPlan {
  readonly sequences: readonly RestoredSequence[];
  /** Its row in `roomctl.operations`. */
  readonly operation: number;
  readonly epoch: number;
  readonly durationMs: number;
}

/**
 * Decides what would come back of a wipe, and changes nothing; it takes no lock of the app's. Throws as `applyUndo`.
 */
export async function planUndo(database: Database, found: FoundWipe, options: UndoOptions): Promise<UndoPlan> {
  return withTransaction(database, {}, async (connection) => {
    await connection.execute("SAVEPOINT roomctl_plan");
    await applyReadSettings(connection, "transaction");
    const ground = await readUndoGround(connection, found.backup.manifest, found.record);
    const { tables } = await settleUndo(connection, { ground, found, options });
    // The stages go: what follows is the COMMIT of nothing.
    await connection.execute("ROLLBACK TO SAVEPOINT roomctl_plan");
    return planOf(found, tables, options);
  });
}

/**
 * Brings back what a wipe took, in one transaction, and commits only what proves equal to the backup. Throws E_NOT_EMPTY
 * when something is in the way (without `merges`), E_PLAN_STALE when the wipe was undone meanwhile, E_SCHEMA, E_PRIVILEGE,
 * E_BACKUP_DAMAGED, E_LOCKED, E_LOCK_TIMEOUT; nothing is changed then.
 */
export async function applyUndo(database: Database, found: FoundWipe, options: UndoOptions): Promise<UndoResult> {
  const { clock, signal } = options;
  const startedAt = clock.now();
  const startedMs = clock.monotonicMs();
  const lock = { waitMs: options.lockWaitMs ?? 0, signal };
  const done = await withLock(database, "change", lock, (held) =>
    retry({ attempts: 5, firstDelayMs: 200, maxDelayMs: 2000, signal, isRetryable: isLockConflict }, () =>
      undoOnce(database, found, { ...options, startedAt, held }),
    ),
  );
  return { ...done, durationMs: clock.monotonicMs() - startedMs };
}

interface Undoing extends UndoOptions {
  readonly startedAt: Date;
  readonly held: HeldLock;
}

function undoOnce(database: Database, found: FoundWipe, options: Undoing): Promise<Omit<UndoResult, "durationMs">> {
  const lockTimeoutMs = options.lockTimeoutMs ?? 3000;
  const { manifest } = found.backup;
  return withTransaction(database, { lockTimeoutMs }, async (connection) => {
    await assertStillThere(connection, found);
    await applyReadSettings(connection, "transaction");
    // Once to know what to lock, and once more under the locks.
    const seen = await readUndoGround(connection, manifest, found.record);
    await lockUndone(connection, seen.tables, wholeTables(seen, found, options));
    const ground = await readUndoGround(connection, manifest, found.record);
    assertSameTables(
      seen.tables.map(({ facts }) => facts.oid),
      ground.tables.map(({ facts }) => facts.oid),
    );
    await lockParents(connection, ground.tables, wholeTables(ground, found, options));
    await lockOwnSequences(connection, ground.sequences, lockTimeoutMs);
    const work = { ground, found, options };
    const settled = await settleUndo(connection, work);
    const sequences = await putBack(connection, work, settled);
    await options.held.assertHeld();
    const plan = planOf(found, settled.tables, options);
    const epoch = await announceUndo(connection, settled.tables);
    const operation = await recordUndo(connection, plan, { sequences, epoch, startedAt: options.startedAt });
    return { ...plan, sequences, epoch, operation };
  });
}

/** Read again under the lock `change`: somebody else may have undone it while we verified the backup. */
async function assertStillThere(connection: Connection, { record }: FoundWipe): Promise<void> {
  const records = await readWipeRecords(connection);
  assertNotUndone(records.find(({ operation }) => operation === record.operation) ?? record, records);
}

function assertSameTables(before: readonly number[], now: readonly number[]): void {
  if (before.length === now.length && before.every((oid) => now.includes(oid))) return;
  throw new RoomctlError("E_PLAN_STALE", "nothing was changed: tables were made or dropped while the undo began", {
    hint: "let the running migration end, then run the undo again",
  });
}

function planOf(
  { record, receipt, backup }: FoundWipe,
  tables: readonly UndoneTable[],
  { merges }: UndoOptions,
): UndoPlan {
  const { operation, finishedAt, choice } = record;
  return {
    receipt,
    wipe: { operation, finishedAt, choice },
    database: backup.manifest.source.database,
    merges,
    tables,
    rows: tables.reduce((sum, { restored }) => sum + restored, 0),
    changedBack: tables.reduce((sum, { changedBack }) => sum + changedBack, 0),
    isComplete: isComplete(tables),
  };
}

/** Whoever keeps a second store in step learns here which tables got old rows or values back. */
function announceUndo(connection: Connection, tables: readonly UndoneTable[]): Promise<number> {
  const changed = tables.flatMap(({ table, restored, changedBack }) => [
    ...(restored > 0 ? [{ table, change: "restored" } as const] : []),
    ...(changedBack > 0 ? [{ table, change: "changed" } as const] : []),
  ]);
  return announceChange(connection, { kind: "wipe undo", tables: changed });
}

function recordUndo(
  connection: Connection,
  plan: UndoPlan,
  done: { readonly sequences: readonly RestoredSequence[]; readonly epoch: number; readonly startedAt: Date },
): Promise<number> {
  const { receipt, wipe, merges, tables, rows, changedBack } = plan;
  const { sequences, epoch, startedAt } = done;
  return recordOperation(connection, {
    kind: "wipe undo",
    startedAt,
    plan: { receipt, backup: receipt, wipe: wipe.operation, merges },
    result: { isComplete: plan.isComplete, rows, changedBack, tables, sequences, epoch },
  });
}
