import { RoomctlError } from "../core/errors.js";
import type { MigrationFile } from "../migrate/files.js";
import type { MigrationHistory } from "../migrate/history.js";

export interface AppliedFiles {
  /** In the order in which the database got them. */
  readonly applied: readonly MigrationFile[];
  /** What makes a comparison with them less certain. */
  readonly notes: readonly string[];
}

/**
 * The files that a database says it has. Pure. An edited file is taken as it is now, and noted: that its change is missing
 * from the database is a drift worth seeing. Throws E_SCHEMA when none is applied, or the file of one is missing.
 */
export function chooseApplied(
  files: readonly MigrationFile[],
  { records, isMigratorAtWork }: MigrationHistory,
  directory: string,
): AppliedFiles {
  const applied = records.filter(({ isApplied }) => isApplied).sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  if (applied.length === 0) throw nothingApplied(directory);
  const named = applied.map(({ name, checksum }) => ({ name, checksum, file: files.find((one) => one.name === name) }));
  const missing = named.filter(({ file }) => file === undefined).map(({ name }) => name);
  if (missing.length > 0) throw missingFiles(missing, directory);
  const edited = named.filter(({ checksum, file }) => checksum !== null && checksum !== file?.checksum);
  return {
    applied: named.flatMap(({ file }) => file ?? []),
    notes: [
      ...edited.map(({ name }) => `${name} was edited after it was applied: compared with the file as it is now`),
      ...(isMigratorAtWork ? ["a migration is running now: look again when it is done"] : []),
    ],
  };
}

function nothingApplied(directory: string): RoomctlError {
  return new RoomctlError(
    "E_SCHEMA",
    `no migration was ever applied here, so there is nothing that ${directory} should have built`,
    {
      hint: "apply them with: roomctl migrate, or look at another database with --database-url",
    },
  );
}

function missingFiles(names: readonly string[], directory: string): RoomctlError {
  const [first, ...others] = names;
  const more = others.length > 0 ? `, and ${others.join(", ")}` : "";
  return new RoomctlError(
    "E_SCHEMA",
    `${first}${more} ${others.length > 0 ? "are" : "is"} applied, but not in ${directory}`,
    {
      hint: "compare with the folder of the release that applied it: roomctl migrate drift --dir DIR",
    },
  );
}
