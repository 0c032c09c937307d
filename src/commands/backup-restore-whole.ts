import type { Manifest } from "../backup/manifest.js";
import type { SoundBackup } from "../backup/verify.js";
import { RoomctlError } from "../core/errors.js";
import { announceChange, type ChangedTable } from "../db/announce.js";
import { formatName } from "../db/identifier.js";
import { type HeldLock, withLock } from "../db/lock.js";
import type { Environment } from "../db/marker.js";
import { recordOperation } from "../db/operations.js";
import { hasOwnTable } from "../db/own-schema.js";
import type { Connection, Database } from "../db/pool.js";
import { readUnfinished } from "../restore/ledger.js";
import { hasScripts } from "../restore/schema.js";
import { assertRestored, restoreWhole, type WholeRestoreResult } from "../restore/whole.js";
import { environmentFor, readEnvironment, settleMark, warnOfLaxMark } from "./backup-restore-mark.js";
import { withMigrations } from "./backup-restore-migrate.js";
import type { BackupRestoreOptions } from "./backup-restore-options.js";
import type { CommandContext } from "./command.js";

/** What a whole restore would make. */
export interface WholePlan {
  readonly backup: string;
  readonly createdAt: string;
  /** The database that is there in the end. */
  readonly database: string;
  /** What the database that has that name now is called then. */
  readonly keepsAs: string | null;
  readonly tables: number;
  readonly rows: number;
  readonly schema: string;
  /** A restore of this backup was cut off there, and goes on. */
  readonly isResumed: boolean;
  /** The command that does it, where that needs consent. */
  readonly next?: string;
}

export interface WholeRestored {
  readonly kind: "whole";
  readonly applied: boolean;
  readonly plan: WholePlan;
  /** How the database is marked now; null when it is not, which counts as protected. */
  readonly environment: Environment | null;
  readonly receipt: WholeRestoreResult | null;
  readonly durationMs: number;
}

export function describeWhole(
  { manifest }: SoundBackup,
  place: Pick<WholePlan, "database" | "keepsAs" | "isResumed">,
): WholePlan {
  const { id, createdAt, tables, schema } = manifest;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return { backup: id, createdAt, ...place, tables: tables.length, rows, schema: schema.origin };
}

/** Restores schema and rows into the configured database, which has no tables. */
export async function restoreHere(
  database: Database,
  backup: SoundBackup,
  options: BackupRestoreOptions,
  context: CommandContext,
): Promise<WholeRestored> {
  const startedMs = context.clock.monotonicMs();
  const isResumed = (await readUnfinished(database)) !== undefined;
  const plan = describeWhole(backup, { database: database.target.database, keepsAs: null, isResumed });
  if (options.isDryRun) {
    const environment = await readEnvironment(database);
    return { kind: "whole", applied: false, plan, environment, receipt: null, durationMs: 0 };
  }
  const { settings, signal, onProgress } = context;
  const waiting = {
    waitMs: settings.lockWaitMs.value,
    signal,
    onWait: () => onProgress({ message: "waiting for another roomctl run to end" }),
  };
  const atLeast = environmentFor(backup.manifest, database.target.host, context);
  const receipt = await withLock(database, "change", waiting, (lock) =>
    restoreInto(database, { backup, lock, options, context, atLeast }),
  );
  const environment = await readEnvironment(database);
  warnOfLaxMark(environment, backup.manifest, context);
  const durationMs = context.clock.monotonicMs() - startedMs;
  return { kind: "whole", applied: true, plan, environment, receipt, durationMs };
}

export interface IntoOptions {
  readonly backup: SoundBackup;
  readonly lock: HeldLock;
  readonly options: Pick<BackupRestoreOptions, "jobs" | "searchPath">;
  readonly context: CommandContext;
  readonly atLeast: Environment | undefined;
  /** In the transaction that ends the restore. */
  readonly beforeEnd?: (connection: Connection) => Promise<void>;
}

/** The engine, with what a command adds: the mark, the record, and no result that is not equal. Throws E_BACKUP_DAMAGED. */
export async function restoreInto(database: Database, into: IntoOptions): Promise<WholeRestoreResult> {
  const { backup, lock, options, context, atLeast } = into;
  const { clock, signal, onProgress } = context;
  const startedAt = clock.now();
  const receipt = await restoreWhole(database, {
    backup,
    lock,
    jobs: options.jobs,
    searchPath: options.searchPath,
    clock,
    signal,
    onProgress,
    async beforeEnd(connection, kept) {
      await settleMark(connection, { kept, atLeast });
      await record(connection, backup, startedAt);
      await into.beforeEnd?.(connection);
    },
  });
  assertRestored(receipt);
  return receipt;
}

/** Only where the backup has brought roomctl's records: a database that never had any comes back without. */
async function record(connection: Connection, { manifest }: SoundBackup, startedAt: Date): Promise<void> {
  if (!(await hasOwnTable(connection, "operations"))) return;
  const { id, tables, source } = manifest;
  // The backup brought its epochs: this one lies above them, so that its follower builds everything anew.
  const epoch = await announceChange(connection, { kind: "restore", tables: restoredTables(manifest) });
  await recordOperation(connection, {
    kind: "restore",
    startedAt,
    plan: { backup: id, isWhole: true, source: source.database },
    result: { tables: tables.length, rows: tables.reduce((sum, table) => sum + table.rows, 0), epoch },
  });
}

/** What a restore of all of a backup announces: every table of the app. */
export function restoredTables({ tables }: Manifest): readonly ChangedTable[] {
  return tables
    .filter(({ schema }) => schema !== "roomctl")
    .map((table) => ({ table: formatName(table), change: "restored" }));
}

/** Throws E_SCHEMA for a backup that cannot make a database by itself, before one is made. */
export async function assertWhole(backup: SoundBackup, context: CommandContext): Promise<void> {
  const { manifest } = backup;
  if (!manifest.isWhole) {
    throw new RoomctlError("E_SCHEMA", `backup ${manifest.id} is of chosen tables only, and makes no database`, {
      hint: "restore it into a database that has its tables, or look at it with --schema-into SCHEMA",
    });
  }
  if (!hasScripts(manifest)) await withMigrations(backup, context, async () => {});
}
