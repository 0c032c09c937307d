import { finished, pipeline } from "node:stream/promises";
import type { Clock } from "../core/clock.js";
import { RoomctlError } from "../core/errors.js";
import { packageVersion } from "../core/package-root.js";
import { formatName, type QualifiedName } from "../db/identifier.js";
import { withLock } from "../db/lock.js";
import type { Connection, Database } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { readContents } from "./contents.js";
import { dumpTable } from "./dump.js";
import { fileFailure } from "./file-failure.js";
import { newBackupId } from "./id.js";
import { formatManifest, type Manifest, type ManifestTable, manifestFile, manifestFormat } from "./manifest.js";
import { type Draft, openRepository } from "./repository.js";
import type { Selection } from "./selection.js";
import { withinTransaction, withSnapshot } from "./snapshot.js";

export interface CreateBackupOptions {
  /** The folder of backups. */
  readonly repository: string;
  /** Only these tables, with their partitions and children, and the sequences that feed them; all unless told. */
  readonly tables?: readonly QualifiedName[];
  /**
   * A session in an open transaction that already keeps writers out of `tables` (SHARE locks or stronger, also on
   * partitions). The backup reads through it, and takes neither locks nor a snapshot of its own.
   */
  readonly connection?: Connection;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
  /** Kept in the manifest. */
  readonly note?: string;
  /** How long to wait for another backup of this database to end; 0 unless told. */
  readonly lockWaitMs?: number;
  /** How long one try waits for the tables' locks. */
  readonly lockTimeoutMs?: number;
}

export interface BackupReceipt {
  readonly id: string;
  readonly directory: string;
  readonly tables: readonly BackedUpTable[];
  readonly skipped: Manifest["skipped"];
  readonly rows: number;
  /** Of all stored data files. */
  readonly sizeBytes: number;
  readonly durationMs: number;
  /** Drafts of killed runs that were removed on the way. */
  readonly swept: readonly string[];
}

interface BackedUpTable extends QualifiedName {
  readonly rows: number;
  readonly sizeBytes: number;
}

/**
 * Takes a consistent backup of the tables' rows and publishes it in one step; whatever fails leaves nothing behind.
 * Throws E_LOCKED, E_LOCK_TIMEOUT, E_PRIVILEGE (row security, unreadable sequence), E_DISK_FULL, E_FILE.
 */
export async function createBackup(database: Database, options: CreateBackupOptions): Promise<BackupReceipt> {
  const { connection } = options;
  if (connection) return writeBackup(options, (work) => withinTransaction(connection, options.tables, work));
  const lock = { waitMs: options.lockWaitMs ?? 0, signal: options.signal };
  return withLock(database, "backup", lock, () =>
    writeBackup(options, (work) => withSnapshot(database, options, work)),
  );
}

type Work<T> = (connection: Connection, selection: Selection) => Promise<T>;
type Reading = <T>(work: Work<T>) => Promise<T>;

async function writeBackup(options: CreateBackupOptions, read: Reading): Promise<BackupReceipt> {
  const startedMs = options.clock.monotonicMs();
  const repository = openRepository(options.repository);
  const now = options.clock.now();
  const swept = await repository.sweep(now);
  const id = newBackupId(now);
  const draft = await repository.begin(id);
  try {
    const manifest = await read((connection, selection) =>
      fillDraft({ id, now, draft, options }, connection, selection),
    );
    options.signal?.throwIfAborted();
    const directory = await draft.publish();
    return { ...receipt(manifest, directory), durationMs: options.clock.monotonicMs() - startedMs, swept };
  } catch (error) {
    await draft.abandon().catch(() => {
      // What cannot be removed now stays a draft, which no command sees and a later run sweeps; the first error counts.
    });
    throw rowSecurityFailure(fileFailure(error, repository.location));
  }
}

interface Writing {
  readonly id: string;
  readonly now: Date;
  readonly draft: Draft;
  readonly options: CreateBackupOptions;
}

async function fillDraft(writing: Writing, connection: Connection, selection: Selection): Promise<Manifest> {
  const { id, now, draft, options } = writing;
  const total = selection.tables.length;
  const tables: ManifestTable[] = [];
  for (const [index, table] of selection.tables.entries()) {
    options.onProgress?.({ message: `backing up ${formatName(table)}`, done: index, total });
    tables.push(await dumpTable(connection, table, { draft, number: index + 1, signal: options.signal }));
  }
  const manifest: Manifest = {
    formatVersion: manifestFormat,
    toolVersion: packageVersion(),
    id,
    createdAt: now.toISOString(),
    note: options.note ?? null,
    ...(await readContents(connection, selection)),
    tables,
  };
  const output = draft.createFile(manifestFile);
  await pipeline([formatManifest(manifest)], output);
  await finished(output);
  return manifest;
}

function receipt(manifest: Manifest, directory: string): Omit<BackupReceipt, "durationMs" | "swept"> {
  const tables = manifest.tables.map(({ schema, name, rows, sizeBytes }) => ({ schema, name, rows, sizeBytes }));
  return {
    id: manifest.id,
    directory,
    tables,
    skipped: manifest.skipped,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    sizeBytes: tables.reduce((sum, table) => sum + table.sizeBytes, 0),
  };
}

function rowSecurityFailure(error: unknown): unknown {
  if (codeOf(error) !== sqlstate.insufficientPrivilege || !/row-level security/.test(String(error))) return error;
  return new RoomctlError("E_PRIVILEGE", "row-level security would hide rows from this backup", {
    cause: error,
    hint: "back up as the tables' owner, or as a role with BYPASSRLS",
  });
}
