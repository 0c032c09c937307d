import { expect, test } from "vitest";
import { loadParser } from "../../src/db/parse.js";
import { type LockedTable, lockedTables, stopsWrites } from "../../src/lint/locked-tables.js";
import type { LintRule } from "../../src/lint/rule.js";
import { lintRules } from "../../src/lint/rules.js";
import { lintExample } from "../support/lint.js";
import { measure, measureEach, type RelationTruth, truthRows, truthSchema } from "../support/lint-truth.js";
import { truthTable } from "../support/lint-truth-table.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

/** What the rules say that happens while nobody can write. The others speak of short locks, or of other things. */
const claims: Readonly<Record<string, "rewrite" | "scan">> = {
  "add-column-volatile-default": "rewrite",
  "add-column-serial": "rewrite",
  "add-column-identity": "rewrite",
  "add-column-stored-generated": "rewrite",
  "set-expression": "rewrite",
  "alter-column-type": "rewrite",
  "set-unlogged": "rewrite",
  "set-logged": "rewrite",
  "set-access-method": "rewrite",
  "set-tablespace": "rewrite",
  cluster: "rewrite",
  "refresh-matview-not-concurrent": "rewrite",
  "index-not-concurrent": "scan",
  "reindex-not-concurrent": "scan",
  "alter-column-type-rebuild": "scan",
  "set-not-null": "scan",
  "add-check-valid": "scan",
  "add-unique": "scan",
  "add-primary-key": "scan",
  "add-exclusion": "scan",
  "alter-domain-constraint": "scan",
  "add-fk-valid": "scan",
  "validate-in-same-tx": "scan",
  "attach-partition-scan": "scan",
};

const writeBlocking = ["Share", "ShareRowExclusive", "Exclusive", "AccessExclusive"];

/** Which tables have the domain, and which partitions a table has, is not known to the rules. */
const isBeyondModel = /^(?:ALTER DOMAIN|CREATE INDEX \w+ ON events|ALTER TABLE events (?:ADD|ALTER))/;

/** The worst that happened to a table that others could not write meanwhile. */
function truthOf(relations: readonly RelationTruth[]): "rewrite" | "scan" | "nothing" {
  const closed = relations.filter(({ mode }) => mode !== undefined && writeBlocking.includes(mode));
  if (closed.some(({ isRewritten }) => isRewritten)) return "rewrite";
  return closed.some(({ rowsRead }) => rowsRead > 0) ? "scan" : "nothing";
}

async function claimOf(sql: string): Promise<"rewrite" | "scan" | "nothing"> {
  const findings = await lintExample(lintRules, { before: truthSchema, sql });
  const said = findings.filter(({ severity }) => severity !== "info").map(({ rule }) => claims[rule]);
  return said.includes("rewrite") ? "rewrite" : said.includes("scan") ? "scan" : "nothing";
}

/** The strongest lock that the rules take each old table to get: `users AccessExclusive`. */
async function expectedLocks(sql: string): Promise<readonly string[]> {
  const locks: LockedTable[] = [];
  const { looksAt, ...rule } = lintRules[0] as LintRule;
  const listen: LintRule = {
    ...rule,
    check(statement, context) {
      locks.push(
        ...lockedTables(statement, context).filter(
          ({ table, mode }) => stopsWrites(mode) && !context.model.table(table)?.isNew,
        ),
      );
      return [];
    },
  };
  await lintExample(listen, { before: truthSchema, sql });
  const names = [...new Set(locks.map(({ table }) => table.name))];
  const strongest = (name: string) =>
    ["AccessExclusive", "Exclusive", "ShareRowExclusive", "Share", "ShareUpdateExclusive"].find((mode) =>
      locks.some((lock) => lock.table.name === name && lock.mode === mode),
    );
  return names.map((name) => `${name} ${strongest(name)}`).sort();
}

for (const server of serverNames) {
  const cases = truthTable.filter(({ since }) => since === undefined || server === "postgres18");

  test(`on ${server} the rules say rewrite or scan exactly where PostgreSQL does one under a lock that stops writes`, async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    await connection.execute(truthSchema);
    await connection.execute(truthRows);
    const wrong: string[] = [];
    const counts = { rewrite: 0, scan: 0, nothing: 0 };
    for (const { sql } of cases) {
      const [truth, claim] = [truthOf(await measure(connection, sql)), await claimOf(sql)];
      counts[truth] += 1;
      if (truth !== claim) wrong.push(`${sql}: PostgreSQL does ${truth}, lint says ${claim}`);
    }
    process.stdout.write(
      `${server}: ${cases.length} statements, truth ${JSON.stringify(counts)}, ${wrong.length} wrong\n`,
    );
    expect(wrong).toEqual([]);
    expect(counts.rewrite).toBeGreaterThan(15);
    expect(counts.scan).toBeGreaterThan(15);
    expect(counts.nothing).toBeGreaterThan(15);
  });

  test(`on ${server} the locks that multiple-locks-one-tx reckons with are those in pg_locks`, async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    await connection.execute(truthSchema);
    await connection.execute(truthRows);
    const wrong: string[] = [];
    for (const { sql } of cases) {
      const real = (await measure(connection, sql))
        .filter(({ mode }) => mode !== undefined && writeBlocking.includes(mode))
        .map(({ name, mode }) => `${name} ${mode}`);
      const expected = isBeyondModel.test(sql) ? real : await expectedLocks(sql);
      if (real.join() !== expected.join()) wrong.push(`${sql}: pg_locks ${real.join()}, lint ${expected.join()}`);
    }
    expect(wrong).toEqual([]);
  });
}

test("each step of each safer form runs, and does neither a rewrite nor a scan under a lock that stops writes", async () => {
  const parser = await loadParser();
  await using template = await createScratchDatabase();
  {
    await using filled = await template.open();
    await filled.execute(truthSchema);
    await filled.execute(truthRows);
  }
  let count = 0;
  for (const { sql } of truthTable.filter((one) => parser.parse(one.sql).length === 1)) {
    for (const { rule, saferSql } of await lintExample(lintRules, { before: truthSchema, sql })) {
      // What only a person can fill in is left as an ellipsis.
      if (!(rule in claims) || saferSql === null || saferSql.includes("…")) continue;
      await using scratch = await createScratchDatabase({ template: template.target.database });
      await using database = await scratch.open();
      await using connection = await database.connect();
      for (const step of saferSql.split(/^-- .*:\n/m).filter((text) => text.trim() !== "")) {
        const statements = parser.parse(step).map(({ text }) => text);
        if (!/CONCURRENTLY/.test(step)) {
          const truths = (await measureEach(connection, statements)).map(truthOf);
          expect([step, ...truths]).toEqual([step, ...statements.map(() => "nothing")]);
        }
        for (const statement of statements) await connection.execute(statement);
      }
      count += 1;
    }
  }
  process.stdout.write(`${count} safer forms run\n`);
  expect(count).toBeGreaterThan(30);
});
