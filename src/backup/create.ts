import type { Clock } from "../core/clock.js";
import { RoomctlError } from "../core/errors.js";
import { packageVersion } from "../core/package-root.js";
import type { QualifiedName } from "../db/identifier.js";
import { withLock } from "../db/lock.js";
import type { Connection, Database } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { type Compression, chooseCompression } from "./codec.js";
import { readContents } from "./contents.js";
import { dumpTables } from "./dump.js";
import { dumpLargeObjects } from "./dump-large-objects.js";
import { fileFailure } from "./file-failure.js";
import { newBackupId } from "./id.js";
import {
  type CopyFormat,
  formatManifest,
  type Manifest,
  manifestFile,
  manifestFiles,
  manifestFormat,
  storedBytes,
} from "./manifest.js";
import { type Draft, openRepository } from "./repository.js";
import { prepareSchema } from "./schema-capture.js";
import { type CapturedSchema, writeSchemaFiles, writeText } from "./schema-files.js";
import type { Selection } from "./selection.js";
import { type SnapshotReaders, withinTransaction, withSnapshot } from "./snapshot.js";

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
  /**
   * Only some rows of a table: by its `quoteName`, an SQL condition over its rows, which may name `ctid` and temporary
   * tables of `connection`, without which there is none. That of a parent holds for its partitions and children.
   */
  readonly conditions?: ReadonlyMap<string, string>;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
  /** Kept in the manifest. */
  readonly note?: string;
  /** How long to wait for another backup of this database to end; 0 unless told. */
  readonly lockWaitMs?: number;
  /** How long one try waits for the tables' locks. */
  readonly lockTimeoutMs?: number;
  /** How many sessions read at once; 2 unless told. Always one with `connection`. */
  readonly jobs?: number;
  readonly compression?: Compression;
  /** Rows as text, also where a type has a binary form. */
  readonly format?: CopyFormat;
  /** What one chunk of a large table should hold, as the server stores it; 64 MiB unless told. */
  readonly chunkBytes?: number;
  /**
   * Writes down how the objects around the rows come back; without it a restore needs its tables. It runs before the
   * tables are locked, and again when the schema has changed meanwhile.
   */
  readonly captureSchema?: () => Promise<CapturedSchema>;
}

export interface BackupReceipt {
  readonly id: string;
  readonly directory: string;
  readonly tables: readonly BackedUpTable[];
  readonly skipped: Manifest["skipped"];
  readonly rows: number;
  /** Of all files but the manifest. */
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
  if (connection) return writeBackup(options, (work) => withinTransaction(connection, options, work));
  if (options.conditions)
    throw new RoomctlError("E_INTERNAL", "a backup of some rows needs the session that chose them");
  const lock = { waitMs: options.lockWaitMs ?? 0, signal: options.signal };
  return withLock(database, "backup", lock, () =>
    writeBackup(options, async (work) => {
      const captured = prepareSchema(database, options);
      const jobs = options.jobs ?? defaultJobs;
      return withSnapshot(database, { ...options, jobs, prepare: captured.prepare }, (readers, selection) =>
        work(readers, selection, captured.schema()),
      );
    }),
  );
}

const defaultJobs = 2;

type Work<T> = (readers: SnapshotReaders, selection: Selection, schema?: CapturedSchema) => Promise<T>;
type Reading = <T>(work: Work<T>) => Promise<T>;

async function writeBackup(options: CreateBackupOptions, read: Reading): Promise<BackupReceipt> {
  const startedMs = options.clock.monotonicMs();
  const repository = openRepository(options.repository);
  const now = options.clock.now();
  const swept = await repository.sweep(now);
  const id = newBackupId(now);
  const draft = await repository.begin(id);
  try {
    const compression = options.compression ?? (await chooseCompression());
    const manifest = await read((readers, selection, schema) =>
      fillDraft({ id, now, draft, options, compression, schema }, readers, selection),
    );
    options.signal?.throwIfAborted();
    const directory = await draft.publish();
    return { ...receipt(manifest, directory), durationMs: options.clock.monotonicMs() - startedMs, swept };
  } catch (error) {
    await draft.abandon().catch(() => {
      // What cannot be removed now stays a draft, which no command sees and a later run sweeps; the first error counts.
    });
    options.signal?.throwIfAborted();
    throw rowSecurityFailure(fileFailure(error, repository.location));
  }
}

interface Writing {
  readonly id: string;
  readonly now: Date;
  readonly draft: Draft;
  readonly options: CreateBackupOptions;
  readonly compression: Compression;
  readonly schema: CapturedSchema | undefined;
}

async function fillDraft(writing: Writing, readers: SnapshotReaders, selection: Selection): Promise<Manifest> {
  const { id, now, draft, options, compression } = writing;
  const { format, chunkBytes, signal, onProgress } = options;
  const dump = { draft, compression, format, chunkBytes, signal, onProgress };
  const tables = await dumpTables(readers, selection.tables, dump);
  const manifest: Manifest = {
    formatVersion: manifestFormat,
    toolVersion: packageVersion(),
    id,
    createdAt: now.toISOString(),
    note: options.note ?? null,
    ...(await readContents(readers.leader, selection)),
    schema: await writeSchemaFiles(draft, writing.schema ?? { origin: "none", why: "only rows were asked for" }),
    tables,
    largeObjects: selection.isWhole ? await dumpLargeObjects(readers.leader, dump) : null,
  };
  await writeText(draft, manifestFile, formatManifest(manifest));
  return manifest;
}

function receipt(manifest: Manifest, directory: string): Omit<BackupReceipt, "durationMs" | "swept"> {
  const tables = manifest.tables.map((table) => ({
    schema: table.schema,
    name: table.name,
    rows: table.rows,
    sizeBytes: storedBytes(table),
  }));
  return {
    id: manifest.id,
    directory,
    tables,
    skipped: manifest.skipped,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    sizeBytes: manifestFiles(manifest).reduce((sum, file) => sum + file.sizeBytes, 0),
  };
}

function rowSecurityFailure(error: unknown): unknown {
  if (codeOf(error) !== sqlstate.insufficientPrivilege || !/row-level security/.test(String(error))) return error;
  return new RoomctlError("E_PRIVILEGE", "row-level security would hide rows from this backup", {
    cause: error,
    hint: "back up as the tables' owner, or as a role with BYPASSRLS",
  });
}
