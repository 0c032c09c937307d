import { closeSync, existsSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import { makeFolder } from "../core/make-folder.js";
import { isOutOfSpace } from "../db/failure.js";
import { readMigrationFiles } from "./files.js";
import { newMigrationCommand } from "./names.js";

export interface NewMigration {
  readonly name: string;
  readonly upPath: string;
  readonly downPath: string;
}

/**
 * Writes the two files of the next migration, with the next free number; never over a file that is there.
 * Throws E_USAGE when the name would not do as one.
 */
export function createMigration(directory: string, title: string): NewMigration {
  assertTitle(directory, title);
  const name = `${nextNumber(directory)}_${title}`;
  const upPath = join(directory, `${name}.up.sql`);
  const downPath = join(directory, `${name}.down.sql`);
  writeBoth(directory, [
    [upPath, upTemplate],
    [downPath, downTemplate],
  ]);
  return { name, upPath, downPath };
}

function assertTitle(directory: string, title: string): void {
  if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(title) && title.length <= 100) return;
  throw new RoomctlError("E_USAGE", `not a name for a migration: ${JSON.stringify(title)}`, {
    hint: `write it in lower-case words with hyphens: ${newMigrationCommand(directory, "add-something")}`,
  });
}

function nextNumber(directory: string): string {
  const names = isEmpty(directory) ? [] : readMigrationFiles(directory);
  const last = names.at(-1);
  const digits = last === undefined ? 4 : (/^\d+/.exec(last.name)?.[0].length ?? 4);
  return String((last?.version ?? 0n) + 1n).padStart(digits, "0");
}

/** A folder without a migration is where the first one goes; one with a wrong file in it is still refused. */
function isEmpty(directory: string): boolean {
  if (!existsSync(directory)) return true;
  try {
    readMigrationFiles(directory);
    return false;
  } catch (error) {
    if (error instanceof RoomctlError && error.code === "E_NO_MIGRATIONS") return true;
    throw error;
  }
}

/** Both files or neither: an empty one would take the number, and a full disk leaves just that. */
function writeBoth(directory: string, files: readonly (readonly [path: string, text: string])[]): void {
  const made: string[] = [];
  try {
    makeFolder(directory, 0o777);
    for (const [path, text] of files) {
      const file = openSync(path, "wx");
      made.push(path);
      try {
        writeFileSync(file, text);
      } finally {
        closeSync(file);
      }
    }
  } catch (cause) {
    for (const path of made) rmSync(path, { force: true });
    const hint = "look at the folder's rights and free space, or choose another one with --dir";
    const code = isOutOfSpace(cause) ? "E_DISK_FULL" : "E_FILE";
    throw new RoomctlError(code, `cannot write a migration into ${directory}: ${messageOf(cause)}`, { hint, cause });
  }
}

const upTemplate = `-- What this brings, and why.
-- It runs in one transaction, and may run again on a database that already has it: guard every statement.

-- create table if not exists public.things (
--   thing_id uuid primary key default gen_random_uuid()
-- );
`;

const downTemplate = `-- Takes away what the up file brings, in the opposite order.

-- drop table if exists public.things;
`;
