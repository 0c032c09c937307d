import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { sha256 } from "../core/digest.js";
import { messageOf, RoomctlError } from "../core/errors.js";
import { readSqlText } from "../core/sql-text.js";
import { type Layout, refusePrograms, type SqlText, splitParts } from "./layout.js";
import { newMigrationCommand } from "./names.js";

/**
 * Words of this folder. A *migration* is a pair of files, `NNNN_name.up.sql` and, if it can be undone,
 * `NNNN_name.down.sql`, or one file with both parts in the *layout* of another tool; its *name* is what stands before
 * `.up.sql` or `.sql`, its *version* the number in front. A *script* is one part, parsed. A *run* is one attempt to bring
 * a migration up or down; it is *applied* while `roomctl.migrations` holds its name.
 */
export interface MigrationFile {
  readonly name: string;
  readonly version: bigint;
  readonly layout: Layout;
  readonly up: SqlText;
  readonly down?: SqlText;
  /** SHA-256 of the up part, the same for every line ending and with or without a byte order mark. */
  readonly checksum: string;
}

/**
 * The migrations of a folder in the order of their numbers. Throws E_NO_MIGRATIONS when there is none, E_USAGE or
 * E_MIGRATION_ORDER naming the file that does not fit.
 */
export function readMigrationFiles(directory: string): readonly MigrationFile[] {
  const fileNames = listDirectory(directory);
  refusePrograms(directory, fileNames);
  const parts = fileNames.filter((name) => /\.sql$/i.test(name)).map((name) => parseFileName(directory, name));
  const downs = new Map(parts.filter((part) => part.direction === "down").map((part) => [part.name, part.path]));
  const ups = parts.filter((part) => part.direction !== "down").sort((a, b) => compareVersions(a.version, b.version));
  if (ups.length === 0) throw noMigrations(directory);
  refuseOrphanedDowns(downs, new Set(ups.filter(({ direction }) => direction === "up").map(({ name }) => name)));
  refuseSharedNumbers(ups);
  return ups.map((part) => readMigration(part, downs.get(part.name)));
}

/** The migration of that name among those that were read. */
export function requireFile(files: readonly MigrationFile[], name: string): MigrationFile {
  const file = files.find((candidate) => candidate.name === name);
  if (file) return file;
  throw new RoomctlError("E_PLAN_STALE", `the files of ${name} are gone`, {
    hint: "look again with: roomctl migrate status",
  });
}

/** Reads one SQL file, without its byte order mark. Throws E_FILE, or E_USAGE when it is not text. */
export function readSqlFile(path: string): SqlText {
  return { path, sql: readSqlText(path).replace(/^\uFEFF/, "") };
}

/** SHA-256 of SQL text with its line endings and byte order mark evened out: a checkout on Windows is no edit. */
export function checksumOf(sql: string): string {
  return sha256(sql.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n"));
}

/** Orders versions, which may be larger than a number is exact for (17-digit times). */
function compareVersions(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface FilePart {
  readonly name: string;
  readonly version: bigint;
  readonly direction: "up" | "down" | "both";
  readonly path: string;
}

function readMigration({ name, version, direction, path }: FilePart, downPath: string | undefined): MigrationFile {
  const file = readSqlFile(path);
  const down = downPath === undefined ? {} : { down: readSqlFile(downPath) };
  const parts = direction === "both" ? splitParts(path, file.sql) : { layout: "pair" as const, up: file, ...down };
  return { name, version, ...parts, checksum: checksumOf(parts.up.sql) };
}

function listDirectory(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    throw new RoomctlError("E_NO_MIGRATIONS", `cannot read the migrations folder ${directory}: ${messageOf(cause)}`, {
      hint: `name the folder with --dir DIR, or begin one with: ${newMigrationCommand(directory, "first-step")}`,
      cause,
    });
  }
}

function noMigrations(directory: string): RoomctlError {
  return new RoomctlError("E_NO_MIGRATIONS", `there is no migration in ${directory}`, {
    hint: `name the folder with --dir DIR, or begin with: ${newMigrationCommand(directory, "first-step")}`,
  });
}

function parseFileName(directory: string, fileName: string): FilePart {
  const match = /^((\d+)[_-].+?)(?:\.(up|down))?\.sql$/s.exec(fileName);
  const [, name, digits, direction = "both"] = match ?? [];
  if (name === undefined || digits === undefined) {
    throw new RoomctlError("E_USAGE", `${join(directory, fileName)} is not named like a migration`, {
      hint: "name it NNNN_what-it-does.up.sql (or .down.sql), or keep it in another folder",
    });
  }
  return {
    name,
    version: BigInt(digits),
    direction: direction === "up" || direction === "down" ? direction : "both",
    path: join(directory, fileName),
  };
}

function refuseOrphanedDowns(downs: ReadonlyMap<string, string>, upNames: ReadonlySet<string>): void {
  for (const [name, path] of downs) {
    if (upNames.has(name)) continue;
    throw new RoomctlError("E_USAGE", `${path} has no ${name}.up.sql beside it`, {
      hint: "bring the up file back, or remove the down file",
    });
  }
}

function refuseSharedNumbers(ups: readonly FilePart[]): void {
  for (const [index, up] of ups.entries()) {
    const next = ups[index + 1];
    if (next === undefined || next.version !== up.version) continue;
    throw new RoomctlError(
      "E_MIGRATION_ORDER",
      `${basename(up.path)} and ${basename(next.path)} have the same number, so their order is unknown`,
      { hint: "give the newer one the next free number (both its files)" },
    );
  }
}
