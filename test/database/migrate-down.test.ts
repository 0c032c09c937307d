import { expect, test } from "vitest";
import type { Database } from "../../src/db/pool.js";
import { applyMigrations } from "../../src/migrate/apply.js";
import { applyDown, planDown } from "../../src/migrate/down.js";
import { readMigrationStatus } from "../../src/migrate/status.js";
import { createMigrationFolder, type MigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const usersAndRooms = {
  "0001_users.up.sql": "CREATE TABLE users (id int PRIMARY KEY)",
  "0001_users.down.sql": "DROP TABLE users",
  "0002_rooms.up.sql": "CREATE TABLE rooms (id int); ALTER TABLE users ADD COLUMN room int",
  "0002_rooms.down.sql": "ALTER TABLE users DROP COLUMN room; DO $$ BEGIN EXECUTE 'DROP TABLE rooms'; END $$",
};

async function migrate(database: Database, folder: MigrationFolder): Promise<void> {
  const { directory } = folder;
  const result = await applyMigrations(database, { directory, environment: "development", lockWaitMs: 5000 });
  expect(result.failure).toBeNull();
}

test.each(serverNames)("undoing an empty table on %s needs no consent, and is recorded", async (server) => {
  using folder = createMigrationFolder(usersAndRooms);
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  await migrate(database, folder);
  const plan = await planDown(database, folder.directory, {});
  expect(plan.losses).toEqual([]);
  expect(plan.emptyDrops.map(({ kind, table }) => [kind, table])).toEqual([
    ["table", "rooms"],
    ["column", "users"],
  ]);
  const { steps, failure } = await applyDown(database, plan, { directory: folder.directory, lockWaitMs: 0 });
  expect({ steps, failure }).toMatchObject({ steps: [{ name: "0002_rooms", state: "done" }], failure: null });
  const status = await readMigrationStatus(database, folder.directory);
  expect(status.migrations.map(({ state }) => state)).toEqual(["applied", "pending"]);
  await migrate(database, folder);
});

test("the plan counts what tables, columns and deletions would take, even when a DO block decides", async () => {
  using folder = createMigrationFolder({
    ...usersAndRooms,
    "0003_fill.up.sql": "CREATE TABLE log (id int); CREATE TABLE news (id int)",
    "0003_fill.down.sql": "DELETE FROM log WHERE id < 3; TRUNCATE news",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder);
  await database.execute(`
    INSERT INTO users VALUES (1, 10), (2, NULL); INSERT INTO rooms VALUES (1), (2), (3);
    INSERT INTO log SELECT generate_series(1, 5); INSERT INTO news VALUES (1)`);
  const plan = await planDown(database, folder.directory, { count: 3 });
  expect(plan.losses.map(({ migration, kind, table, column, rows }) => [migration, kind, table, column, rows])).toEqual(
    [
      ["0003_fill", "rows", "log", null, 2],
      ["0003_fill", "rows", "news", null, 1],
      ["0002_rooms", "table", "rooms", null, 3],
      ["0002_rooms", "column", "users", "room", 1],
      ["0001_users", "table", "users", null, 2],
    ],
  );
  expect(await database.query("SELECT count(*)::int AS rows FROM rooms")).toEqual([{ rows: 3 }]);
});

test("a plan that other rows have overtaken is stale, and nothing is lost", async () => {
  using folder = createMigrationFolder(usersAndRooms);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder);
  const plan = await planDown(database, folder.directory, {});
  await database.execute("INSERT INTO rooms VALUES (1)");
  await expect(applyDown(database, plan, { directory: folder.directory, lockWaitMs: 0 })).rejects.toMatchObject({
    code: "E_PLAN_STALE",
    message: expect.stringContaining("rooms"),
  });
  expect(await database.query("SELECT id FROM rooms")).toEqual([{ id: 1 }]);
});

test("a row that arrives after the last rehearsal still stops the drop", async () => {
  using folder = createMigrationFolder(usersAndRooms);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open({
    // The rehearsal under the lock has just ended when the run is noted: that is the last moment to slip in.
    onStatement: (sql) => void (sql.includes("INSERT INTO roomctl.migration_runs") && isDown && slipIn()),
  });
  let isDown = false;
  await using intruder = await scratch.open();
  let slipped: Promise<unknown> = Promise.resolve();
  const slipIn = () => {
    slipped = intruder.execute("INSERT INTO rooms VALUES (1)");
  };
  await migrate(database, folder);
  const plan = await planDown(database, folder.directory, {});
  isDown = true;
  const result = await applyDown(database, plan, { directory: folder.directory, lockWaitMs: 0 });
  await slipped;
  expect(result.failure?.code).toBe("E_PLAN_STALE");
  expect(await intruder.query("SELECT id FROM rooms")).toEqual([{ id: 1 }]);
});

test("a down file that does not run is found by the rehearsal, with its line", async () => {
  using folder = createMigrationFolder({ ...usersAndRooms, "0002_rooms.down.sql": "SELECT 1;\nDROP TABLE nowhere;" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder);
  await expect(planDown(database, folder.directory, {})).rejects.toMatchObject({
    code: "E_MIGRATION_FAILED",
    message: expect.stringMatching(/0002_rooms\.down\.sql:2:1.*"nowhere" does not exist/),
  });
});

test("with nothing applied there is nothing to undo", async () => {
  using folder = createMigrationFolder(usersAndRooms);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const plan = await planDown(database, folder.directory, { count: 5 });
  expect(plan.steps).toEqual([]);
  expect((await applyDown(database, plan, { directory: folder.directory, lockWaitMs: 0 })).steps).toEqual([]);
  expect(await database.query("SELECT FROM pg_namespace WHERE nspname = 'roomctl'")).toEqual([]);
});
