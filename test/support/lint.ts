import { loadParser } from "../../src/db/parse.js";
import type { LintFinding } from "../../src/lint/finding.js";
import { lintMigrations } from "../../src/lint/lint.js";
import type { LintRule } from "../../src/lint/rule.js";

export interface LintExample {
  /** A migration applied before: its tables are old. */
  readonly before?: string;
  /** The pending migration, or several: one set, in order. */
  readonly sql: string | readonly string[];
}

/**
 * Runs rules over a migration without any database, and returns their findings in the order of the text. The files are
 * `0002_example.up.sql`, `0003_example.up.sql` …; lines and columns are those of the given text.
 *
 * ```ts
 * const findings = await lintExample(rule, { before: "CREATE TABLE users (id int)", sql: "CREATE INDEX i ON users (id)" });
 * expect(findings).toMatchObject([{ rule: "index-not-concurrent", line: 1, column: 1, message: "…", saferSql: "…" }]);
 * ```
 */
export async function lintExample(
  rules: LintRule | readonly LintRule[],
  { before = "", sql }: LintExample,
): Promise<readonly LintFinding[]> {
  const parser = await loadParser();
  const texts = typeof sql === "string" ? [sql] : sql;
  const { findings } = lintMigrations(
    parser,
    texts.map((text, index) => exampleFile(text, index + 2)),
    {
      rules: Array.isArray(rules) ? rules : [rules as LintRule],
      before: [exampleFile(before, 1)],
      sets: "one",
    },
  );
  return findings;
}

function exampleFile(sql: string, version: number) {
  const name = `${String(version).padStart(4, "0")}_example`;
  return { name, up: { path: `${name}.up.sql`, sql } };
}
