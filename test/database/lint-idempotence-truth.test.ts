import { describe, expect, test } from "vitest";
import { formatName, quoteName } from "../../src/db/identifier.js";
import { loadParser } from "../../src/db/parse.js";
import type { Database } from "../../src/db/pool.js";
import { compareSnapshots, readSchemaSnapshot } from "../../src/db/snapshot.js";
import { codeOf } from "../../src/db/sqlstate.js";
import { lintRules } from "../../src/lint/rules.js";
import { runScript } from "../../src/migrate/build.js";
import { parseScript } from "../../src/migrate/script.js";
import { lintExample } from "../support/lint.js";
import { type RerunCase, rerunCases } from "../support/lint-idempotence-cases.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const parser = await loadParser();
const rules = lintRules.filter(({ topic }) => topic === "idempotence");

async function run(database: Database, sql: string): Promise<void> {
  await using connection = await database.connect();
  await runScript(connection, "0001_case", parseScript(parser, { path: "0001_case.up.sql", sql }));
}

/** All rows of all tables, and the sequences that belong to no column. */
async function readRows(database: Database): Promise<string> {
  const relations = await database.query<{ schema: string; name: string; relkind: string }>(
    `SELECT nspname AS schema, relname AS name, relkind FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
      WHERE relkind IN ('r', 'm', 'S') AND nspname !~ '^pg_' AND nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i') AND relkind = 'S')
      ORDER BY 1, 2`,
  );
  const rows: string[] = [];
  for (const { relkind, ...name } of relations) {
    const what = relkind === "S" ? "last_value::text" : "jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)::text)::text";
    const [row] = await database.query<{ text: string | null }>(`SELECT ${what} AS text FROM ${quoteName(name)} AS t`);
    rows.push(`${formatName(name)}: ${row?.text ?? "nothing"}`);
  }
  return rows.join("\n");
}

/** Runs a migration, lets the app work, runs it again, and tells what was different then. Leaves the database empty. */
async function secondRun(database: Database, { setup = "", sql, between }: RerunCase): Promise<string> {
  await database.execute(emptyDatabase);
  if (setup !== "") await database.execute(setup);
  await run(database, sql);
  if (between !== undefined) await database.execute(between);
  const [schema, rows] = [await readSchemaSnapshot(database), await readRows(database)];
  try {
    await run(database, sql);
  } catch (error) {
    return codeOf(error instanceof Error ? error.cause : error) ?? String(error);
  }
  if (compareSnapshots(schema, await readSchemaSnapshot(database)).length > 0) return "schema";
  return (await readRows(database)) === rows ? "clean" : "rows";
}

const emptyDatabase = `
  DROP PUBLICATION IF EXISTS stream;
  DROP SCHEMA IF EXISTS app, public CASCADE;
  CREATE SCHEMA public;`;

describe.each(serverNames)("on %s", (server) => {
  test(`each of ${rerunCases.length} migrations that a second run breaks or changes is found, and no clean one is an error`, async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const wrong: string[] = [];
    const counts = { failing: 0, changing: 0, clean: 0, cleanWithWarning: 0 };
    for (const one of rerunCases) {
      const outcome = await secondRun(database, one);
      if (outcome !== one.outcome) wrong.push(`${one.sql}: expected ${one.outcome}, PostgreSQL says ${outcome}`);
      const findings = await lintExample(rules, { before: one.setup ?? "", sql: one.sql });
      const found = findings.map(({ rule, severity }) => `${rule} (${severity})`).join(", ");
      if (outcome === "clean") {
        counts.clean += 1;
        if (findings.some(({ severity }) => severity === "warning")) counts.cleanWithWarning += 1;
        if (findings.some(({ severity }) => severity !== "info")) wrong.push(`false alarm: ${one.sql}: ${found}`);
      } else {
        counts[outcome === "schema" || outcome === "rows" ? "changing" : "failing"] += 1;
        if (findings.every(({ severity }) => severity === "info"))
          wrong.push(`missed: ${one.sql}: ${outcome}; ${found}`);
        // Silent is worse than loud.
        if (outcome === "schema" && !findings.some(({ severity }) => severity === "error")) {
          wrong.push(`not an error: ${one.sql}: ${found}`);
        }
      }
    }
    process.stderr.write(`${server}: ${JSON.stringify(counts)}\n`);
    expect(wrong).toEqual([]);
  });

  test("each safer form of a single statement runs twice, and makes the same schema as the statement", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const wrong: string[] = [];
    let tried = 0;
    for (const one of rerunCases) {
      const findings = await lintExample(rules, { before: one.setup ?? "", sql: one.sql });
      const [safer, ...others] = findings.flatMap(({ saferSql }) => saferSql ?? []);
      if (safer === undefined || others.length > 0 || parser.parse(one.sql).length > 1) continue;
      tried += 1;
      // Inside a body it is an IF.
      const sql = one.sql.startsWith("DO ") ? `DO $$ BEGIN ${safer} END $$` : safer;
      const outcome = await secondRun(database, { ...one, sql }).catch((error: unknown) => `first run: ${error}`);
      if (outcome !== "clean") wrong.push(`${sql}: ${outcome}`);
      const again = await lintExample(rules, { before: one.setup ?? "", sql });
      const still = again.filter(({ severity }) => severity !== "info").map(({ rule }) => rule);
      if (still.length > 0) wrong.push(`${sql}: still ${still}`);
    }
    expect(wrong).toEqual([]);
    expect(tried).toBeGreaterThan(30);
  });
});

test("without any one of the rules, a migration that a second run breaks would be missed", async () => {
  const needed = new Set<string>();
  for (const { setup = "", sql } of rerunCases) {
    const findings = await lintExample(rules, { before: setup, sql });
    const found = new Set(findings.filter(({ severity }) => severity !== "info").map(({ rule }) => rule));
    if (found.size === 1) for (const rule of found) needed.add(rule);
  }
  // Not asked of a server here: a first run that fails, objects of the whole cluster, and what only the model knows.
  const others = [
    "duplicate-name",
    "unguarded-catalog-call",
    "shape-blind-if-not-exists",
    "concurrent-index-if-not-exists",
    "replace-view-columns",
  ];
  const missing = rules.map(({ id }) => id).filter((id) => !needed.has(id) && !others.includes(id));
  expect(missing).toEqual([]);
});
