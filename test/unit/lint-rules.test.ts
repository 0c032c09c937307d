import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/core/package-root.js";
import type { LintFinding } from "../../src/lint/finding.js";
import { overviewPage } from "../../src/lint/overview-page.js";
import { rulePage } from "../../src/lint/rule-page.js";
import { lintRules } from "../../src/lint/rules.js";
import { lintExample } from "../support/lint.js";

test("every rule has an id in kebab-case of its own, and all that its page needs", () => {
  const ids = lintRules.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { id, title, why, safer, example } of lintRules) {
    expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    for (const text of [title, safer, ...why, example.bad, ...example.good]) expect(text.trim(), id).not.toBe("");
    expect(why.length, id).toBeGreaterThan(0);
    expect(example.good.length, id).toBeGreaterThan(0);
  }
});

describe.each(lintRules.map((rule) => [rule.id, rule] as const))("%s", (id, { example }) => {
  const before = example.before === undefined ? {} : { before: example.before };
  // Some statements are only ever safe because of what happened elsewhere: their good form says so in an ignore.
  const isOpen = ({ rule, ignoredBecause }: LintFinding) => rule === id && ignoredBecause === null;
  const found = async (sql: string) => (await lintExample(lintRules, { ...before, sql })).filter(isOpen);

  test("finds its bad example", async () => {
    expect(await found(example.bad)).not.toEqual([]);
  });

  test("has nothing to say of its good one", async () => {
    // Several files are several releases, the one applied before the next.
    for (const [index, sql] of example.good.entries()) {
      const earlier = [example.before ?? "", ...example.good.slice(0, index)].join(";\n");
      const findings = await lintExample(lintRules, { before: earlier, sql });
      expect(findings.filter(isOpen)).toEqual([]);
    }
  });
});

/** File name → text, of all that belongs into docs/lint. */
const pages = new Map([
  ["README.md", overviewPage(lintRules)],
  ...lintRules.map((rule) => [`${rule.id}.md`, rulePage(rule)] as const),
]);

test("docs/lint holds a page for every rule, made from the rule itself (ROOMCTL_UPDATE_GOLDEN=1 rewrites them)", () => {
  const folder = join(packageRoot, "docs", "lint");
  if (process.env["ROOMCTL_UPDATE_GOLDEN"]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    for (const [name, lines] of pages) writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
  }
  expect(existsSync(folder) ? readdirSync(folder).sort() : []).toEqual([...pages.keys()].sort());
  for (const [name, lines] of pages) {
    expect(readFileSync(join(folder, name), "utf8"), name).toBe(`${lines.join("\n")}\n`);
  }
});
