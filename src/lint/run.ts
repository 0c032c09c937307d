import { loadParser } from "../db/parse.js";
import type { Database } from "../db/pool.js";
import type { MigrationFile } from "../migrate/files.js";
import { readHistory } from "../migrate/history.js";
import { requireMigration } from "../migrate/names.js";
import { joinReports, type LintReport, type LintSource, lintMigrations } from "./lint.js";
import { readModel, sizesIn } from "./model-read.js";
import { createModelStore } from "./model-store.js";
import { lintRules } from "./rules.js";

/**
 * What was linted, and against what. `pending`: what the database does not have yet, as one release. `since`: the
 * migrations behind a named one, as one release. `every file`: each by itself, knowing the files before it. `file`: SQL
 * files outside of the folder of migrations, each by itself.
 */
export interface LintResult extends LintReport {
  readonly basis: "pending" | "since" | "every file" | "file";
  /** Names, in order; of files outside of the folder their paths. */
  readonly migrations: readonly string[];
  /** The database whose schema or sizes were looked at; null when the files alone were. */
  readonly database: string | null;
}

export interface LintSelection {
  /** A name, a number or the beginning of a name: the migrations behind it are linted. */
  readonly since?: string;
  /** Every file, applied or not. */
  readonly all: boolean;
  /** Names, numbers or beginnings of names: only of these is told, whatever is linted. */
  readonly only?: readonly string[];
}

/**
 * Lints migrations with every rule. With a database it reads the schema and the sizes of the tables there; it writes
 * nothing to it. Throws E_UNKNOWN_MIGRATION for a `since` or `only` that is not there.
 */
export async function lintFiles(
  files: readonly MigrationFile[],
  { since, all, only }: LintSelection,
  database?: Database,
): Promise<LintResult> {
  const parser = await loadParser();
  const names = files.map(({ name }) => name);
  const named = only && new Set(only.map((one) => requireMigration(names, one)));
  const told = { rules: lintRules, ...(named ? { only: named } : {}) };
  const isTold = ({ name }: MigrationFile) => named?.has(name) ?? true;
  const target = database && (await readModel(database));
  const url = database?.url ?? null;
  if (target && database && since === undefined && !all) {
    const pending = await readPending(files, database);
    // One that is applied is not among them: then it is looked at as --all does.
    if (named === undefined || pending.filter(isTold).length === named.size) {
      const report = lintMigrations(parser, pending, { ...told, store: target, sets: "one" });
      return { ...report, basis: "pending", migrations: namesOf(pending.filter(isTold)), database: url };
    }
  }
  const [before, chosen] = splitAt(files, since);
  // The target is at another point of the migrations than these files begin at: of it, the sizes only.
  const sizes = target && { sizes: sizesIn(target) };
  const store = createModelStore({ isComplete: false, searchPath: ["public"], ...sizes });
  const sets = since === undefined ? "each" : "one";
  const report = lintMigrations(parser, chosen, { ...told, before, store, sets });
  const basis = since === undefined ? "every file" : "since";
  return { ...report, basis, migrations: namesOf(chosen.filter(isTold)), database: url };
}

/** Lints SQL files that are in no folder of migrations, each by itself: on the database's schema, where there is one. */
export async function lintLooseFiles(sources: readonly LintSource[], database?: Database): Promise<LintResult> {
  const parser = await loadParser();
  const reports: LintReport[] = [];
  for (const source of sources) {
    // Each file changes the model: the next one begins with the target's again.
    const store = database === undefined ? {} : { store: await readModel(database) };
    reports.push(lintMigrations(parser, [source], { rules: lintRules, sets: "one", ...store }));
  }
  return {
    ...joinReports(reports),
    basis: "file",
    migrations: namesOf(sources),
    database: database?.url ?? null,
  };
}

function namesOf(files: readonly LintSource[]): readonly string[] {
  return files.map(({ name }) => name);
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
