import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkCompatibility } from "../../src/compat/compat.js";
import { readStatementQueries } from "../../src/compat/statements.js";
import { destroyEmbedded, startEmbedded } from "../../src/db/embedded.js";
import { loadParser } from "../../src/db/parse.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { openScratch } from "../../src/db/scratch.js";
import type { DatabaseTarget } from "../../src/db/target.js";
import { parseMigration } from "../../src/migrate/build.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, type ServerName, serverNames, serverOptions } from "../support/postgres.js";

/** Servers of this file's own: only one that loads the library at its start can count statements. */
const root = mkdtempSync(join(tmpdir(), "roomctl-statements-"));
const options = (name: ServerName) => {
  const { settings, ...rest } = serverOptions(name, root);
  return { ...rest, settings: { ...settings, shared_preload_libraries: "pg_stat_statements" } };
};
const targets = new Map<ServerName, DatabaseTarget>();

beforeAll(async () => {
  for (const name of serverNames) targets.set(name, (await startEmbedded(options(name))).target);
});

afterAll(async () => {
  for (const name of serverNames) await destroyEmbedded(options(name));
  rmSync(root, { recursive: true, force: true });
});

function targetOf(name: ServerName): DatabaseTarget {
  const target = targets.get(name);
  if (target === undefined) throw new Error(`${name} was not started`);
  return target;
}

const schema = `CREATE TABLE users (id int PRIMARY KEY, name text, since timestamptz DEFAULT now());
  CREATE TABLE gone (n int)`;

async function useDatabase(database: Database): Promise<void> {
  await database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  await database.execute("CREATE SCHEMA IF NOT EXISTS stats");
  await database.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA stats");
  await database.execute(schema);
  await database.execute("SELECT stats.pg_stat_statements_reset()");
  for (let turn = 0; turn < 3; turn += 1) await database.query("SELECT name FROM users WHERE id = $1", [turn]);
  await database.query("SELECT name FROM users WHERE id = 5 OR name IN ('a', 'b', 'c')");
  await database.query("SELECT extract(epoch FROM since) FROM users WHERE since > now() - interval '1 day'");
  await database.query(
    "SELECT id FROM users WHERE since > timestamp with time zone '2020-01-01' AND since < date '2030-01-01'",
  );
  await database.query("SELECT count(*), date_trunc('day', since) FROM users GROUP BY 2 ORDER BY 2 LIMIT 5");
  await database.execute("INSERT INTO users (id, name) VALUES (1, 'a'), (2, 'b') ON CONFLICT DO NOTHING");
  await database.query("SELECT relname FROM pg_catalog.pg_class LIMIT 1");
  await database.execute("VACUUM users");
}

test.each(serverNames)(
  "what %s was asked is checked, most frequent first, and told what was passed over",
  async (name) => {
    await using database = await openDatabase(targetOf(name));
    await useDatabase(database);
    const parser = await loadParser();
    const set = await readStatementQueries(parser, database, 500);
    expect(set.queries[0]).toMatchObject({ calls: 3, sql: "SELECT name FROM users WHERE id = $1" });
    const reasons = new Set(set.skipped.map(({ reason }) => reason));
    expect([...reasons].some((reason) => reason.startsWith("VACUUM is no"))).toBe(true);
    expect(reasons).toContain("it reads the catalog or roomctl's own tables only");
    expect((await readStatementQueries(parser, database, 2)).queries).toHaveLength(2);

    using folder = createMigrationFolder({
      "1_old.up.sql": schema,
      "2_new.up.sql": "ALTER TABLE users RENAME since TO joined",
    });
    const [before, after] = readMigrationFiles(folder.directory).map((file) => [parseMigration(parser, file)]);
    const directory = mkdtempSync(join(tmpdir(), "roomctl-compat-"));
    await using server = await openScratch({ directory, target: targetOf("postgres18") });
    const report = await checkCompatibility(server, {
      before: before ?? [],
      after: after ?? [],
      set,
      migrationPath: "public",
      queryPath: "public",
    });
    rmSync(directory, { recursive: true });
    // Normalised constants (interval $1, extract($1 FROM …)) are no reason not to look.
    const broken = report.findings.map(({ kind, message }) => `${kind} ${message}`);
    expect(broken).toEqual([
      'broken column "since" does not exist',
      'broken column "since" does not exist',
      'broken column "since" does not exist',
    ]);
  },
);

test.each(serverNames)(
  "a role that may not read the statements of others on %s is told what to grant",
  async (name) => {
    await using owner = await openDatabase(targetOf(name));
    await useDatabase(owner);
    await owner.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT USAGE ON SCHEMA stats TO reader");
    {
      await using reader = await openDatabase({ ...targetOf(name), user: "reader", password: "reader" });
      // Its own statements are no statements of the app.
      await owner.execute("SELECT stats.pg_stat_statements_reset()");
      await owner.query("SELECT name FROM users");
      const set = readStatementQueries(await loadParser(), reader, 10);
      await expect(set).rejects.toMatchObject({
        code: "E_PRIVILEGE",
        hint: expect.stringContaining("pg_read_all_stats"),
      });
    }
    await owner.execute("REVOKE ALL ON SCHEMA stats FROM reader; DROP ROLE reader");
  },
);

test("without pg_stat_statements, or where the server does not load it, there is another way", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const parser = await loadParser();
  await expect(readStatementQueries(parser, database, 10)).rejects.toMatchObject({
    code: "E_USAGE",
    message: expect.stringContaining("not installed"),
    hint: expect.stringContaining("--queries"),
  });
  await database.execute("CREATE EXTENSION pg_stat_statements");
  await expect(readStatementQueries(parser, database, 10)).rejects.toMatchObject({
    code: "E_USAGE",
    message: expect.stringContaining("does not load it"),
    hint: expect.stringContaining("shared_preload_libraries"),
  });
});
