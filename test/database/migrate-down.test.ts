import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { type Database, openDatabase } from "../../src/db/pool.js";
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

const table = { "0001_a.up.sql": "CREATE TABLE a (n text, m int)", "0001_a.down.sql": "DROP TABLE a" };
const filled = "INSERT INTO a VALUES ('one', 1), ('two', 2), (NULL, 3)";

const takings = [
  ["UPDATE a SET n = NULL WHERE m < 3", ["values", "update", null, 2]],
  ["INSERT INTO a SELECT * FROM a; UPDATE a SET m = 0", ["values", "update", null, 6]],
  ["ALTER TABLE a ALTER COLUMN n TYPE int USING length(n)", ["values", "retype", "n", 2]],
  ["DO $$ BEGIN ALTER TABLE a ALTER COLUMN n TYPE varchar(2) USING 'x'; END $$", ["values", "retype", "n", 2]],
  ["TRUNCATE a; INSERT INTO a VALUES ('other', 1), ('rows', 2), ('here', 3)", ["rows", "truncate", null, 3]],
  ["UPDATE a SET m = 0; TRUNCATE a", ["rows", "truncate", null, 3]],
] as const;

test.each(serverNames.flatMap((server) => takings.map(([sql, loss]) => [server, sql, loss] as const)))(
  "on %s what %j takes is a loss",
  async (server, sql, loss) => {
    using folder = createMigrationFolder({ ...table, "0002_b.up.sql": "SELECT 1", "0002_b.down.sql": sql });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await migrate(database, folder);
    await database.execute(filled);
    const plan = await planDown(database, folder.directory, {});
    expect(plan.losses.map(({ kind, cause, column, rows }) => [kind, cause, column, rows])).toEqual([loss]);
    const { failure } = await applyDown(database, plan, { directory: folder.directory, lockWaitMs: 0 });
    expect(failure).toBeNull();
  },
);

test.each([
  "ALTER TABLE a ALTER COLUMN n TYPE varchar",
  "ALTER TABLE a ALTER COLUMN n SET DEFAULT 'x'",
  "INSERT INTO a VALUES ('more', 4)",
  "CREATE TABLE b (n int); INSERT INTO b VALUES (1); UPDATE b SET n = 2; DELETE FROM b",
])("%j takes nothing that is there", async (sql) => {
  using folder = createMigrationFolder({ ...table, "0002_b.up.sql": "SELECT 1", "0002_b.down.sql": sql });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder);
  await database.execute(filled);
  const plan = await planDown(database, folder.directory, {});
  expect([plan.losses, plan.emptyDrops]).toEqual([[], []]);
  const { failure } = await applyDown(database, plan, { directory: folder.directory, lockWaitMs: 0 });
  expect(failure).toBeNull();
});

test("a setting of one down file does not lead the rehearsal of the next astray", async () => {
  using folder = createMigrationFolder({
    ...table,
    "0001_a.down.sql": "DELETE FROM a",
    "0002_b.up.sql": "CREATE SCHEMA other; CREATE TABLE other.a (n text)",
    "0002_b.down.sql": "SET search_path = other; SET lock_timeout = 0",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder);
  await database.execute(filled);
  const { losses } = await planDown(database, folder.directory, { count: 2 });
  expect(losses).toMatchObject([{ table: "a", cause: "delete", rows: 3 }]);
});

test("a table that one step rewrites and the next truncates is seen as emptied", async () => {
  using folder = createMigrationFolder({
    ...table,
    "0001_a.down.sql": "TRUNCATE a",
    "0002_b.up.sql": "SELECT 1",
    "0002_b.down.sql": "ALTER TABLE a ALTER COLUMN m TYPE bigint",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder);
  await database.execute(filled);
  const { losses } = await planDown(database, folder.directory, { count: 2 });
  expect(losses.map(({ migration, cause, rows }) => [migration, cause, rows])).toEqual([
    ["0002_b", "retype", 3],
    ["0001_a", "truncate", 3],
  ]);
});

test.each([
  ["DROP TABLE rooms", "drop"],
  ["DELETE FROM rooms", "delete"],
  ["UPDATE rooms SET id = 0", "update"],
  ["TRUNCATE rooms", "truncate"],
  ["ALTER TABLE rooms ALTER id TYPE text", "retype"],
])("one row that was agreed to does not become many: %s", async (sql, cause) => {
  using folder = createMigrationFolder({ ...usersAndRooms, "0002_rooms.down.sql": sql });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await migrate(database, folder);
  await database.execute("INSERT INTO rooms VALUES (1)");
  const plan = await planDown(database, folder.directory, {});
  expect(plan.losses).toMatchObject([{ cause, rows: 1 }]);
  await database.execute("INSERT INTO rooms SELECT generate_series(2, 5)");
  const undo = () => applyDown(database, plan, { directory: folder.directory, lockWaitMs: 0 });
  await expect(undo()).rejects.toMatchObject({ code: "E_PLAN_STALE", message: expect.stringContaining("5") });
  expect(await database.query("SELECT id FROM rooms ORDER BY id")).toHaveLength(5);
  await database.execute("DELETE FROM rooms WHERE id > 1");
  expect((await undo()).failure).toBeNull();
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

test.each([
  ["drop", usersAndRooms["0002_rooms.down.sql"]],
  ["delete", "DELETE FROM rooms"],
  ["update", "UPDATE rooms SET id = 7"],
  ["truncate", "TRUNCATE rooms"],
])("a row that arrives after the last rehearsal still stops the %s", async (_cause, sql) => {
  using folder = createMigrationFolder({ ...usersAndRooms, "0002_rooms.down.sql": sql });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open({
    // The rehearsal under the lock ends with it; the session that runs the file has yet to be opened.
    onStatement: (sql) => {
      if (isDown && sql === "ROLLBACK") slipIn();
    },
  });
  let isDown = false;
  await using intruder = await scratch.open();
  // Another process, waited for: it has committed before the next statement of ours is sent.
  const slipIn = () => {
    const script = `import pg from "pg"; const client = new pg.Client(process.env.URL);
      await client.connect(); await client.query("INSERT INTO rooms VALUES (1)"); await client.end();`;
    const environment = { ...process.env, URL: scratch.url };
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { env: environment });
    expect(status, String(stderr)).toBe(0);
  };
  await migrate(database, folder);
  const plan = await planDown(database, folder.directory, {});
  isDown = true;
  const result = await applyDown(database, plan, { directory: folder.directory, lockWaitMs: 0 });
  expect(result.failure?.code).toBe("E_PLAN_STALE");
  expect(await intruder.query("SELECT id FROM rooms")).toEqual([{ id: 1 }]);
});

test("the rehearsal waits for a lock no longer than lock_timeout", async () => {
  const limit = "DO $$ BEGIN ASSERT current_setting('lock_timeout') = '200ms'; END $$";
  using folder = createMigrationFolder({
    ...usersAndRooms,
    "0002_rooms.down.sql": `${limit};\n${usersAndRooms["0002_rooms.down.sql"]}`,
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open({ lockTimeoutMs: 200 });
  await migrate(database, folder);
  await using reader = await database.connect();
  await reader.execute("BEGIN; SELECT FROM rooms");
  // Without a limit it would wait for ever.
  await expect(planDown(database, folder.directory, {})).rejects.toMatchObject({ code: "E_LOCK_TIMEOUT" });
  await reader.execute("ROLLBACK");
});

test("the rehearsal gives its locks back before it counts rows", async () => {
  using folder = createMigrationFolder(usersAndRooms);
  await using scratch = await createScratchDatabase();
  await using observer = await scratch.open();
  const held: Promise<readonly object[]>[] = [];
  await using database = await scratch.open({
    onStatement: (sql) => {
      if (sql.startsWith("ROLLBACK TO")) held.push(observer.query(exclusiveLocks));
    },
  });
  await migrate(database, folder);
  await database.execute("INSERT INTO rooms SELECT generate_series(1, 1000)");
  await planDown(database, folder.directory, {});
  expect(await Promise.all(held)).toEqual([[]]);
});

const exclusiveLocks =
  "SELECT relation::regclass::text FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

test("rows that a policy hides are no reason to call a table empty", async () => {
  using folder = createMigrationFolder(usersAndRooms);
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const role = `owner_${Math.random().toString(36).slice(2)}`;
  await database.execute(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
  await database.execute(
    `GRANT CREATE ON DATABASE ${scratch.target.database} TO ${role}; ALTER SCHEMA public OWNER TO ${role}`,
  );
  try {
    await using owner = await openDatabase({ ...scratch.target, user: role, password: "x" });
    await migrate(owner, folder);
    await owner.execute(
      "INSERT INTO rooms VALUES (1); ALTER TABLE rooms ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    );
    await expect(planDown(owner, folder.directory, {})).rejects.toMatchObject({
      message: expect.stringContaining("row-level security"),
    });
  } finally {
    await database.execute(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
  }
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
