import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { statementFailure } from "../../src/db/failure.js";
import { readLockHolder, takeLock } from "../../src/db/lock.js";
import { readMarker } from "../../src/db/marker.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { readTables } from "../../src/db/schema.js";
import { type ApplyOptions, applyMigrations } from "../../src/migrate/apply.js";
import { applyDown, planDown } from "../../src/migrate/down.js";
import { untilBlocked } from "../support/blocked.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const twoTables = {
  "0001_add-a.up.sql": "CREATE TABLE a (n int);\nCREATE INDEX ON a (n);",
  "0001_add-a.down.sql": "DROP TABLE a;",
  "0002_add-b.up.sql": "CREATE TABLE b (n int)",
  "0002_add-b.down.sql": "DROP TABLE b",
};

function apply(database: Database, directory: string, options: Partial<ApplyOptions> = {}) {
  return applyMigrations(database, { directory, environment: "development", lockWaitMs: 20_000, ...options });
}

async function appliedNames(database: Database): Promise<readonly string[]> {
  const rows = await database.query<{ name: string }>("SELECT name FROM roomctl.migrations ORDER BY id");
  return rows.map(({ name }) => name);
}

async function tableNames(database: Database): Promise<readonly string[]> {
  const rows = await database.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

test.each(serverNames)("migrations on %s are applied in order and once", async (server) => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  const first = await apply(database, folder.directory);
  expect(first.failure).toBeNull();
  expect(first.steps.map(({ name, state, tries }) => [name, state, tries])).toEqual([
    ["0001_add-a", "done", 1],
    ["0002_add-b", "done", 1],
  ]);
  const second = await apply(database, folder.directory);
  expect(second.steps).toEqual([]);
  expect(await appliedNames(database)).toEqual(["0001_add-a", "0002_add-b"]);
  expect(await tableNames(database)).toEqual(["a", "b"]);
});

test("two migrators started together both succeed, and each migration is applied once", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  await using first = await scratch.open();
  await using second = await scratch.open();
  await using third = await scratch.open();
  const results = await Promise.all([first, second, third].map((database) => apply(database, folder.directory)));
  expect(results.map(({ failure }) => failure)).toEqual([null, null, null]);
  expect(results.flatMap(({ steps }) => steps.map(({ name }) => name))).toEqual(["0001_add-a", "0002_add-b"]);
  expect(await appliedNames(first)).toEqual(["0001_add-a", "0002_add-b"]);
});

test("with nothing pending a migrate takes no lock, writes nothing and is quick", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await apply(database, folder.directory);
  const statements: string[] = [];
  await using again = await scratch.open({ onStatement: (sql) => statements.push(sql) });
  let fastestMs = Number.POSITIVE_INFINITY;
  // One quick run shows what it costs: on a busy machine most of them wait for their turn.
  const endMs = performance.now() + 300_000;
  while (fastestMs >= 30 && performance.now() < endMs) {
    const startedMs = performance.now();
    await apply(again, folder.directory);
    fastestMs = Math.min(fastestMs, performance.now() - startedMs);
  }
  expect(fastestMs).toBeLessThan(30);
  expect(statements.filter((sql) => !/^(--[^\n]*\n)*\s*(SELECT|WITH)/.test(sql) || sql.includes("advisory"))).toEqual(
    [],
  );
});

test("a migration that fails is rolled back and located, those before it stay, those after it are skipped", async () => {
  using folder = createMigrationFolder({
    ...twoTables,
    "0002_add-b.up.sql":
      "-- a comment with an umlaut: ä😀\nCREATE TABLE b (n int);\nINSERT INTO b\n  VALUES ('é', nonsense);",
    "0003_add-c.up.sql": "CREATE TABLE c (n int)",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const result = await apply(database, folder.directory);
  expect(result.steps.map(({ name, state }) => [name, state])).toEqual([
    ["0001_add-a", "done"],
    ["0002_add-b", "failed"],
    ["0003_add-c", "skipped"],
  ]);
  expect(result.failure).toMatchObject({
    code: "E_MIGRATION_FAILED",
    migration: "0002_add-b",
    why: 'column "nonsense" does not exist',
    line: 4,
    column: 16,
    sqlState: "42703",
  });
  expect(await tableNames(database)).toEqual(["a"]);
  const runs = await database.query("SELECT name, state, error FROM roomctl.migration_runs ORDER BY id");
  expect(runs).toEqual([
    { name: "0001_add-a", state: "done", error: null },
    { name: "0002_add-b", state: "failed", error: 'column "nonsense" does not exist' },
  ]);
});

test.each([
  ["CREATE TABLE c (n int UNIQUE);\nINSERT INTO c VALUES (1);\nINSERT INTO c VALUES (1)", 3, "23505"],
  ["SELECT 1;\nDO $$\nBEGIN\n  PERFORM 1;\n  RAISE EXCEPTION 'stop';\nEND $$;", 5, "P0001"],
  ["CREATE TABLE p (n int) PARTITION BY RANGE (n);\nREINDEX TABLE p", 2, "25001"],
])("a failure without a position is located by its statement: %j", async (sql, line, sqlState) => {
  using folder = createMigrationFolder({ "1_a.up.sql": sql });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  expect((await apply(database, folder.directory)).failure).toMatchObject({ line, sqlState });
});

test("a corrected migration is applied as the second try", async () => {
  using folder = createMigrationFolder({ "0001_a.up.sql": "nonsense" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  expect((await apply(database, folder.directory)).failure?.code).toBe("E_MIGRATION_FAILED");
  folder.write("0001_a.up.sql", "CREATE TABLE a (n int)");
  expect((await apply(database, folder.directory)).failure).toBeNull();
  expect(await database.query("SELECT attempt, state FROM roomctl.migration_runs ORDER BY id")).toEqual([
    { attempt: 1, state: "failed" },
    { attempt: 2, state: "done" },
  ]);
});

test("an edited file stops every further migrate with the file's name", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await apply(database, folder.directory);
  folder.write("0001_add-a.up.sql", "CREATE TABLE a (n bigint)");
  await expect(apply(database, folder.directory)).rejects.toMatchObject({
    code: "E_MIGRATION_EDITED",
    message: expect.stringContaining("0001_add-a"),
  });
  folder.write("0001_add-a.up.sql", (twoTables["0001_add-a.up.sql"] ?? "").replaceAll("\n", "\r\n"));
  expect((await apply(database, folder.directory)).findings).toEqual([]);
});

test("a late migration is refused, and runs when that is allowed", async () => {
  using folder = createMigrationFolder({ "0002_add-b.up.sql": "CREATE TABLE b (n int)" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await apply(database, folder.directory);
  folder.write("0001_add-a.up.sql", "CREATE TABLE a (n int)");
  await expect(apply(database, folder.directory)).rejects.toMatchObject({ code: "E_MIGRATION_ORDER" });
  expect((await apply(database, folder.directory, { allowOutOfOrder: true })).steps).toHaveLength(1);
  expect((await apply(database, folder.directory)).steps).toEqual([]);
});

test("a migration whose file is missing is told, and does not stop the others", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await apply(database, folder.directory, { to: "1" });
  folder.remove("0001_add-a.up.sql");
  folder.remove("0001_add-a.down.sql");
  const result = await apply(database, folder.directory);
  expect(result.findings).toMatchObject([{ kind: "missing-file", migration: "0001_add-a" }]);
  expect(await tableNames(database)).toEqual(["a", "b"]);
});

test("a table lock that does not come in time is waited for in further tries, until its holder commits", async () => {
  using folder = createMigrationFolder({ "0001_widen.up.sql": "ALTER TABLE busy ADD COLUMN n int" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open({ lockTimeoutMs: 100 });
  await database.execute("CREATE TABLE busy ()");
  await using blocker = await database.connect();
  await blocker.execute("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE");
  const { failure, steps } = await apply(database, folder.directory, {
    retryDelayMs: 100,
    onProgress: ({ message }) => {
      if (message.includes("waits for locks: try 3")) void blocker.execute("COMMIT");
    },
  });
  expect(failure).toBeNull();
  expect(steps[0]?.tries).toBeGreaterThan(2);
  const states = await database.query<{ state: string }>("SELECT state FROM roomctl.migration_runs ORDER BY id");
  expect(states.at(-1)).toEqual({ state: "done" });
  expect(states.slice(0, -1).every(({ state }) => state === "failed")).toBe(true);
});

test("a table lock that never comes ends the tries with a lock timeout", async () => {
  using folder = createMigrationFolder({ "0001_widen.up.sql": "ALTER TABLE busy ADD COLUMN n int" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open({ lockTimeoutMs: 50 });
  await database.execute("CREATE TABLE busy ()");
  await using blocker = await database.connect();
  await blocker.execute("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE");
  const { failure, steps } = await apply(database, folder.directory, { attempts: 2, retryDelayMs: 10 });
  expect(failure?.code).toBe("E_LOCK_TIMEOUT");
  expect(steps[0]?.tries).toBe(2);
});

test("another run's lock is waited for no longer than told", async () => {
  using folder = createMigrationFolder({ "0001_slow.up.sql": "SELECT pg_advisory_xact_lock(1)" });
  await using scratch = await createScratchDatabase();
  await using first = await scratch.open({ lockTimeoutMs: 0 });
  await using second = await scratch.open();
  await using holder = await second.connect();
  await holder.execute("BEGIN; SELECT pg_advisory_xact_lock(1)");
  const migrating = apply(first, folder.directory);
  while ((await readLockHolder(second, "change")) === undefined);
  await expect(apply(second, folder.directory, { lockWaitMs: 0 })).rejects.toMatchObject({ code: "E_LOCKED" });
  await holder.execute("COMMIT");
  expect((await migrating).failure).toBeNull();
});

test("a killed migrator's session that the server still works for is waited for", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using remains = await database.connect();
  await takeLock(remains, "migration", { waitMs: 0 });
  await expect(apply(database, folder.directory, { lockWaitMs: 0 })).rejects.toMatchObject({ code: "E_LOCKED" });
  const migrating = apply(database, folder.directory);
  setTimeout(() => remains.discard(), 500);
  expect((await migrating).failure).toBeNull();
});

test("the first migrate of an empty database marks it, with the environment it was given", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const result = await apply(database, folder.directory, { environment: "staging" });
  expect(result).toMatchObject({ markedAs: "staging", notes: [] });
  expect((await readMarker(database))?.environment).toBe("staging");
});

test("a database that already held tables stays unmarked, which is said once", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE older (n int)");
  const first = await apply(database, folder.directory, { count: 1 });
  expect(first).toMatchObject({ markedAs: null, notes: [expect.stringContaining("already held tables")] });
  expect(await readMarker(database)).toBeUndefined();
  expect(await apply(database, folder.directory)).toMatchObject({ markedAs: null, notes: [] });
  expect(await readMarker(database)).toBeUndefined();
});

test("an empty database that nobody said a word about stays unmarked, and how to mark it is said", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const first = await apply(database, folder.directory, { environment: undefined });
  expect(first).toMatchObject({ markedAs: null, notes: [expect.stringContaining("roomctl config mark")] });
  expect(await readMarker(database)).toBeUndefined();
});

test.each([
  ["latin1", Buffer.from("CREATE TABLE a (x text);\nINSERT INTO a VALUES ('caf\xe9')", "latin1"), 2],
  ["a NUL byte", Buffer.from("CREATE TABLE a (x text);\n\n-- \0"), 3],
])("a file with %s is refused by its line, before anything runs", async (_what, bytes, line) => {
  using folder = createMigrationFolder(twoTables);
  writeFileSync(join(folder.directory, "0003_add-c.up.sql"), bytes);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await expect(apply(database, folder.directory)).rejects.toMatchObject({
    code: "E_USAGE",
    message: expect.stringMatching(new RegExp(`0003_add-c\\.up\\.sql is not UTF-8 text: line ${line}$`)),
  });
  expect(await readTables(database)).toEqual([]);
});

test("what was applied before the lock was lost is told, and the next one did not run", async () => {
  using folder = createMigrationFolder({
    ...twoTables,
    "0001_add-a.up.sql": "CREATE TABLE a (n int); SELECT pg_advisory_xact_lock(1)",
  });
  await using scratch = await createScratchDatabase();
  await using killer = await scratch.open();
  await using holder = await killer.connect();
  await holder.execute("BEGIN; SELECT pg_advisory_xact_lock(1)");
  await using database = await scratch.open({ lockTimeoutMs: 0 });
  const applying = apply(database, folder.directory);
  await untilBlocked(killer);
  expect(await endLockHolder(killer)).toHaveLength(1);
  // A migrator asks for its lock once a second at most.
  await sleep(1100);
  await holder.execute("COMMIT");
  const { steps, failure } = await applying;
  expect(steps.map(({ name, state }) => [name, state])).toEqual([
    ["0001_add-a", "done"],
    ["0002_add-b", "failed"],
  ]);
  expect(failure).toMatchObject({ code: "E_CONNECTION_LOST", message: "0002_add-b did not run" });
});

/** While a migration runs, the session that holds roomctl's change lock is idle. */
function endLockHolder(database: Database): Promise<readonly object[]> {
  return database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_locks USING (pid)
      WHERE state = 'idle' AND datname = current_database() AND locktype = 'advisory'`,
  );
}

test.each([
  ['0001_it\'s "odd" $$ 100%.up.sql', '0001_it\'s "odd" $$ 100%'],
  ["0001_two\nlines; drop table a--.up.sql", "0001_two\nlines; drop table a--"],
  ["0001_back\\slash.and.dots.up.sql", "0001_back\\slash.and.dots"],
])("a migration named %j goes up once and down again", async (fileName, name) => {
  using folder = createMigrationFolder({ [fileName]: "CREATE TABLE a (n int)" });
  folder.write(fileName.replace(/up\.sql$/, "down.sql"), "DROP TABLE a");
  await using scratch = await createScratchDatabase({ name: `we"ird db\n${Math.random()}` });
  await using database = await scratch.open();
  expect((await apply(database, folder.directory)).failure).toBeNull();
  expect((await apply(database, folder.directory)).steps).toEqual([]);
  expect(await appliedNames(database)).toEqual([name]);
  const range = { directory: folder.directory, lockWaitMs: 0 };
  const down = await applyDown(database, await planDown(database, folder.directory, {}), range);
  expect(down.failure).toBeNull();
  expect(await appliedNames(database)).toEqual([]);
});

test("a role that may only read is refused before anything is written", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const role = `reader_${Math.random().toString(36).slice(2)}`;
  await database.execute(
    `CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD 'x'; ALTER ROLE ${role} SET default_transaction_read_only = on`,
  );
  try {
    await using reader = await openDatabase({ ...scratch.target, user: role, password: "x" });
    const error: unknown = await apply(reader, folder.directory).catch((caught: unknown) => caught);
    expect(statementFailure(error).code).toBe("E_READ_ONLY");
    expect(await database.query("SELECT FROM pg_namespace WHERE nspname = 'roomctl'")).toEqual([]);
  } finally {
    await database.execute(`DROP ROLE ${role}`);
  }
});

test("an abort ends the running migration, and leaves nothing of it", async () => {
  using folder = createMigrationFolder({ "0001_slow.up.sql": "CREATE TABLE a (n int); SELECT pg_sleep(30)" });
  await using scratch = await createScratchDatabase();
  const controller = new AbortController();
  await using database = await scratch.open({ signal: controller.signal });
  const migrating = apply(database, folder.directory, { signal: controller.signal });
  const refused = expect(migrating).rejects.toThrow("enough");
  await using after = await scratch.open();
  const asleep = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
  await expect.poll(() => after.query(asleep)).toHaveLength(1);
  controller.abort(new Error("enough"));
  await refused;
  expect(await tableNames(after)).toEqual([]);
  folder.write("0001_slow.up.sql", "CREATE TABLE a (n int)");
  expect((await apply(after, folder.directory)).failure).toBeNull();
});

test("a migration's own settings end with it", async () => {
  using folder = createMigrationFolder({
    "0001_a.up.sql": "CREATE SCHEMA other; SET search_path = other; CREATE TABLE a (n int)",
    "0002_b.up.sql": "CREATE TABLE b (n int)",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  expect((await apply(database, folder.directory)).failure).toBeNull();
  expect(await tableNames(database)).toEqual(["b"]);
});

test("an empty migration is refused, so that what is written into it later will run", async () => {
  using folder = createMigrationFolder({ "0001_a.up.sql": "-- to be written" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await expect(apply(database, folder.directory)).rejects.toMatchObject({ code: "E_USAGE" });
});
