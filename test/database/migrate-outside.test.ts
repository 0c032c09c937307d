import { describe, expect, test, vi } from "vitest";
import type { Database } from "../../src/db/pool.js";
import { type ApplyOptions, applyMigrations } from "../../src/migrate/apply.js";
import { applyDown, planDown } from "../../src/migrate/down.js";
import { readMigrationStatus } from "../../src/migrate/status.js";
import { untilBlocked } from "../support/blocked.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

function apply(database: Database, directory: string, options: Partial<ApplyOptions> = {}) {
  return applyMigrations(database, { directory, environment: "development", lockWaitMs: 20_000, ...options });
}

interface IndexRow {
  readonly name: string;
  readonly valid: boolean;
}

function indexes(database: Database): Promise<readonly IndexRow[]> {
  return database.query<IndexRow>(
    `SELECT relname AS name, indisvalid AS valid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
      WHERE relnamespace = 'public'::regnamespace ORDER BY relname`,
  );
}

async function lastRun(database: Database) {
  const [run] = await database.query(
    `SELECT state, is_transactional AS inside, statements, statement_reached AS reached, statements_done AS done, attempt
       FROM roomctl.migration_runs ORDER BY id DESC LIMIT 1`,
  );
  return run;
}

const tables = { "1_tables.up.sql": "CREATE TABLE a (n int); INSERT INTO a SELECT generate_series(1, 1000)" };

describe.each(serverNames)("outside of a transaction, on %s,", (server) => {
  test("a concurrent index is built, and its file needs no word about it", async () => {
    using folder = createMigrationFolder({
      ...tables,
      "2_index.up.sql": "CREATE INDEX CONCURRENTLY a_n ON a (n)",
      "2_index.down.sql": "DROP INDEX CONCURRENTLY a_n",
    });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    expect((await apply(database, folder.directory)).failure).toBeNull();
    expect(await indexes(database)).toEqual([{ name: "a_n", valid: true }]);
    expect(await lastRun(database)).toEqual({
      state: "done",
      inside: false,
      statements: 1,
      reached: 1,
      done: 1,
      attempt: 1,
    });
    const plan = await planDown(database, folder.directory, {});
    expect(plan.losses).toEqual([]);
    const down = await applyDown(database, plan, { directory: folder.directory, lockWaitMs: 0 });
    expect(down.failure).toBeNull();
    expect(await indexes(database)).toEqual([]);
    expect((await apply(database, folder.directory)).failure).toBeNull();
  });

  test("what was done before a failure stays, and the next run goes on at the statement that failed", async () => {
    const before = "CREATE TABLE b (n int);\nSET work_mem = '5MB';\n";
    const after =
      "CREATE TABLE c AS SELECT current_setting('work_mem') AS memory;\nCREATE INDEX CONCURRENTLY b_n ON b (n)";
    using folder = createMigrationFolder({ "1_a.up.sql": `${before}INSERT INTO b VALUES ('x');\n${after}` });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const first = await apply(database, folder.directory);
    expect(first.failure).toMatchObject({
      line: 3,
      message: expect.stringContaining("2 statements before it stay, and the next run goes on here"),
    });
    expect(await lastRun(database)).toMatchObject({ state: "failed", inside: false, reached: 3, done: 2 });
    folder.write("1_a.up.sql", `${before}INSERT INTO b VALUES (1);\n${after}`);
    expect((await apply(database, folder.directory)).failure).toBeNull();
    // The table was not made twice, and what was set before it holds again.
    expect(await database.query("SELECT n FROM b")).toEqual([{ n: 1 }]);
    expect(await database.query("SELECT memory FROM c")).toEqual([{ memory: "5MB" }]);
    expect(await lastRun(database)).toMatchObject({ state: "done", attempt: 2 });
  });

  test("a unique index over duplicates leaves no invalid index behind, and is built once they are gone", async () => {
    using folder = createMigrationFolder({
      "1_a.up.sql": "CREATE TABLE a (n int); INSERT INTO a VALUES (1), (1)",
      "2_b.up.sql": "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_n ON a (n)",
    });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    expect((await apply(database, folder.directory)).failure).toMatchObject({ sqlState: "23505" });
    expect(await indexes(database)).toEqual([]);
    await database.execute("TRUNCATE a");
    expect((await apply(database, folder.directory)).failure).toBeNull();
    expect(await indexes(database)).toEqual([{ name: "a_n", valid: true }]);
  });

  test("an invalid index that somebody left is dropped and built anew, although IF NOT EXISTS would take it", async () => {
    using folder = createMigrationFolder({
      ...tables,
      "2_index.up.sql": 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "odd "" name" ON a (n)',
    });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await apply(database, folder.directory, { count: 1 });
    await database.execute("INSERT INTO a VALUES (1); CREATE INDEX keep ON a (n)");
    await expect(database.execute('CREATE UNIQUE INDEX CONCURRENTLY "odd "" name" ON a (n)')).rejects.toThrow(
      "could not",
    );
    expect(await indexes(database)).toContainEqual({ name: 'odd " name', valid: false });
    expect((await apply(database, folder.directory)).failure).toBeNull();
    expect(await indexes(database)).toEqual([
      { name: "keep", valid: true },
      { name: 'odd " name', valid: true },
    ]);
  });

  test("a partition is detached concurrently, and a half-done detachment is finished", async () => {
    using folder = createMigrationFolder({
      "1_a.up.sql":
        "CREATE TABLE p (n int) PARTITION BY RANGE (n); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (2); INSERT INTO p VALUES (1)",
      "2_b.up.sql": "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;\nCREATE TABLE done (n int)",
    });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await apply(database, folder.directory, { count: 1 });
    await using reader = await database.connect();
    await reader.execute("BEGIN; SELECT * FROM p");
    // It waits for the reader in its second half; ended there, the partition is neither in nor out.
    const pending = scratch.open().then(async (other) => {
      await using migrator = other;
      return await apply(migrator, folder.directory);
    });
    const outcome = pending.catch((error: unknown) => error);
    await untilBlocked(database, "roomctl/migrate 2_b");
    await database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'roomctl/migrate 2_b'",
    );
    await outcome;
    await reader.execute("COMMIT");
    expect(await database.query("SELECT inhdetachpending AS pending FROM pg_inherits")).toEqual([{ pending: true }]);
    expect((await apply(database, folder.directory)).failure).toBeNull();
    expect(await database.query("SELECT FROM pg_inherits")).toEqual([]);
  });
});

test("a build waits for older transactions longer than lock_timeout, since it blocks nobody meanwhile", async () => {
  using folder = createMigrationFolder({ ...tables, "2_index.up.sql": "CREATE INDEX CONCURRENTLY a_n ON a (n)" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open({ lockTimeoutMs: 100 });
  await apply(database, folder.directory, { count: 1 });
  await using writer = await database.connect();
  await writer.execute("BEGIN; INSERT INTO a VALUES (1)");
  const messages: string[] = [];
  const migrating = apply(database, folder.directory, { onProgress: ({ message }) => messages.push(message) });
  await untilBlocked(database, "roomctl/migrate 2_index");
  await vi.waitFor(() => expect(messages.join("\n")).toContain("waiting for"), { timeout: 120_000 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  await writer.execute("COMMIT");
  expect(await migrating).toMatchObject({ failure: null, steps: [{ tries: 1 }] });
  expect(await indexes(database)).toEqual([{ name: "a_n", valid: true }]);
  expect(messages.join("\n")).toMatch(/waiting for .*waits for server process \d+ \(roomctl, idle in transaction/);
});

test("statements that are done must not be changed before the run goes on", async () => {
  using folder = createMigrationFolder({ "1_a.up.sql": "CREATE TABLE a (n int);\nVACUUM nowhere" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  expect((await apply(database, folder.directory)).failure).toMatchObject({ line: 2 });
  folder.write("1_a.up.sql", "CREATE TABLE a (n bigint);\nVACUUM a");
  await expect(apply(database, folder.directory)).rejects.toMatchObject({
    code: "E_MIGRATION_EDITED",
    message: expect.stringContaining("1_a ran 1 of its statements outside of a transaction, and these were changed"),
  });
  expect((await readMigrationStatus(database, folder.directory)).findings).toMatchObject([{ kind: "changed-midway" }]);
  folder.write("1_a.up.sql", "CREATE TABLE a (n int);\nVACUUM a");
  expect((await apply(database, folder.directory)).failure).toBeNull();
});

test.each([
  ["CREATE INDEX CONCURRENTLY a_n ON a (n)", "CREATE INDEX a_n ON a (n)"],
  ["CREATE INDEX CONCURRENTLY ON a (n)", "CREATE INDEX ON a (n)"],
  ["DROP INDEX CONCURRENTLY a_old", "DROP INDEX a_old"],
])("%s that was done when its migrator was killed is not run again", async (sql, byThen) => {
  using folder = createMigrationFolder({
    "1_a.up.sql": "CREATE TABLE a (n int); CREATE INDEX a_old ON a (n)",
    "2_b.up.sql": `${sql};\nVACUUM nowhere`,
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await apply(database, folder.directory);
  // As the kill leaves it: the statement has done its work, and its run knows only that it began.
  const undo = { C: "DROP INDEX IF EXISTS a_n, a_n_idx", D: "CREATE INDEX a_old ON a (n)" }[sql.slice(0, 1)];
  await database.execute(`${undo};
    UPDATE roomctl.migration_runs SET state = 'running', statement_reached = 1, statements_done = 0, done_checksum = NULL,
      before_statement = (SELECT jsonb_build_object('tableIndexes', jsonb_agg(indexrelid::int8), 'isOpen', true,
        'statement', encode(sha256('${sql}'), 'hex')) FROM pg_index WHERE indrelid = 'a'::regclass)
     WHERE name = '2_b'`);
  await database.execute(byThen);
  folder.write("2_b.up.sql", `${sql};\nVACUUM a`);
  expect((await apply(database, folder.directory)).failure).toBeNull();
  const names = (await indexes(database)).map(({ name }) => name);
  expect(names).toHaveLength(sql.startsWith("DROP") ? 0 : 2);
});

test("three migrators started together over a concurrent index all succeed, and it is valid and built once", async () => {
  for (let round = 0; round < 5; round += 1) {
    using folder = createMigrationFolder({
      "1_a.up.sql": "CREATE TABLE a (n int); INSERT INTO a SELECT generate_series(1, 20000)",
      "2_b.up.sql": "CREATE INDEX CONCURRENTLY IF NOT EXISTS a_n ON a (n)",
    });
    await using scratch = await createScratchDatabase();
    await using first = await scratch.open();
    await using second = await scratch.open();
    await using third = await scratch.open();
    const results = await Promise.all([first, second, third].map((one) => apply(one, folder.directory)));
    expect(results.map(({ failure }) => failure)).toEqual([null, null, null]);
    expect(results.flatMap(({ steps }) => steps.map(({ name }) => name))).toEqual(["1_a", "2_b"]);
    expect(await indexes(first)).toEqual([{ name: "a_n", valid: true }]);
  }
});

test("a DO block that commits runs outside of a transaction", async () => {
  using folder = createMigrationFolder({
    ...tables,
    "2_b.up.sql": "DO $$ BEGIN FOR i IN 1..3 LOOP DELETE FROM a WHERE n = i; COMMIT; END LOOP; END $$",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  expect((await apply(database, folder.directory)).failure).toBeNull();
  expect(await database.query("SELECT count(*)::int AS rows FROM a")).toEqual([{ rows: 997 }]);
});

test("a down file that can be neither run in a transaction nor rehearsed is refused", async () => {
  using folder = createMigrationFolder({
    ...tables,
    "1_tables.down.sql": "DO $$ BEGIN DROP TABLE a; COMMIT; END $$",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await apply(database, folder.directory);
  await expect(planDown(database, folder.directory, {})).rejects.toMatchObject({ code: "E_USAGE", hint: /--fake/ });
});
