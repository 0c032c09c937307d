import { messageOf, RoomctlError } from "../core/errors.js";
import { isFileSystemError } from "./file-failure.js";
import { readManifest } from "./find.js";
import { type Manifest, manifestFile } from "./manifest.js";
import { openRepository, type StoredBackup, type StoredFile } from "./repository.js";

export interface ListedBackup {
  readonly id: string;
  readonly state: "complete" | "damaged";
  /** What is wrong with a damaged one. */
  readonly why: string | null;
  /** The rest is null where the manifest cannot be read. */
  readonly createdAt: string | null;
  readonly database: string | null;
  readonly note: string | null;
  /** False when it covers chosen tables only. */
  readonly isWhole: boolean | null;
  readonly tables: number | null;
  readonly rows: number | null;
  readonly sizeBytes: number;
}

export interface BackupList {
  readonly repository: string;
  readonly backups: readonly ListedBackup[];
}

/** Every published backup, newest first. `complete` means: a sound manifest, and each file there in its length; `verifyBackup` reads them. */
export async function listBackups(location: string): Promise<BackupList> {
  const repository = openRepository(location);
  const backups: ListedBackup[] = [];
  for (const id of await repository.listIds()) backups.push(await describeBackup(repository.read(id)));
  return { repository: repository.location, backups };
}

async function describeBackup(backup: StoredBackup): Promise<ListedBackup> {
  let sizeBytes = 0;
  try {
    const files = await backup.listFiles();
    sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    const manifest = await readManifest(backup);
    const why = firstDifference(manifest, files);
    return { id: backup.id, state: why === null ? "complete" : "damaged", why, ...facts(manifest), sizeBytes };
  } catch (error) {
    if (!(error instanceof RoomctlError) && !isFileSystemError(error)) throw error;
    const nothing = { createdAt: null, database: null, note: null, isWhole: null, tables: null, rows: null };
    return { id: backup.id, state: "damaged", why: messageOf(error), ...nothing, sizeBytes };
  }
}

function facts(manifest: Manifest) {
  return {
    createdAt: manifest.createdAt,
    database: manifest.source.database,
    note: manifest.note,
    isWhole: manifest.isWhole,
    tables: manifest.tables.length,
    rows: manifest.tables.reduce((sum, table) => sum + table.rows, 0),
  };
}

function firstDifference(manifest: Manifest, files: readonly StoredFile[]): string | null {
  const sizes = new Map(files.map((file) => [file.path, file.sizeBytes]));
  for (const { file, sizeBytes } of manifest.tables) {
    const found = sizes.get(file);
    if (found === undefined) return `${file} is missing`;
    if (found !== sizeBytes) return `${file} has ${found} bytes instead of ${sizeBytes}`;
  }
  const expected = new Set([manifestFile, ...manifest.tables.map((table) => table.file)]);
  const extra = files.find((file) => !expected.has(file.path));
  return extra ? `${extra.path} is not in the manifest` : null;
}
