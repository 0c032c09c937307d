/**
 * Words of a backup: a *backup* is a folder of files and one *manifest*, which names every file with its digest. A table's
 * rows are stored in one or more *chunks*, one file each, which a restore can load in any order; a chunk is a row of
 * *blocks*, each compressed by itself. A *fingerprint* says what rows there are, whatever their order; a *finding* says
 * where stored bytes and manifest disagree. A backup exists once its manifest stands under the backup's final name.
 */
import { digestOf } from "../core/digest.js";
import { RoomctlError } from "../core/errors.js";
import type { QualifiedName } from "../db/identifier.js";
import type { CodecName } from "./codec.js";

export const manifestFile = "manifest.json";
export const manifestFormat = 2;

interface ManifestColumn {
  readonly name: string;
  /** As `format_type` spells it with an empty search path. */
  readonly type: string;
}

/** How COPY spells the rows of a table. Text where a type has no binary form, or one that holds numbers of this database. */
export type CopyFormat = "binary" | "text";

/** Length as COPY sent it, length as stored, and xxHash64 (16 hex digits) of what COPY sent. */
export type ManifestBlock = readonly [rawBytes: number, storedBytes: number, hash: string];

/** Some rows: how many, and the sum of their 64-bit hashes as decimal text. See `rows.ts`. */
export interface RowsFingerprint {
  readonly rows: number;
  readonly fingerprint: string;
}

/** A complete COPY stream by itself. */
export interface ManifestChunk extends RowsFingerprint {
  /** `data/0007.0002.copy.zst`: table, chunk. */
  readonly file: string;
  /** Of the file as stored. */
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly blocks: readonly ManifestBlock[];
}

export interface ManifestTable extends QualifiedName, RowsFingerprint {
  /** Only the rows that a wipe or a reset was about to change: no copy of the table. */
  readonly isPartial?: true;
  /** Partitioned or inheritance parents, near and far. */
  readonly ancestors: readonly QualifiedName[];
  /** In the order of the file's fields; generated columns are left out. */
  readonly columns: readonly ManifestColumn[];
  readonly format: CopyFormat;
  readonly codec: CodecName;
  /** In no order that matters; none when the table is empty. */
  readonly chunks: readonly ManifestChunk[];
}

/** A file that is stored as it is, without compression. */
export interface ManifestFile {
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * How the objects around the rows come back. `pg_dump`, `catalog`: two scripts, one to run before the rows, one after.
 * `migrations`: the files that built the database, in `schema/migrations/`. `none`: the target must have its tables.
 */
export type ManifestSchema =
  | {
      readonly origin: "pg_dump" | "catalog";
      /** Of the program that wrote it: `pg_dump (PostgreSQL) 15.20`, `roomctl 0.1.0`. */
      readonly writtenBy: string;
      /** `schema/pre-data.sql`: everything that rows need: types, functions, tables, sequences, views. */
      readonly preData: ManifestFile;
      /** `schema/post-data.sql`: indexes, constraints, triggers, rules, policies, publications. */
      readonly postData: ManifestFile;
    }
  | { readonly origin: "migrations"; readonly writtenBy: string; readonly files: readonly ManifestFile[] }
  | { readonly origin: "none"; readonly why: string };

/** What a server must have before a schema can be made on it. */
export interface ManifestNeeds {
  /** Roles that own something or were granted something, and that SQL names. Not the built-in ones. */
  readonly roles: readonly string[];
  readonly extensions: readonly { readonly name: string; readonly version: string; readonly schema: string }[];
}

/** The database itself, for a restore that makes a new one. */
export interface ManifestDatabase {
  readonly owner: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  /** `c` libc, `i` ICU, `b` built in. */
  readonly localeProvider: string;
  readonly locale: string | null;
  readonly connectionLimit: number;
  readonly comment: string | null;
  /** `name=value` of ALTER DATABASE … SET, and of ALTER ROLE … IN DATABASE … SET with the role's name. */
  readonly settings: readonly { readonly role: string | null; readonly name: string; readonly value: string }[];
}

/** Large objects: pages as rows (oid, number of the megabyte, bytes) of a pseudo-table, and what is known of each. */
export interface ManifestLargeObjects {
  readonly pages: Omit<ManifestTable, keyof QualifiedName | "ancestors">;
  readonly objects: readonly {
    readonly oid: number;
    readonly owner: string;
    /** Statements that put owner, rights and comment back. */
    readonly statements: readonly string[];
  }[];
}

/** In the order in which they can be refreshed. */
export interface ManifestMaterializedView extends QualifiedName {
  readonly isPopulated: boolean;
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
  readonly schema: ManifestSchema;
  readonly needs: ManifestNeeds;
  readonly databaseProperties: ManifestDatabase;
  readonly tables: readonly ManifestTable[];
  /** Null when there are none, or when tables were chosen. */
  readonly largeObjects: ManifestLargeObjects | null;
  readonly materializedViews: readonly ManifestMaterializedView[];
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
  if (manifest["formatVersion"] < manifestFormat) {
    throw damaged(`its format ${manifest["formatVersion"]} was never released, and this roomctl cannot read it`);
  }
  if (manifest["formatVersion"] > manifestFormat) {
    throw damaged(`its format ${manifest["formatVersion"]} is newer than this roomctl, which reads ${manifestFormat}`);
  }
  if (digest !== digestOf(manifest)) throw damaged("its digest does not match: it was changed after it was written");
  if (manifest["id"] !== id) throw damaged(`it belongs to the backup ${JSON.stringify(manifest["id"])}`);
  const known = manifest as unknown as Manifest;
  const stray = manifestFiles(known).find(({ file }) => !isOwnFile(file));
  if (stray) throw damaged(`it names a file outside its folder: ${JSON.stringify(stray.file)}`);
  return known;
}

/** Every file of a backup besides the manifest. */
export function manifestFiles({ schema, tables, largeObjects }: Manifest): readonly ManifestFile[] {
  const scripts =
    schema.origin === "none" ? [] : schema.origin === "migrations" ? schema.files : [schema.preData, schema.postData];
  return [...scripts, ...tables.flatMap(({ chunks }) => chunks), ...(largeObjects?.pages.chunks ?? [])];
}

/** Of a table's files. */
export function storedBytes({ chunks }: Pick<ManifestTable, "chunks">): number {
  return chunks.reduce((sum, chunk) => sum + chunk.sizeBytes, 0);
}

function isOwnFile(file: string): boolean {
  return /^data\/\w[\w.-]*$/.test(file) || /^schema\/(migrations\/)?[^/\0]*[^/\0.][^/\0]*$/.test(file);
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
