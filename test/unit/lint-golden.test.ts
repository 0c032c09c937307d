import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/core/package-root.js";
import { loadParser } from "../../src/db/parse.js";
import { lintMigrations } from "../../src/lint/lint.js";
import type { LintRule } from "../../src/lint/rule.js";
import { lintRules } from "../../src/lint/rules.js";

const folder = join(packageRoot, "test", "golden", "lint");
const golden = `${folder}.txt`;
const names = readdirSync(folder).filter((name) => name !== "schema.sql");

/** The migrations of the folder, in the styles of several frameworks, each by itself after `schema.sql`. */
async function findingsOf(rules: readonly LintRule[]): Promise<readonly string[]> {
  const parser = await loadParser();
  const read = (name: string) => ({ name, up: { path: name, sql: readFileSync(join(folder, name), "utf8") } });
  return names.flatMap((name) => {
    const { findings } = lintMigrations(parser, [read(name)], { rules, before: [read("schema.sql")], sets: "one" });
    return findings.map(({ rule, severity, line }) => `${name}:${line} ${rule} ${severity}`);
  });
}

test("real migrations have exactly the known findings (ROOMCTL_UPDATE_GOLDEN=1 rewrites them)", async () => {
  const found = `${(await findingsOf(lintRules)).join("\n")}\n`;
  if (process.env["ROOMCTL_UPDATE_GOLDEN"]) writeFileSync(golden, found);
  expect(found).toBe(readFileSync(golden, "utf8"));
});

test("a rule finds nothing beyond the kinds of statement that it says it looks at", async () => {
  const withoutKinds = lintRules.map(({ looksAt, ...rule }) => rule);
  expect(await findingsOf(withoutKinds)).toEqual(await findingsOf(lintRules));
});
