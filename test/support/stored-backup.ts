import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import xxhash from "xxhash-wasm";
import { newBackupId } from "../../src/backup/id.js";
import { formatManifest, type Manifest, type ManifestTable, manifestFile } from "../../src/backup/manifest.js";
import { pinnedMark, type Verification, verifiedMark } from "../../src/backup/marks.js";
import { sha256 } from "../../src/core/digest.js";

export interface StoredOptions {
  /** ISO 8601. */
  readonly at: string;
  /** Rows of each table, by its name; two small tables unless told. */
  readonly tables?: Readonly<Record<string, number>>;
  readonly database?: string;
  readonly systemIdentifier?: string;
  readonly isWhole?: boolean;
  readonly isVerified?: boolean;
  /** When a verification found damage, ISO 8601. */
  readonly damagedSince?: string;
  readonly isPinned?: boolean;
  readonly suffix?: string;
}

const { h64Raw } = await xxhash();
let made = 0;

/** Puts a sound backup into a repository by hand: no database, and no waiting for the disk. Returns its id. */
export function storeBackup(repository: string, options: StoredOptions): string {
  made += 1;
  const id = newBackupId(new Date(options.at), options.suffix ?? made.toString(16).padStart(6, "0"));
  const folder = join(repository, id);
  mkdirSync(join(folder, "data"), { recursive: true });
  const tables = Object.entries(options.tables ?? { rooms: 3, guests: 2 }).map(([name, rows], index) => {
    const { table, bytes } = describeTable(name, rows, index + 1);
    for (const { file } of table.chunks) writeFileSync(join(folder, file), bytes);
    return table;
  });
  const text = formatManifest(describeBackup({ ...options, id, tables }));
  writeFileSync(join(folder, manifestFile), text);
  if (options.isVerified || options.damagedSince) {
    const mark: Verification = {
      verifiedAt: options.damagedSince ?? options.at,
      ok: options.damagedSince === undefined,
      toolVersion: "0.1.0",
      manifestSha256: sha256(text),
      damagedSince: options.damagedSince ?? null,
    };
    writeFileSync(join(folder, verifiedMark), JSON.stringify(mark));
  }
  if (options.isPinned) writeFileSync(join(folder, pinnedMark), '{"pinnedAt":"2026-11-20T03:00:00Z","note":null}');
  return id;
}

export function describeBackup(
  options: Pick<StoredOptions, "at" | "database" | "systemIdentifier" | "isWhole"> & {
    readonly id: string;
    readonly tables: readonly ManifestTable[];
  },
): Manifest {
  return {
    formatVersion: 2,
    toolVersion: "0.1.0",
    id: options.id,
    createdAt: new Date(options.at).toISOString(),
    note: null,
    source: {
      database: options.database ?? "app",
      serverVersion: "18.4",
      systemIdentifier: options.systemIdentifier ?? "7710471673329205787",
      encoding: "UTF8",
    },
    environment: null,
    isWhole: options.isWhole ?? true,
    schema: { origin: "none", why: "made by hand" },
    needs: { roles: [], extensions: [] },
    databaseProperties: {
      owner: "app",
      encoding: "UTF8",
      collate: "C",
      ctype: "C",
      localeProvider: "c",
      locale: null,
      connectionLimit: -1,
      comment: null,
      settings: [],
    },
    tables: options.tables,
    largeObjects: null,
    materializedViews: [],
    sequences: [],
    migrations: [],
    skipped: [],
  };
}

/** A table of one chunk with one block, and the chunk's bytes. */
export function describeTable(
  name: string,
  rows: number,
  number = 1,
  ancestors: ManifestTable["ancestors"] = [],
): { readonly table: ManifestTable; readonly bytes: Buffer } {
  const lines = Array.from({ length: rows }, (_, row) => Buffer.from(`${row}\tbody ${row}\n`));
  const fingerprint = String(lines.reduce((sum, line) => BigInt.asUintN(64, sum + h64Raw(line)), 0n));
  const bytes = Buffer.concat(lines);
  const chunk = {
    file: `data/${String(number).padStart(4, "0")}.0001.copy`,
    rows,
    fingerprint,
    sizeBytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    blocks: [[bytes.length, bytes.length, h64Raw(bytes).toString(16).padStart(16, "0")] as const],
  };
  const table: ManifestTable = {
    schema: "public",
    name,
    ancestors,
    columns: [
      { name: "id", type: "integer" },
      { name: "body", type: "text" },
    ],
    rows,
    fingerprint,
    format: "text",
    codec: "none",
    chunks: rows === 0 ? [] : [chunk],
  };
  return { table, bytes };
}
