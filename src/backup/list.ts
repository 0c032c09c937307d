import { messageOf, RoomctlError } from "../core/errors.js";
import { isFileSystemError } from "./file-failure.js";
import { readManifest } from "./find.js";
import { type Manifest, manifestFile, manifestFiles } from "./manifest.js";
import { markFiles, type Pin, readPin, readVerification, type Verification } from "./marks.js";
import { isOfNewerFormat } from "./newer-format.js";
import { openRepository, type StoredBackup, type StoredFile } from "./repository.js";

export interface ListedBackup {
  readonly id: string;
  /**
   * `complete`: a sound manifest, and each file there in its length. `verified`: every byte of it was read since.
   * `newer`: written by a later roomctl, which alone can judge it.
   */
  readonly state: "complete" | "verified" | "damaged" | "newer";
  /** What is wrong with a damaged one. */
  readonly why: string | null;
  /** Its last verification, of what the manifest says now. */
  readonly verification: Verification | null;
  readonly pin: Pin | null;
  /** The rest is null where the manifest cannot be read. */
  readonly createdAt: string | null;
  readonly database: string | null;
  readonly systemIdentifier: string | null;
  readonly note: string | null;
  /** False when it covers chosen tables only. */
  readonly isWhole: boolean | null;
  readonly tables: number | null;
  readonly rows: number | null;
  /** Of all its files but the marks. */
  readonly sizeBytes: number;
}

export interface BackupList {
  readonly repository: string;
  readonly backups: readonly ListedBackup[];
}

/** Every published backup, newest first. Reads manifests, marks and lengths; `verifyBackup` reads the files. */
export async function listBackups(location: string): Promise<BackupList> {
  const repository = openRepository(location);
  const backups: ListedBackup[] = [];
  for (const id of await repository.listIds()) {
    const listed = await describeBackup(repository.read(id));
    // Removed while we looked: what was left of it is nobody's damage.
    if (listed.state !== "damaged" || (await repository.listIds()).includes(id)) backups.push(listed);
  }
  return { repository: repository.location, backups };
}

async function describeBackup(backup: StoredBackup): Promise<ListedBackup> {
  const marks = { pin: (await readPin(backup)) ?? null, verification: (await readVerification(backup)) ?? null };
  let sizeBytes = 0;
  try {
    const files = (await backup.listFiles()).filter((file) => !markFiles.includes(file.path));
    sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    const manifest = await readManifest(backup);
    const why = firstDifference(manifest, files) ?? failedVerification(marks.verification);
    const state = why !== null ? "damaged" : marks.verification ? "verified" : "complete";
    return { id: backup.id, state, why, ...marks, ...facts(manifest), sizeBytes };
  } catch (error) {
    if (!(error instanceof RoomctlError) && !isFileSystemError(error)) throw error;
    const state = (await isOfNewerFormat(backup)) ? "newer" : "damaged";
    return { id: backup.id, state, why: messageOf(error), ...marks, ...noFacts, sizeBytes };
  }
}

function facts(manifest: Manifest) {
  return {
    createdAt: manifest.createdAt,
    database: manifest.source.database,
    systemIdentifier: manifest.source.systemIdentifier,
    note: manifest.note,
    isWhole: manifest.isWhole,
    tables: manifest.tables.length,
    rows: manifest.tables.reduce((sum, table) => sum + table.rows, 0),
  };
}

const noFacts: Record<keyof ReturnType<typeof facts>, null> = {
  createdAt: null,
  database: null,
  systemIdentifier: null,
  note: null,
  isWhole: null,
  tables: null,
  rows: null,
};

function firstDifference(manifest: Manifest, files: readonly StoredFile[]): string | null {
  const sizes = new Map(files.map((file) => [file.path, file.sizeBytes]));
  const named = manifestFiles(manifest);
  for (const { file, sizeBytes } of named) {
    const found = sizes.get(file);
    if (found === undefined) return `${file} is missing`;
    if (found !== sizeBytes) return `${file} has ${found} bytes instead of ${sizeBytes}`;
  }
  const expected = new Set([manifestFile, ...named.map(({ file }) => file)]);
  const extra = files.find((file) => !expected.has(file.path));
  return extra ? `${extra.path} is not in the manifest` : null;
}

function failedVerification(verification: Verification | null): string | null {
  return verification && !verification.ok ? `the verification of ${verification.verifiedAt} found damage` : null;
}
