/**
 * Words of a backup: a *backup* is a folder of data files and one *manifest*, which names every file with its digest.
 * A *fingerprint* says what a table holds, whatever the order of its rows; a *finding* says where stored bytes and
 * manifest disagree. A backup exists once its manifest stands under the backup's final name.
 */
import { digestOf } from "../core/digest.js";
import { RoomctlError } from "../core/errors.js";
import type { QualifiedName } from "../db/identifier.js";
import type { CodecName } from "./codec.js";

export const manifestFile = "manifest.json";
export const manifestFormat = 1;

interface ManifestColumn {
  readonly name: string;
  /** As `format_type` spells it with an empty search path. */
  readonly type: string;
}

export interface ManifestTable extends QualifiedName {
  /** Partitioned or inheritance parents, near and far. */
  readonly ancestors: readonly QualifiedName[];
  /** In the order of the file's fields; generated columns are left out. */
  readonly columns: readonly ManifestColumn[];
  readonly rows: number;
  readonly fingerprint: string;
  readonly file: string;
  readonly codec: CodecName;
  /** Of the file as stored. */
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Of the COPY text inside. */
  readonly rawBytes: number;
  readonly rawSha256: string;
}

/** Numbers are bigint as decimal text. */
export interface ManifestSequence extends QualifiedName {
  readonly dataType: string;
  readonly start: string;
  readonly increment: string;
  readonly minimum: string;
  readonly maximum: string;
  readonly cycles: boolean;
  readonly lastValue: string;
  readonly isCalled: boolean;
  /** Tables with a column that draws from it. */
  readonly feeds: readonly QualifiedName[];
}

export interface ManifestMigration {
  readonly name: string;
  /** Null when the run was recorded by another tool. */
  readonly checksum: string | null;
}

export interface SkippedObject extends QualifiedName {
  readonly kind: string;
  readonly reason: string;
}

export interface BackupSource {
  readonly database: string;
  readonly serverVersion: string;
  readonly systemIdentifier: string;
  readonly encoding: string;
}

export interface Manifest {
  readonly formatVersion: number;
  readonly toolVersion: string;
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly note: string | null;
  readonly source: BackupSource;
  /** How the database was marked, and so what a restore marks a new one as; null when it was not. */
  readonly environment: string | null;
  /** False when tables were chosen. */
  readonly isWhole: boolean;
  readonly tables: readonly ManifestTable[];
  readonly sequences: readonly ManifestSequence[];
  readonly migrations: readonly ManifestMigration[];
  readonly skipped: readonly SkippedObject[];
}

/** The manifest's text: its last field is a digest of all others, so that an edit or a cut shows. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, digest: digestOf(manifest) }, null, 2)}\n`;
}

/**
 * Reads a manifest. Its digest vouches for its shape: what this function returns, `formatManifest` wrote.
 * Throws E_BACKUP_DAMAGED saying what is wrong with it.
 */
export function parseManifest(text: string, id: string): Manifest {
  const { digest, ...manifest } = parseObject(text);
  if (typeof manifest["formatVersion"] !== "number") throw damaged("it names no format version");
  if (manifest["formatVersion"] > manifestFormat) {
    throw damaged(`its format ${manifest["formatVersion"]} is newer than this roomctl, which reads ${manifestFormat}`);
  }
  if (digest !== digestOf(manifest)) throw damaged("its digest does not match: it was changed after it was written");
  if (manifest["id"] !== id) throw damaged(`it belongs to the backup ${JSON.stringify(manifest["id"])}`);
  const known = manifest as unknown as Manifest;
  const stray = known.tables.find((table) => !/^data\/\d+\.copy(\.[a-z]+)?$/.test(table.file));
  if (stray) throw damaged(`it names a file outside its folder: ${JSON.stringify(stray.file)}`);
  return known;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch (cause) {
    throw new RoomctlError("E_BACKUP_DAMAGED", `${manifestFile} is cut short or not JSON`, { cause });
  }
  throw damaged("it is not an object");
}

function damaged(why: string): RoomctlError {
  return new RoomctlError("E_BACKUP_DAMAGED", `${manifestFile} cannot be trusted: ${why}`);
}
