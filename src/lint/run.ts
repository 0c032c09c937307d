import type { Database } from "../db/pool.js";
import type { MigrationFile } from "../migrate/files.js";
import { readHistory } from "../migrate/history.js";
import { requireMigration } from "../migrate/names.js";
import { loadParser } from "../migrate/parse.js";
import { type LintReport, lintMigrations } from "./lint.js";
import { readModel, sizesIn } from "./model-read.js";
import { createModelStore } from "./model-store.js";
import { lintRules } from "./rules.js";

/**
 * What was linted, and against what. `pending`: what the database does not have yet, as one release. `since`: the
 * migrations behind a named one, as one release. `every file`: each by itself, knowing the files before it.
 */
export interface LintResult extends LintReport {
  readonly basis: "pending" | "since" | "every file";
  /** Names, in order. */
  readonly migrations: readonly string[];
  /** The database whose schema or sizes were looked at; null when the files alone were. */
  readonly database: string | null;
}

export interface LintSelection {
  /** A name, a number or the beginning of a name: the migrations behind it are linted. */
  readonly since?: string;
  /** Every file, applied or not. */
  readonly all: boolean;
}

/**
 * Lints migrations with every rule. With a database it reads the schema and the sizes of the tables there; it writes
 * nothing to it. Throws E_UNKNOWN_MIGRATION for a `since` that is not there.
 */
export async function lintFiles(
  files: readonly MigrationFile[],
  { since, all }: LintSelection,
  database?: Database,
): Promise<LintResult> {
  const parser = await loadParser();
  const target = database && (await readModel(database));
  const url = database?.url ?? null;
  if (target && database && since === undefined && !all) {
    const pending = await readPending(files, database);
    const report = lintMigrations(parser, pending, { rules: lintRules, store: target, sets: "one" });
    return { ...report, basis: "pending", migrations: pending.map(({ name }) => name), database: url };
  }
  const [before, chosen] = splitAt(files, since);
  // The target is at another point of the migrations than these files begin at: of it, the sizes only.
  const sizes = target && { sizes: sizesIn(target) };
  const store = createModelStore({ isComplete: false, searchPath: ["public"], ...sizes });
  const sets = since === undefined ? "each" : "one";
  const report = lintMigrations(parser, chosen, { rules: lintRules, before, store, sets });
  const basis = since === undefined ? "every file" : "since";
  return { ...report, basis, migrations: chosen.map(({ name }) => name), database: url };
}

async function readPending(files: readonly MigrationFile[], database: Database): Promise<readonly MigrationFile[]> {
  const { records } = await readHistory(database);
  const applied = new Set(records.filter(({ isApplied }) => isApplied).map(({ name }) => name));
  return files.filter(({ name }) => !applied.has(name));
}

function splitAt(
  files: readonly MigrationFile[],
  since: string | undefined,
): readonly [readonly MigrationFile[], readonly MigrationFile[]] {
  if (since === undefined) return [[], files];
  const names = files.map(({ name }) => name);
  const index = names.indexOf(requireMigration(names, since));
  return [files.slice(0, index + 1), files.slice(index + 1)];
}
