import { expect, test } from "vitest";
import type { Database } from "../../src/db/pool.js";
import { readSchemaSnapshot, schemaFingerprint } from "../../src/db/snapshot.js";
import { applyMigrations } from "../../src/migrate/apply.js";
import { applyFake, planBaseline, planFakeDown, planFakeUp } from "../../src/migrate/fake.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import { planUp } from "../../src/migrate/plan.js";
import { applyRedo, planRedo } from "../../src/migrate/redo.js";
import { readMigrationStatus } from "../../src/migrate/status.js";
import { createMigrationFolder, type MigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const files = {
  "1_a.up.sql": "CREATE TABLE a (n int)",
  "1_a.down.sql": "DROP TABLE a",
  "2_b.up.sql": "CREATE TABLE b (n int)",
  "2_b.down.sql": "DROP TABLE b",
  "3_c.up.sql": "CREATE TABLE c (n int)",
  "3_c.down.sql": "DROP TABLE c",
};

const lockWaitMs = 5000;

function migrate(database: Database, folder: MigrationFolder, count?: number) {
  const { directory } = folder;
  return applyMigrations(database, { directory, environment: "development", lockWaitMs, ...(count ? { count } : {}) });
}

async function states(database: Database, folder: MigrationFolder): Promise<readonly string[]> {
  const { migrations } = await readMigrationStatus(database, folder.directory);
  return migrations.map(({ name, state }) => `${name} ${state}`);
}

async function tableNames(database: Database): Promise<readonly string[]> {
  const rows = await database.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

test.each(serverNames)(
  "a database that somebody else built is taken over, and migrate goes on (%s)",
  async (server) => {
    using folder = createMigrationFolder(files);
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE a (n int); CREATE TABLE b (n int)");
    const planAgain = () => planBaseline(database, folder.directory, "2");
    const { steps, schemaFingerprint: kept } = await applyFake(database, await planAgain(), { waitMs: 0, planAgain });
    expect(steps.map(({ name }) => name)).toEqual(["1_a", "2_b"]);
    expect(kept).toBe(schemaFingerprint(await readSchemaSnapshot(database)));
    expect(await states(database, folder)).toEqual(["1_a applied", "2_b applied", "3_c pending"]);
    expect(await migrate(database, folder)).toMatchObject({ failure: null, steps: [{ name: "3_c" }] });
    expect(await database.query("SELECT name, is_fake AS fake FROM roomctl.migration_runs ORDER BY id")).toEqual([
      { name: "1_a", fake: true },
      { name: "2_b", fake: true },
      { name: "3_c", fake: false },
    ]);
    await expect(planAgain()).rejects.toMatchObject({ code: "E_NOT_EMPTY" });
  },
);

test("a baseline that is refused names what is left to record, or that nothing is", async () => {
  using folder = createMigrationFolder(files);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder, 2);
  const baseline = (migration: string) => planBaseline(database, folder.directory, migration);
  const message = "this database has a history already: 2_b is applied";
  for (const migration of ["1", "2"]) {
    await expect(baseline(migration)).rejects.toMatchObject({
      code: "E_NOT_EMPTY",
      message,
      hint: "nothing up to there is left to record; see what is with: roomctl migrate status",
    });
  }
  await expect(baseline("3")).rejects.toMatchObject({
    code: "E_NOT_EMPTY",
    message,
    hint: "record the rest with: roomctl migrate up --fake --to 3_c",
  });
});

test("an empty database is no baseline, and an unknown migration neither", async () => {
  using folder = createMigrationFolder(files);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await expect(planBaseline(database, folder.directory, "2")).rejects.toMatchObject({ code: "E_SCHEMA" });
  await expect(planBaseline(database, folder.directory, "9")).rejects.toMatchObject({ code: "E_UNKNOWN_MIGRATION" });
  expect(await database.query("SELECT FROM pg_namespace WHERE nspname = 'roomctl'")).toEqual([]);
});

test("what was done by hand is recorded as applied or undone without running", async () => {
  using folder = createMigrationFolder(files);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder, 1);
  const up = () => planFakeUp(database, folder.directory, { count: 1 });
  await applyFake(database, await up(), { waitMs: 0, planAgain: up });
  expect(await states(database, folder)).toEqual(["1_a applied", "2_b applied", "3_c pending"]);
  const down = () => planFakeDown(database, folder.directory, { count: 2 });
  const plan = await down();
  await applyFake(database, plan, { waitMs: 0, planAgain: down });
  expect(await states(database, folder)).toEqual(["1_a pending", "2_b pending", "3_c pending"]);
  expect(await tableNames(database)).toEqual(["a"]);
  await expect(applyFake(database, plan, { waitMs: 0, planAgain: down })).rejects.toMatchObject({
    code: "E_PLAN_STALE",
  });
});

test("a redo undoes and applies exactly the newest, as its edited file is now, and no other", async () => {
  using folder = createMigrationFolder(files);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder, 2);
  folder.write("2_b.up.sql", "CREATE TABLE b (n bigint, m text)");
  const plan = await planRedo(database, folder.directory, {});
  expect([plan.steps, plan.again].map((steps) => steps.map(({ name }) => name))).toEqual([["2_b"], ["2_b"]]);
  const result = await applyRedo(database, plan, { directory: folder.directory, lockWaitMs });
  expect([result.down.failure, result.up?.failure]).toEqual([null, null]);
  expect(
    await database.query("SELECT attname AS name FROM pg_attribute WHERE attrelid = 'b'::regclass AND attnum > 0"),
  ).toEqual([{ name: "n" }, { name: "m" }]);
  expect(await states(database, folder)).toEqual(["1_a applied", "2_b applied", "3_c pending"]);
});

test("a redo whose up file would fail undoes nothing", async () => {
  using folder = createMigrationFolder(files);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder);
  folder.write("3_c.up.sql", "CREATE TABLE c (n int);\nCREATE TABLE b (n int)");
  await expect(planRedo(database, folder.directory, {})).rejects.toMatchObject({
    code: "E_MIGRATION_FAILED",
    message: expect.stringMatching(/^applying again 3_c failed at .*3_c\.up\.sql:2:1.*already exists/),
  });
  expect(await tableNames(database)).toEqual(["a", "b", "c"]);
});

test("a redo says what data it takes, and an enum's new value that is used later does not stop it", async () => {
  using folder = createMigrationFolder({
    "1_a.up.sql": "CREATE TYPE mood AS ENUM ('sad')",
    "2_b.up.sql": "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'fine'",
    "2_b.down.sql": "SELECT 1",
    "3_c.up.sql": "CREATE TABLE c (mood mood DEFAULT 'fine'); INSERT INTO c DEFAULT VALUES",
    "3_c.down.sql": "DROP TABLE c",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder);
  const plan = await planRedo(database, folder.directory, { count: 2 });
  expect(plan.losses).toMatchObject([{ migration: "3_c", table: "c", rows: 1 }]);
  const result = await applyRedo(database, plan, { directory: folder.directory, count: 2, lockWaitMs });
  expect(result.up?.failure).toBeNull();
});

test("another tool's history is pointed out before everything would run from the start", async () => {
  using folder = createMigrationFolder(files);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE pgmigrations (id serial, name text, run_on timestamp)");
  const plan = await planUp(database, readMigrationFiles(folder.directory), {});
  expect(plan).toMatchObject({
    refusal: null,
    findings: [
      {
        kind: "foreign-history",
        message: expect.stringContaining("node-pg-migrate keeps a history in public.pgmigrations"),
      },
    ],
  });
  await migrate(database, folder, 1);
  expect((await planUp(database, readMigrationFiles(folder.directory), {})).findings).toEqual([]);
});
