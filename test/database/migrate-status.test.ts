import { runner } from "node-pg-migrate";
import { expect, test } from "vitest";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { applyMigrations } from "../../src/migrate/apply.js";
import { planDown } from "../../src/migrate/down.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import { planUp } from "../../src/migrate/plan.js";
import { readMigrationStatus } from "../../src/migrate/status.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase } from "../support/postgres.js";

const one = { "0001_a.up.sql": "CREATE TABLE a (n int)", "0001_a.down.sql": "DROP TABLE a" };

function migrate(database: Database, directory: string) {
  return applyMigrations(database, { directory, environment: "development", lockWaitMs: 20_000 });
}

test("status and plan write nothing, neither to a database that roomctl never saw nor to one that it knows", async () => {
  using folder = createMigrationFolder(one);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  // In a read-only transaction PostgreSQL refuses whatever would write.
  await using reader = await openDatabase({ ...scratch.target, options: "-c default_transaction_read_only=on" });
  const files = readMigrationFiles(folder.directory);
  const read = async () => [
    (await readMigrationStatus(reader, folder.directory)).migrations.map(({ state }) => state),
    (await planUp(reader, files, {})).steps.length,
  ];
  expect(await read()).toEqual([["pending"], 1]);
  expect(await database.query("SELECT FROM pg_namespace WHERE nspname = 'roomctl'")).toEqual([]);
  await migrate(database, folder.directory);
  expect(await read()).toEqual([["applied"], 0]);
});

test("a migration under way is running, not interrupted; once its migrator is gone it is interrupted", async () => {
  using folder = createMigrationFolder({ "0001_slow.up.sql": "SELECT pg_sleep(30)" });
  await using scratch = await createScratchDatabase();
  const controller = new AbortController();
  await using database = await scratch.open({ signal: controller.signal });
  await using observer = await scratch.open();
  const migrating = migrate(database, folder.directory).catch((error: unknown) => error);
  const stateNow = async () => (await readMigrationStatus(observer, folder.directory)).migrations[0]?.state;
  await expect.poll(stateNow, { timeout: 120_000 }).toBe("running");
  controller.abort();
  await migrating;
  await expect.poll(stateNow, { timeout: 120_000 }).toBe("interrupted");
  expect((await readMigrationStatus(observer, folder.directory)).findings).toMatchObject([{ kind: "interrupted" }]);
  folder.write("0001_slow.up.sql", "SELECT 1");
  expect((await migrate(observer, folder.directory)).failure).toBeNull();
  expect((await readMigrationStatus(observer, folder.directory)).migrations[0]).toMatchObject({
    state: "applied",
    attempt: 2,
  });
});

test("a run whose commit came through counts as done, though nobody noted its end", async () => {
  using folder = createMigrationFolder(one);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder.directory);
  await database.execute("UPDATE roomctl.migration_runs SET state = 'running', finished_at = NULL");
  const status = await readMigrationStatus(database, folder.directory);
  expect(status).toMatchObject({ findings: [], migrations: [{ state: "applied", attempt: 1, durationMs: null }] });
  folder.write("0002_b.up.sql", "CREATE TABLE b (n int)");
  await migrate(database, folder.directory);
  expect(await database.query("SELECT name, state FROM roomctl.migration_runs ORDER BY id")).toEqual([
    { name: "0001_a", state: "done" },
    { name: "0002_b", state: "done" },
  ]);
  folder.write("0001_a.up.sql", "CREATE TABLE a (n bigint)");
  expect((await readMigrationStatus(database, folder.directory)).migrations[0]?.state).toBe("edited");
});

/** node-pg-migrate itself, on roomctl's table: its own layout, its own order. */
function nodePgMigrate(url: string, directory: string) {
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const place = { migrationsSchema: "roomctl", migrationsTable: "migrations", createMigrationsSchema: true };
  return runner({ databaseUrl: url, dir: directory, direction: "up", ...place, logger });
}

test("a history that node-pg-migrate wrote by itself is taken over, and it finds ours in turn", async () => {
  using folder = createMigrationFolder({
    "0001_a.sql": "-- Up Migration\nCREATE TABLE a (n int);\n-- Down Migration\nDROP TABLE a;",
  });
  await using scratch = await createScratchDatabase();
  expect(await nodePgMigrate(scratch.url, folder.directory)).toHaveLength(1);
  await using database = await scratch.open();
  expect((await migrate(database, folder.directory)).failure).toBeNull();
  expect(await readMigrationStatus(database, folder.directory)).toMatchObject({
    findings: [],
    migrations: [{ name: "0001_a", state: "applied", attempt: null }],
  });
  folder.write("0002_b.sql", "-- Up Migration\nCREATE TABLE b (n int);");
  expect((await migrate(database, folder.directory)).steps).toMatchObject([{ name: "0002_b", state: "done" }]);
  expect(await nodePgMigrate(scratch.url, folder.directory)).toEqual([]);
  expect(
    (await planDown(database, folder.directory, { count: 1, to: "0001_a" }).catch((error) => error)).message,
  ).toContain("0002_b cannot be undone: it has no down file");
});

test.each([
  ["migrations", "CREATE TABLE roomctl.migrations (version text PRIMARY KEY)"],
  ["migration_runs", "CREATE TABLE roomctl.migration_runs (id int, name text)"],
])("another tool's roomctl.%s is an unexpected schema, for status, plan, up and down", async (table, sql) => {
  using folder = createMigrationFolder(one);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`CREATE SCHEMA roomctl; ${sql}`);
  const misfit = { code: "E_SCHEMA", message: expect.stringContaining(`roomctl.${table}`) };
  const { directory } = folder;
  await expect(readMigrationStatus(database, directory)).rejects.toMatchObject(misfit);
  await expect(planUp(database, readMigrationFiles(directory), {})).rejects.toMatchObject(misfit);
  await expect(planDown(database, directory, {})).rejects.toMatchObject(misfit);
  await expect(migrate(database, directory)).rejects.toMatchObject(misfit);
  expect(await database.query("SELECT FROM pg_class WHERE relname = 'a'")).toEqual([]);
});
