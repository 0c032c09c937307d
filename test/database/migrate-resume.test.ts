import { expect, test } from "vitest";
import type { Database } from "../../src/db/pool.js";
import { type ApplyOptions, applyMigrations } from "../../src/migrate/apply.js";
import { applyDown, planDown } from "../../src/migrate/down.js";
import { applyFake, planBaseline, planFakeDown } from "../../src/migrate/fake.js";
import { readMigrationStatus } from "../../src/migrate/status.js";
import { untilBlocked } from "../support/blocked.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase } from "../support/postgres.js";

function apply(database: Database, directory: string, options: Partial<ApplyOptions> = {}) {
  return applyMigrations(database, { directory, environment: "development", lockWaitMs: 20_000, ...options });
}

/** Applies one file twice, corrected in between, and returns the database of both runs to `check`. */
async function applyCorrected(first: string, second: string, check: (database: Database) => Promise<void>) {
  using folder = createMigrationFolder({
    "1_a.up.sql": "CREATE TABLE users (email text); CREATE TABLE c (n int); INSERT INTO c VALUES (1)",
    "2_b.up.sql": first,
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  expect((await apply(database, folder.directory)).failure?.migration).toBe("2_b");
  folder.write("2_b.up.sql", second);
  const result = await apply(database, folder.directory);
  expect(result.failure).toBeNull();
  await check(database);
}

test("an index of a mistyped table is built once the table is corrected, not taken for done", async () => {
  await applyCorrected(
    "CREATE INDEX CONCURRENTLY ON usrs (email)",
    "CREATE INDEX CONCURRENTLY ON users (email)",
    async (database) => {
      expect(await database.query("SELECT relname FROM pg_class WHERE relname = 'users_email_idx'")).toHaveLength(1);
    },
  );
});

test.each([
  "DROP INDEX CONCURRENTLY no_such_index",
  "CREATE TABLE p (n int) PARTITION BY RANGE (n); CREATE TABLE q (n int); ALTER TABLE p DETACH PARTITION q CONCURRENTLY",
  "CREATE DATABASE postgres",
])("what never could be done is not found done by running it again: %s", async (sql) => {
  using folder = createMigrationFolder({ "1_a.up.sql": sql });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  for (let round = 0; round < 2; round += 1) {
    expect((await apply(database, folder.directory)).failure?.code).toBe("E_MIGRATION_FAILED");
  }
});

test("what was done outside of a transaction is not done again because the file could run in one by now", async () => {
  await applyCorrected(
    "UPDATE c SET n = n + 1; CREATE INDEX CONCURRENTLY i ON c (nn)",
    "UPDATE c SET n = n + 1; CREATE INDEX i ON c (n)",
    async (database) => expect(await database.query("SELECT n FROM c")).toEqual([{ n: 2 }]),
  );
});

test("a migrator waits for the session of one that lost its lock, and does not run the migration again", async () => {
  using folder = createMigrationFolder({
    "1_a.up.sql": "CREATE TABLE t (n int); INSERT INTO t VALUES (0)",
    "2_b.up.sql": "UPDATE t SET n = n + 1; SELECT pg_advisory_xact_lock(1)",
  });
  await using scratch = await createScratchDatabase();
  await using first = await scratch.open({ lockTimeoutMs: 0 });
  await using second = await scratch.open();
  await apply(first, folder.directory, { count: 1 });
  await using holder = await second.connect();
  await holder.execute("BEGIN; SELECT pg_advisory_xact_lock(1)");
  const slow = apply(first, folder.directory);
  await untilBlocked(second);
  // The lock `change` is that of the session which does nothing meanwhile.
  const ended = await second.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_locks USING (pid)
      WHERE state = 'idle' AND locktype = 'advisory' AND datname = current_database()`,
  );
  expect(ended).toHaveLength(1);
  let tries = 0;
  await using next = await scratch.open({
    onStatement: (sql) => {
      if (!sql.startsWith("SELECT pg_try_advisory_lock")) return;
      tries += 1;
      // It has met the session again and again, which may end now.
      if (tries === 4) void holder.execute("COMMIT");
    },
  });
  const [one, two] = await Promise.all([slow, apply(next, folder.directory)]);
  expect(tries).toBeGreaterThan(3);
  expect([one.failure, two.failure, two.steps.map(({ name }) => name)]).toEqual([null, null, []]);
  expect(await second.query("SELECT n FROM t")).toEqual([{ n: 1 }]);
});

test("a table goes into the first schema of the database's search_path that is there when it is made", async () => {
  using folder = createMigrationFolder({
    "1_a.up.sql": "CREATE SCHEMA app",
    "2_b.up.sql": "CREATE TABLE users (n int)",
  });
  await using scratch = await createScratchDatabase();
  {
    await using database = await scratch.open();
    await database.execute(`ALTER DATABASE "${scratch.target.database}" SET search_path = app, "$user", public`);
  }
  await using database = await scratch.open();
  expect((await apply(database, folder.directory)).failure).toBeNull();
  expect(await database.query("SELECT to_regclass('app.users') IS NOT NULL AS there")).toEqual([{ there: true }]);
});

test("a role and a time zone that a file sets do not reach roomctl's own notes", async () => {
  using folder = createMigrationFolder({
    "1_a.up.sql":
      "-- roomctl:no-transaction\nSET ROLE pg_read_all_data;\nSET TIME ZONE 'Asia/Tokyo';\nSELECT 1;\nRESET ROLE;\nCREATE TABLE a (n int)",
    "2_b.up.sql": "SET TIME ZONE 'Asia/Tokyo'; CREATE TABLE b (n int)",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  expect((await apply(database, folder.directory)).failure).toBeNull();
  const { migrations } = await readMigrationStatus(database, folder.directory);
  for (const { appliedAt } of migrations) expect(Math.abs(Date.now() - Number(appliedAt))).toBeLessThan(60_000);
});

test("what the parser cannot know to run outside of a transaction is tried inside, then outside", async () => {
  using folder = createMigrationFolder({
    "1_a.up.sql":
      "-- roomctl:no-transaction\nCREATE TABLE p (n int) PARTITION BY RANGE (n);\nCREATE INDEX ON p (n);\nREINDEX TABLE p;",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  expect((await apply(database, folder.directory)).failure).toBeNull();
});

test("an interrupted undoing goes on where it ended, and only with the statements that it did unchanged", async () => {
  const down = (third: string) => `-- roomctl:no-transaction\nDROP TABLE t;\nDROP TABLE u;\n${third};\nDROP TABLE v;`;
  using folder = createMigrationFolder({
    "1_a.up.sql": "CREATE TABLE t (n int); CREATE TABLE u (n int); CREATE TABLE v (n int)",
    "1_a.down.sql": down("VACUUM nowhere"),
  });
  const { directory } = folder;
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await apply(database, directory);
  const undo = async () => applyDown(database, await planDown(database, directory, {}), { directory, lockWaitMs: 0 });
  expect((await undo()).failure).toMatchObject({ line: 4 });
  folder.write("1_a.down.sql", down("VACUUM v").replace("DROP TABLE t", "DROP TABLE IF EXISTS t"));
  await expect(undo()).rejects.toMatchObject({ code: "E_MIGRATION_EDITED" });
  folder.write("1_a.down.sql", down("VACUUM v"));
  expect((await undo()).failure).toBeNull();
  expect(await database.query("SELECT FROM pg_class WHERE relname IN ('t', 'u', 'v')")).toEqual([]);
});

test.each([
  ["\\connect other\nSELECT 1;", /1_a\.up\.sql:1 is for psql alone: \\connect/],
  ["CREATE TABLE a (n int);\nCOPY a FROM stdin;\n1\n\\.\n", /1_a\.up\.sql:2 is for psql alone: COPY a FROM stdin/],
])("what only psql could run is refused before anything runs: %j", async (sql, message) => {
  using folder = createMigrationFolder({ "1_a.up.sql": sql });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await expect(apply(database, folder.directory)).rejects.toMatchObject({ code: "E_USAGE", message });
});

test("files of another tool with a transaction of their own can be taken over, and taken back without a down file", async () => {
  using folder = createMigrationFolder({ "1_a.up.sql": "BEGIN; CREATE TABLE a (n int); COMMIT;" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE a (n int)");
  const planAgain = () => planBaseline(database, folder.directory, "1");
  await applyFake(database, await planAgain(), { waitMs: 0, planAgain });
  const down = () => planFakeDown(database, folder.directory, {});
  expect((await applyFake(database, await down(), { waitMs: 0, planAgain: down })).steps).toHaveLength(1);
});

test("a check that fails at COMMIT is told as that, not as the last statement's fault", async () => {
  using folder = createMigrationFolder({
    "1_a.up.sql":
      "CREATE TABLE a (n int PRIMARY KEY); CREATE TABLE b (n int REFERENCES a DEFERRABLE INITIALLY DEFERRED); INSERT INTO b VALUES (1); SELECT 1",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  expect((await apply(database, folder.directory)).failure).toMatchObject({
    sqlState: "23503",
    line: null,
    message: expect.stringContaining("1_a.up.sql at COMMIT; it was rolled back"),
  });
});

test("an empty down file undoes nothing", async () => {
  using folder = createMigrationFolder({ "1_a.up.sql": "CREATE TABLE a (n int)", "1_a.down.sql": "-- nothing yet" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await apply(database, folder.directory);
  await expect(planDown(database, folder.directory, {})).rejects.toMatchObject({
    code: "E_USAGE",
    message: expect.stringContaining("holds no statement yet"),
  });
});
