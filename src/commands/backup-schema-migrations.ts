import { basename } from "node:path";
import { RoomctlError } from "../core/errors.js";
import { readSqlText } from "../core/sql-text.js";
import type { Database } from "../db/pool.js";
import { type DriftReport, findDrift } from "../drift/drift.js";
import { chooseApplied } from "../drift/history.js";
import { type MigrationFile, readMigrationFiles } from "../migrate/files.js";
import { readHistory } from "../migrate/history.js";
import { plural } from "../report/text.js";
import { openScratchServer, type ScratchChoice, type ScratchContext } from "./scratch-options.js";

/** The files that built a database, as they lie in its folder. */
export interface MigrationSet {
  /** Down files as well: who restores may want to go back. */
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly count: number;
}

/**
 * The applied migrations of the configured folder, once a comparison on a scratch server of the same major version has
 * shown that they build exactly this database. Throws E_SCHEMA saying why they do not, and whatever `findDrift` throws.
 */
export async function describingMigrations(
  context: ScratchContext,
  database: Database,
  scratch: ScratchChoice,
): Promise<MigrationSet> {
  const directory = context.settings.migrationsDirectory.value;
  const all = readMigrationFiles(directory);
  const { applied, notes } = chooseApplied(all, await readHistory(database), directory);
  refuse(notes[0]);
  refuse(outOfOrder(applied, all));
  const report = await findDrift(database, {
    directory,
    openScratch: (majorVersion) => openScratchServer(scratch, context, majorVersion),
    mayCreateRoles: scratch.scratchUrl === undefined,
    onProgress: context.onProgress,
    signal: context.signal,
  });
  refuse(differenceOf(report));
  const paths = applied.flatMap(({ up, down }) => [...new Set([up.path, ...(down ? [down.path] : [])])]);
  return {
    files: paths.map((path) => ({ name: basename(path), text: readSqlText(path) })),
    count: applied.length,
  };
}

/** They would be applied in the order of their numbers, and may then build something else. */
function outOfOrder(applied: readonly MigrationFile[], all: readonly MigrationFile[]): string | undefined {
  const inOrder = all.filter((file) => applied.includes(file));
  const index = applied.findIndex((file, place) => file !== inOrder[place]);
  return applied[index] && `${applied[index].name} was applied out of the order of the numbers`;
}

function differenceOf({ findings, unread, ...report }: DriftReport): string | undefined {
  const { liveMajorVersion, scratchMajorVersion } = report;
  if (liveMajorVersion !== scratchMajorVersion) {
    return `they could be tried on PostgreSQL ${scratchMajorVersion} only, and the database is ${liveMajorVersion}`;
  }
  const [first, ...others] = findings;
  const more = others.length > 0 ? ` and ${plural(others.length, "more difference")}` : "";
  if (first) return `they do not build what is there: ${first.object}${more}`;
  return unread[0] && `this role may not read ${unread.join(", ")}, so that they cannot be compared`;
}

function refuse(why: string | undefined): void {
  if (why === undefined) return;
  throw new RoomctlError("E_SCHEMA", why, { hint: "see the differences with: roomctl migrate drift" });
}
