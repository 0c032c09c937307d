import { readTableFingerprint } from "../backup/fingerprint.js";
import type { ManifestTable } from "../backup/manifest.js";
import { applyReadSettings } from "../backup/settings.js";
import type { SoundBackup } from "../backup/verify.js";
import type { Clock } from "../core/clock.js";
import { digestOf } from "../core/digest.js";
import { RoomctlError } from "../core/errors.js";
import { retry } from "../core/retry.js";
import { announceChange } from "../db/announce.js";
import { formatName, isSameName, quoteName } from "../db/identifier.js";
import { withLock } from "../db/lock.js";
import { recordOperation } from "../db/operations.js";
import type { Connection, Database } from "../db/pool.js";
import { codeOf, isLockConflict, sqlstate } from "../db/sqlstate.js";
import { withTransaction } from "../db/transaction.js";
import { foreignKeyFailure } from "./failure.js";
import { loadTable } from "./load.js";
import { decideRestore, type PlannedTable, type RestorePlan } from "./plan.js";
import { deleteReplaced } from "./replace.js";
import { lockOwnSequences, type RestoredSequence, restoreSequences } from "./sequences.js";
import { withObstaclesAside } from "./suspend.js";

export interface ApplyRestoreOptions {
  readonly backup: SoundBackup;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
  /** How long to wait for another run that changes this database to end; 0 unless told. */
  readonly lockWaitMs?: number;
  /** How long one try waits for the tables' locks. */
  readonly lockTimeoutMs?: number;
  /** Saves the rows that go, in the restore's own transaction, under its locks. When it throws, nothing is changed. */
  readonly beforeReplace?: (connection: Connection) => Promise<void>;
}

export interface RestoreResult {
  readonly backup: string;
  readonly tables: readonly PlannedTable[];
  readonly rows: number;
  readonly sequences: readonly RestoredSequence[];
  /** Of the record in `roomctl.operations`. */
  readonly operation: number;
  /** By which the restore was announced: see `announceChange`. */
  readonly epoch: number;
  readonly durationMs: number;
}

/**
 * Loads a backup in one transaction, and commits only what proves equal to the source: same counts, same fingerprints.
 * Throws E_PLAN_STALE when the database has changed since the plan, E_NOT_EMPTY (also where other tables need replaced rows), E_BACKUP_DAMAGED, E_LOCKED,
 * E_LOCK_TIMEOUT; nothing is changed then.
 */
export async function applyRestore(
  database: Database,
  plan: RestorePlan,
  options: ApplyRestoreOptions,
): Promise<RestoreResult> {
  if (plan.target === "empty") {
    throw new RoomctlError("E_SCHEMA", `the database ${plan.database} has no tables yet`, {
      hint: "roomctl migrate up",
    });
  }
  const startedAt = options.clock.now();
  const startedMs = options.clock.monotonicMs();
  const lock = { waitMs: options.lockWaitMs ?? 0, signal: options.signal };
  const result = await withLock(database, "change", lock, () =>
    retry(
      { attempts: 3, firstDelayMs: 500, maxDelayMs: 2000, signal: options.signal, isRetryable: isLockConflict },
      () => restoreOnce(database, plan, { ...options, startedAt }),
    ),
  );
  return { ...result, durationMs: options.clock.monotonicMs() - startedMs };
}

interface Restoring extends ApplyRestoreOptions {
  readonly startedAt: Date;
}

function restoreOnce(
  database: Database,
  plan: RestorePlan,
  options: Restoring,
): Promise<Omit<RestoreResult, "durationMs">> {
  const { manifest } = options.backup;
  const lockTimeoutMs = options.lockTimeoutMs ?? 3000;
  return withTransaction(database, { lockTimeoutMs }, async (connection) => {
    await lockTables(connection, plan);
    await lockOwnSequences(connection, plan.sequences, lockTimeoutMs);
    await applyReadSettings(connection, "transaction");
    await assertUnchanged(connection, plan, options.backup);
    await options.beforeReplace?.(connection);
    await withObstaclesAside(connection, plan, async () => {
      await deleteReplaced(connection, plan);
      await loadTables(connection, plan, options);
    });
    await applyReadSettings(connection, "transaction");
    const sequences = await restoreSequences(connection, plan.sequences, manifest.sequences);
    await assertEqual(connection, plannedEntries(plan, options.backup));
    const done = { backup: plan.backup, tables: plan.tables, rows: plan.rows, sequences };
    const { backup, tables, isWhole, rows } = plan;
    const changed = tables.map((table) => ({ table: formatName(table), change: "restored" }) as const);
    const epoch = await announceChange(connection, { kind: "restore", tables: changed });
    const operation = await recordOperation(connection, {
      kind: "restore",
      startedAt: options.startedAt,
      plan: { backup, isWhole, tables: tables.map(formatName) },
      result: { rows, sequences, replaced: plan.replaced, epoch },
    });
    return { ...done, operation, epoch };
  });
}

/** Nobody may act on a table that is empty now and full in a moment, so readers wait too. */
async function lockTables(connection: Connection, plan: RestorePlan): Promise<void> {
  if (plan.tables.length === 0) return;
  const names = plan.tables.map((table) => `ONLY ${quoteName(table)}`).join(", ");
  try {
    await connection.execute(`LOCK TABLE ${names} IN ACCESS EXCLUSIVE MODE`);
  } catch (error) {
    if (codeOf(error) === sqlstate.undefinedTable) throw stale(error);
    throw error;
  }
}

async function assertUnchanged(connection: Connection, plan: RestorePlan, backup: SoundBackup): Promise<void> {
  const now = await decideRestore(connection, backup.manifest, {
    tables: plan.isWhole ? undefined : plan.tables,
    // What they hold is part of the plan; one row more or less makes it stale.
    replacesRows: plan.replaced.length > 0,
  });
  if (digestOf(now) !== digestOf(plan)) throw stale();
}

function stale(cause?: unknown): RoomctlError {
  return new RoomctlError("E_PLAN_STALE", "the database has changed since this restore was planned", {
    cause,
    hint: "run the restore again: it plans anew",
  });
}

async function loadTables(connection: Connection, plan: RestorePlan, options: Restoring): Promise<void> {
  const entries = plannedEntries(plan, options.backup);
  for (const [done, table] of entries.entries()) {
    options.onProgress?.({ message: `restoring ${formatName(table)}`, done, total: entries.length });
    try {
      await loadTable(connection, table, { stored: options.backup.stored, signal: options.signal });
    } catch (error) {
      // The session may still be waiting for rows; ending it rolls everything back.
      connection.discard();
      throw foreignKeyFailure(error, plan);
    }
  }
}

function plannedEntries(plan: RestorePlan, { manifest }: SoundBackup): readonly ManifestTable[] {
  return plan.tables.flatMap((table) => manifest.tables.filter((entry) => isSameName(entry, table)));
}

/** The last word before COMMIT: what the tables hold now against what they held then. */
async function assertEqual(connection: Connection, tables: readonly ManifestTable[]): Promise<void> {
  for (const table of tables) {
    const found = await readTableFingerprint(connection, table);
    if (found.rows === table.rows && found.fingerprint === table.fingerprint) continue;
    throw new RoomctlError(
      "E_BACKUP_DAMAGED",
      `${formatName(table)} would not come back as it was: ${found.rows} rows instead of ${table.rows}, or other values`,
      { hint: "nothing was changed; compare the column types, and both servers' versions and settings" },
    );
  }
}
