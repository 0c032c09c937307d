import type { Parser } from "../db/parse.js";
import { type ParsedMigration, parseMigration } from "./build.js";
import type { MigrationFile } from "./files.js";
import type { MigrationHistory } from "./history.js";
import { requireMigration } from "./names.js";

/** Which migrations are looked at, and which are only built before them. */
export interface MigrationChoice {
  readonly applied: readonly ParsedMigration[];
  readonly pending: readonly ParsedMigration[];
  /** What the scratch server cannot know of the target. */
  readonly warnings: readonly string[];
}

/** `all` of the files, those after one of them, or those that a database lacks. */
export type ChoiceRange =
  | { readonly kind: "all" }
  | { readonly kind: "since"; readonly migration: string }
  | { readonly kind: "pending"; readonly history: MigrationHistory };

/** Throws E_UNKNOWN_MIGRATION, or E_USAGE for a file with a transaction of its own. */
export function chooseMigrations(files: readonly MigrationFile[], range: ChoiceRange, parser: Parser): MigrationChoice {
  const isBuilt = builtBy(files, range);
  const parse = (file: MigrationFile) => parseMigration(parser, file);
  return {
    applied: files.filter(isBuilt).map(parse),
    pending: files.filter((file) => !isBuilt(file)).map(parse),
    warnings: range.kind === "pending" ? unlikeTarget(files, range.history) : [],
  };
}

function builtBy(files: readonly MigrationFile[], range: ChoiceRange): (file: MigrationFile) => boolean {
  if (range.kind === "all") return () => false;
  if (range.kind === "since") {
    const names = files.map(({ name }) => name);
    const last = names.indexOf(requireMigration(names, range.migration));
    return ({ name }) => names.indexOf(name) <= last;
  }
  const applied = new Set(range.history.records.filter(({ isApplied }) => isApplied).map(({ name }) => name));
  return ({ name }) => applied.has(name);
}

function unlikeTarget(files: readonly MigrationFile[], { records }: MigrationHistory): readonly string[] {
  const checksums = new Map(files.map(({ name, checksum }) => [name, checksum]));
  return records
    .filter(({ isApplied }) => isApplied)
    .flatMap(({ name, checksum }) => {
      const now = checksums.get(name);
      if (now === undefined) return [`${name} is applied on the target and has no file: the scratch schema lacks it`];
      return checksum !== null && checksum !== now
        ? [`${name} was changed after it was applied: the scratch schema is built from the file as it is now`]
        : [];
    });
}
