import { sha256 } from "../core/digest.js";
import { messageOf, RoomctlError } from "../core/errors.js";
import { mapParallel } from "../core/parallel.js";
import { formatName, type QualifiedName } from "../db/identifier.js";
import { codeOf } from "../db/sqlstate.js";
import { ChunkDamage, readChunk } from "./chunk-reader.js";
import { isFileSystemError } from "./file-failure.js";
import { findBackup, readManifest } from "./find.js";
import {
  type Manifest,
  type ManifestChunk,
  type ManifestFile,
  type ManifestTable,
  manifestFile,
  manifestFiles,
} from "./manifest.js";
import { markFiles } from "./marks.js";
import { openRepository, type StoredBackup } from "./repository.js";
import { addFingerprints } from "./rows.js";

/** How many files are read at once: one is hashed while the other is unpacked. */
const filesAtOnce = 2;

export interface VerifyOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

interface BackupFinding {
  readonly problem: "manifest" | "missing" | "unreadable" | "length" | "checksum" | "rows" | "extra";
  readonly file: string;
  readonly table: QualifiedName | null;
  readonly message: string;
}

export interface BackupVerdict {
  readonly id: string;
  readonly directory: string;
  readonly ok: boolean;
  readonly findings: readonly BackupFinding[];
  readonly tables: number;
  readonly rows: number;
  /** Bytes of files that were read, the manifest not counted. */
  readonly sizeBytes: number;
}

/**
 * Reads every byte of a backup and holds it against the manifest: the manifest's own digest; each file's presence, length
 * and digest; and each block as unpacked. `wanted` is an id, the beginning of one, or `latest`.
 * Throws E_NO_BACKUP; damage is a finding.
 */
export async function verifyBackup(
  repository: string,
  wanted: string,
  options: VerifyOptions = {},
): Promise<BackupVerdict> {
  return (await checkBackup(await findBackup(openRepository(repository), wanted), options)).verdict;
}

export interface SoundBackup {
  readonly stored: StoredBackup;
  readonly manifest: Manifest;
}

/** The backup, once every byte of it has been verified. Throws E_NO_BACKUP, or E_BACKUP_DAMAGED with the first findings. */
export async function openSoundBackup(
  repository: string,
  wanted: string,
  options: VerifyOptions = {},
): Promise<SoundBackup> {
  const stored = await findBackup(openRepository(repository), wanted);
  const { verdict, manifest } = await checkBackup(stored, options);
  if (verdict.ok && manifest) return { stored, manifest };
  const shown = verdict.findings.slice(0, 3).map((finding) => finding.message);
  const more = verdict.findings.length - shown.length;
  throw new RoomctlError(
    "E_BACKUP_DAMAGED",
    `backup ${stored.id} is damaged, and nothing was changed: ${shown.join("; ")}${more > 0 ? `; and ${more} more` : ""}`,
    { hint: `roomctl backup verify ${stored.id}` },
  );
}

/**
 * The same without reading the rows, for a restore into a database of its own: each block is checked when it is loaded, and
 * what was made of a damaged backup is never handed over. Throws E_NO_BACKUP, or E_BACKUP_DAMAGED for its manifest.
 */
export async function openUnreadBackup(repository: string, wanted: string): Promise<SoundBackup> {
  const stored = await findBackup(openRepository(repository), wanted);
  return { stored, manifest: await readManifest(stored) };
}

interface Checked {
  readonly verdict: BackupVerdict;
  readonly manifest?: Manifest;
}

async function checkBackup(stored: StoredBackup, options: VerifyOptions): Promise<Checked> {
  const place = { id: stored.id, directory: stored.location };
  const manifest = await readManifest(stored).catch((error: unknown) => {
    if (error instanceof RoomctlError) return error;
    throw error;
  });
  if (manifest instanceof RoomctlError) {
    const finding = { problem: "manifest", file: manifestFile, table: null, message: manifest.message } as const;
    return { verdict: { ...place, ok: false, findings: [finding], tables: 0, rows: 0, sizeBytes: 0 } };
  }
  const findings = [...(await checkFiles(stored, manifest, options)), ...(await extraFiles(stored, manifest))];
  const totals = {
    tables: manifest.tables.length,
    rows: manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
    sizeBytes: manifestFiles(manifest).reduce((sum, file) => sum + file.sizeBytes, 0),
  };
  return { verdict: { ...place, ok: findings.length === 0, findings, ...totals }, manifest };
}

async function checkFiles(stored: StoredBackup, manifest: Manifest, options: VerifyOptions): Promise<BackupFinding[]> {
  const checks = [
    ...plainFiles(manifest).map((file) => () => checkPlainFile(stored, file)),
    ...storedTables(manifest).flatMap((table) =>
      table.chunks.map((chunk) => () => checkChunk(stored, table, chunk, options.signal)),
    ),
  ];
  let done = 0;
  const found = await mapParallel(checks, filesAtOnce, async (check) => {
    options.onProgress?.({ message: "verifying", done, total: checks.length });
    const finding = await check();
    done += 1;
    return finding;
  });
  const sums = storedTables(manifest).map(checkSum);
  return [...found, ...sums].filter((finding) => finding !== undefined);
}

/** Large objects are stored as the rows of a table that has no name. */
type StoredTable = Pick<ManifestTable, "format" | "codec" | "chunks" | "rows" | "fingerprint"> & Partial<QualifiedName>;

function storedTables({ tables, largeObjects }: Manifest): readonly StoredTable[] {
  return [...tables, ...(largeObjects ? [largeObjects.pages] : [])];
}

function plainFiles(manifest: Manifest): readonly ManifestFile[] {
  const chunks = new Set<ManifestFile>(storedTables(manifest).flatMap((table) => table.chunks));
  return manifestFiles(manifest).filter((file) => !chunks.has(file));
}

async function checkPlainFile(stored: StoredBackup, { file, sizeBytes, sha256: expected }: ManifestFile) {
  try {
    const bytes = await readWhole(stored, file);
    if (bytes.length !== sizeBytes) {
      return finding("length", file, null, `has ${bytes.length} bytes instead of ${sizeBytes}`);
    }
    return sha256(bytes) === expected
      ? undefined
      : finding("checksum", file, null, "was changed: its SHA-256 does not match");
  } catch (error) {
    return unreadable(file, null, error);
  }
}

async function readWhole(stored: StoredBackup, path: string): Promise<Buffer> {
  await using file = await stored.openFile(path);
  return await file.read(0, file.sizeBytes);
}

/** The stored bytes, and each block as unpacked. The rows in them are proven by a drill. */
async function checkChunk(
  stored: StoredBackup,
  table: StoredTable,
  chunk: ManifestChunk,
  signal: AbortSignal | undefined,
): Promise<BackupFinding | undefined> {
  try {
    for await (const _block of readChunk(stored, table, chunk, { signal }));
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    const name = nameOf(table);
    if (error instanceof ChunkDamage) return finding(error.problem, chunk.file, name, error.what);
    return unreadable(chunk.file, name, error);
  }
}

/** A table is the sum of its chunks; one that is missing in the manifest would show here. */
function checkSum(table: StoredTable): BackupFinding | undefined {
  const sum = addFingerprints(table.chunks);
  if (sum.rows === table.rows && sum.fingerprint === table.fingerprint) return undefined;
  return finding("rows", manifestFile, nameOf(table), `names ${table.rows} rows, and chunks with ${sum.rows}`);
}

function nameOf({ schema, name }: Partial<QualifiedName>): QualifiedName | null {
  return schema === undefined || name === undefined ? null : { schema, name };
}

function unreadable(file: string, table: QualifiedName | null, error: unknown): BackupFinding {
  if (codeOf(error) === "ENOENT") return finding("missing", file, table, "is missing");
  if (isFileSystemError(error)) return finding("unreadable", file, table, `cannot be read: ${messageOf(error)}`);
  throw error;
}

function finding(
  problem: BackupFinding["problem"],
  file: string,
  table: QualifiedName | null,
  what: string,
): BackupFinding {
  return { problem, file, table, message: `${file}${table ? ` (${formatName(table)})` : ""} ${what}` };
}

async function extraFiles(stored: StoredBackup, manifest: Manifest): Promise<BackupFinding[]> {
  const expected = new Set([manifestFile, ...markFiles, ...manifestFiles(manifest).map(({ file }) => file)]);
  return (await stored.listFiles())
    .filter(({ path }) => !expected.has(path))
    .map(({ path }) => finding("extra", path, null, "is not in the manifest"));
}
