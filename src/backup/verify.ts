import { pipeline } from "node:stream/promises";
import { messageOf, RoomctlError } from "../core/errors.js";
import { formatName, type QualifiedName } from "../db/identifier.js";
import { codeOf } from "../db/sqlstate.js";
import { codecs } from "./codec.js";
import { isFileSystemError } from "./file-failure.js";
import { findBackup, readManifest } from "./find.js";
import { type Manifest, type ManifestTable, manifestFile } from "./manifest.js";
import { createMeter, type Meter } from "./meter.js";
import { openRepository, type StoredBackup } from "./repository.js";

export interface VerifyOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

interface BackupFinding {
  readonly problem: "manifest" | "missing" | "unreadable" | "length" | "checksum" | "content" | "rows" | "extra";
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
  /** Bytes of data files that were read. */
  readonly sizeBytes: number;
}

/**
 * Reads every byte of a backup and holds it against the manifest: the manifest's own digest, and each file's presence,
 * length, digest as stored and unpacked, and number of rows. `wanted` is an id, the beginning of one, or `latest`.
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
    `backup ${stored.id} is damaged: ${shown.join("; ")}${more > 0 ? `; and ${more} more` : ""}`,
    { hint: `nothing was changed; see all of it with: roomctl backup verify ${stored.id}` },
  );
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
  const findings = [...(await checkTables(stored, manifest, options)), ...(await extraFiles(stored, manifest))];
  const sum = (count: (table: ManifestTable) => number) =>
    manifest.tables.reduce((total, table) => total + count(table), 0);
  const totals = {
    tables: manifest.tables.length,
    rows: sum((table) => table.rows),
    sizeBytes: sum((t) => t.sizeBytes),
  };
  return { verdict: { ...place, ok: findings.length === 0, findings, ...totals }, manifest };
}

async function checkTables(stored: StoredBackup, manifest: Manifest, options: VerifyOptions): Promise<BackupFinding[]> {
  const findings: BackupFinding[] = [];
  const total = manifest.tables.length;
  for (const [done, table] of manifest.tables.entries()) {
    options.onProgress?.({ message: `verifying ${formatName(table)}`, done, total });
    const finding = await checkTable(stored, table, options.signal);
    if (finding) findings.push(finding);
  }
  return findings;
}

async function checkTable(
  stored: StoredBackup,
  table: ManifestTable,
  signal: AbortSignal | undefined,
): Promise<BackupFinding | undefined> {
  const [packed, raw] = [createMeter(), createMeter({ countsLines: true })];
  const finding = (problem: BackupFinding["problem"], what: string): BackupFinding => ({
    problem,
    file: table.file,
    table: { schema: table.schema, name: table.name },
    message: `${table.file} (${formatName(table)}) ${what}`,
  });
  try {
    await pipeline(stored.openFile(table.file), packed, codecs[table.codec].decode(), raw, discardAll, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (codeOf(error) === "ENOENT") return finding("missing", "is missing");
    if (isFileSystemError(error)) return finding("unreadable", `cannot be read: ${messageOf(error)}`);
    // Unpacking stops at the first bad byte; the stored bytes say more precisely what happened to them.
    const measured = await measureStored(stored, table, signal);
    const difference = storedDifference(table, measured);
    return difference
      ? finding(difference.problem, difference.what)
      : finding("content", `cannot be unpacked: ${messageOf(error)}`);
  }
  const difference = storedDifference(table, packed) ?? rawDifference(table, raw);
  return difference && finding(difference.problem, difference.what);
}

async function measureStored(
  stored: StoredBackup,
  table: ManifestTable,
  signal: AbortSignal | undefined,
): Promise<Meter> {
  const meter = createMeter();
  await pipeline(stored.openFile(table.file), meter, discardAll, { signal });
  return meter;
}

interface Difference {
  readonly problem: BackupFinding["problem"];
  readonly what: string;
}

/** What differs between a table's file as stored and its entry in the manifest. */
export function storedDifference(table: ManifestTable, meter: Meter): Difference | undefined {
  const { sizeBytes, sha256 } = meter.measured();
  if (sizeBytes !== table.sizeBytes) {
    return { problem: "length", what: `has ${sizeBytes} bytes instead of ${table.sizeBytes}` };
  }
  return sha256 === table.sha256 ? undefined : { problem: "checksum", what: "was changed: its SHA-256 does not match" };
}

/** The same for its COPY text. */
export function rawDifference(table: ManifestTable, meter: Meter): Difference | undefined {
  const { sizeBytes, sha256, lines } = meter.measured();
  if (sizeBytes !== table.rawBytes || sha256 !== table.rawSha256) {
    return { problem: "content", what: "unpacks to other content than was written" };
  }
  return lines === table.rows ? undefined : { problem: "rows", what: `holds ${lines} rows instead of ${table.rows}` };
}

async function extraFiles(stored: StoredBackup, manifest: Manifest): Promise<BackupFinding[]> {
  const expected = new Set([manifestFile, ...manifest.tables.map((table) => table.file)]);
  return (await stored.listFiles())
    .filter((file) => !expected.has(file.path))
    .map(({ path }) => ({ problem: "extra", file: path, table: null, message: `${path} is not in the manifest` }));
}

async function discardAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _chunk of stream);
}
