import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import { readMigrationFiles } from "./files.js";

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
  assertTitle(title);
  const name = `${nextNumber(directory)}_${title}`;
  const upPath = join(directory, `${name}.up.sql`);
  const downPath = join(directory, `${name}.down.sql`);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(upPath, upTemplate, { flag: "wx" });
    writeBeside(upPath, downPath);
  } catch (cause) {
    throw new RoomctlError("E_FILE", `cannot write the files of ${name}: ${messageOf(cause)}`, { cause });
  }
  return { name, upPath, downPath };
}

function assertTitle(title: string): void {
  if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(title) && title.length <= 100) return;
  throw new RoomctlError("E_USAGE", `not a name for a migration: ${JSON.stringify(title)}`, {
    hint: "write it in lower-case words with hyphens: roomctl migrate new add-something",
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

function writeBeside(upPath: string, downPath: string): void {
  try {
    writeFileSync(downPath, downTemplate, { flag: "wx" });
  } catch (error) {
    rmSync(upPath);
    throw error;
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
