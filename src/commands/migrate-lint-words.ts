import { basename, dirname, resolve } from "node:path";
import type { LintSource } from "../lint/lint.js";
import { readSqlFile } from "../migrate/files.js";
import { splitParts } from "../migrate/layout.js";

/** What the words of a command line ask for. */
export interface LintWords {
  /** Migrations of the folder, by name, number or the beginning of a name. */
  readonly names: readonly string[];
  /** SQL files outside of the folder. */
  readonly loose: readonly LintSource[];
  /** Files that undo a migration: what these do is meant to drop, and is not linted. */
  readonly downs: readonly string[];
}

/**
 * Sorts words into migrations and files. A path to a file of the folder is that migration, so that the files before it are
 * known; editors and commit hooks name files so. Throws E_FILE for a path that cannot be read.
 */
export function readLintWords(words: readonly string[], directory: string): LintWords {
  const paths = words.filter((word) => /\.sql$/i.test(word));
  const downs = paths.filter((path) => /\.down\.sql$/i.test(path));
  const ups = paths.filter((path) => !downs.includes(path));
  const isOfFolder = (path: string) => resolve(dirname(path)) === resolve(directory);
  return {
    names: [
      ...words.filter((word) => !paths.includes(word)),
      ...ups.filter(isOfFolder).map((path) => basename(path).replace(/(?:\.up)?\.sql$/i, "")),
    ],
    loose: ups
      .filter((path) => !isOfFolder(path))
      .map((path) => ({ name: path, up: splitParts(path, readSqlFile(path).sql).up })),
    downs,
  };
}
