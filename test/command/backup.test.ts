import { spawn } from "node:child_process";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readMarker, writeMarker } from "../../src/db/marker.js";
import type { Connection, Database } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { backUp, createBackupFolder, digestTables } from "../support/backup.js";
import { untilBlocked } from "../support/blocked.js";
import { programPath, runRoomctl } from "../support/cli.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, type ScratchDatabase } from "../support/postgres.js";

const rooms = "CREATE TABLE IF NOT EXISTS rooms (id serial PRIMARY KEY, topic text);";
const guests = "CREATE TABLE IF NOT EXISTS guests (id serial PRIMARY KEY, room int REFERENCES rooms);";
const someRows = "INSERT INTO rooms (topic) VALUES ('a'), ('b'); INSERT INTO guests (room) VALUES (1), (2), (2);";
const manyRows = `CREATE TABLE big (id int, body text);
  INSERT INTO big SELECT n, string_agg(md5(n::text || m), '') FROM generate_series(1, 30000) AS n, generate_series(1, 12) AS m GROUP BY n`;

interface Receipt {
  readonly id: string;
  readonly directory: string;
}

test("a backup made on one database is listed, verified and restored into an empty one, migrations first", async () => {
  using folder = createBackupFolder();
  using migrations = createMigrationFolder({ "0001_rooms.up.sql": rooms, "0002_guests.up.sql": guests });
  await using source = await createScratchDatabase();
  const environment = { ROOMCTL_REPO: folder.directory, ROOMCTL_DIR: migrations.directory };
  const run = (scratch: ScratchDatabase, ...words: string[]) =>
    runRoomctl(words, { databaseUrl: scratch.url, environment });

  expect((await run(source, "migrate", "up")).status).toBe(0);
  await using from = await source.open();
  await from.execute(someRows);
  const created = await run(source, "backup", "create", "--note", "first", "--json");
  expect(created.status).toBe(0);
  const { id } = created.json<Receipt>();
  // Five rows of the app, and five that say which migrations ran and what the database is.
  expect(created.json()).toMatchObject({ ok: true, command: "backup create", rows: 10 });

  const listed = await run(source, "backup", "list");
  expect(listed.stdout).toMatch(new RegExp(`^backup\\t.*\\n${id}\\t.*\\t9\\t10\\t.*\\tcomplete\\tfirst\\n$`));
  expect((await run(source, "backup", "verify")).stdout).toContain(`backup ${id} is sound: 9 tables, 10 rows`);

  await using target = await createScratchDatabase();
  migrations.write("0003_later.up.sql", "CREATE TABLE IF NOT EXISTS later (id int);");
  const planned = await run(target, "backup", "restore", "--dry-run");
  expect(planned.status).toBe(0);
  expect(planned.stdout).toContain("runs 2 migrations first");
  await using to = await target.open();
  expect(await digestTables(to)).toEqual({});
  const restored = await run(target, "backup", "restore", "latest", "--json");
  expect(restored.status).toBe(0);
  expect(restored.json()).toMatchObject({
    applied: true,
    migrated: ["0001_rooms", "0002_guests"],
    receipt: { rows: 5 },
  });
  expect(await digestTables(to)).toEqual(await digestTables(from));
  expect(await to.query("INSERT INTO guests (room) VALUES (1) RETURNING id")).toEqual([{ id: 4 }]);

  const again = await run(target, "backup", "restore");
  expect(again).toMatchObject({ status: 4, stdout: "" });
  expect(again.stderr).toContain("guests (4 rows)");
});

const seeded = `CREATE TABLE IF NOT EXISTS kinds (id serial PRIMARY KEY, name text);
  CREATE TABLE IF NOT EXISTS things (kind int REFERENCES kinds);
  INSERT INTO kinds (name) VALUES ('one'), ('two');`;

test("rows that the migrations insert give way to the backup's", async () => {
  using folder = createBackupFolder();
  using migrations = createMigrationFolder({ "0001_kinds.up.sql": seeded });
  const environment = { ROOMCTL_REPO: folder.directory, ROOMCTL_DIR: migrations.directory };
  await using source = await createScratchDatabase();
  expect((await runRoomctl(["migrate"], { databaseUrl: source.url, environment })).status).toBe(0);
  await using from = await source.open();
  await from.execute("UPDATE kinds SET name = 'ONE' WHERE id = 1; INSERT INTO kinds (name) VALUES ('three')");
  await from.execute("INSERT INTO things VALUES (3)");
  await backUp(from, folder.directory);
  await using target = await createScratchDatabase();
  const restored = await runRoomctl(["backup", "restore"], { databaseUrl: target.url, environment });
  expect([restored.status, restored.stderr]).toEqual([0, ""]);
  expect(restored.stdout).toContain("replaced 2 rows that migrations put into kinds");
  await using to = await target.open();
  expect(await digestTables(to)).toEqual(await digestTables(from));
  expect(await to.query("INSERT INTO kinds (name) VALUES ('four') RETURNING id")).toEqual([{ id: 4 }]);
  // Now these rows are somebody's.
  const again = await runRoomctl(["backup", "restore"], { databaseUrl: target.url, environment });
  expect([again.status, again.stderr]).toEqual([4, expect.stringContaining("kinds (4 rows)")]);
  expect(again.stderr).not.toContain("--scope");
});

test.each([
  ["production", "development", "production"],
  ["development", "staging", "staging"],
  ["development", "development", "development"],
  [null, "development", "production"],
] as const)(
  "a backup of a database marked %s, restored under the setting %s, leaves it marked %s",
  async (marked, setting, left) => {
    using folder = createBackupFolder();
    using migrations = createMigrationFolder({ "0001_rooms.up.sql": rooms });
    const environment = { ROOMCTL_REPO: folder.directory, ROOMCTL_DIR: migrations.directory };
    await using source = await createScratchDatabase();
    expect((await runRoomctl(["migrate"], { databaseUrl: source.url, environment })).status).toBe(0);
    await using from = await source.open();
    if (marked === null) await from.execute("DELETE FROM roomctl.marker");
    else await withTransaction(from, {}, (connection) => writeMarker(connection, marked));
    await backUp(from, folder.directory);
    await using target = await createScratchDatabase();
    const restored = await runRoomctl(["backup", "restore"], {
      databaseUrl: target.url,
      environment: { ...environment, ROOMCTL_ENV: setting },
    });
    expect([restored.status, restored.stderr]).toEqual([0, ""]);
    expect(restored.stdout).toContain(`"${target.target.database}" is marked ${left}`);
    await using to = await target.open();
    expect(await readMarker(to)).toMatchObject({ environment: left });
  },
);

test("a mark that was there before stays, and is warned about when it is laxer than the backup's", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(rooms);
  await withTransaction(database, {}, (connection) => writeMarker(connection, "production"));
  await backUp(database, folder.directory);
  await withTransaction(database, {}, (connection) => writeMarker(connection, "development"));
  const environment = { ROOMCTL_REPO: folder.directory };
  const restored = await runRoomctl(["backup", "restore", "--json"], { databaseUrl: scratch.url, environment });
  expect(restored.json()).toMatchObject({
    environment: "development",
    warnings: [expect.stringContaining("is marked production, this one is marked development")],
  });
});

test("a backup brings its own migrations; one that keeps no schema needs the folder's to be the same", async () => {
  using folder = createBackupFolder();
  using migrations = createMigrationFolder({ "0001_rooms.up.sql": rooms });
  const environment = { ROOMCTL_REPO: folder.directory, ROOMCTL_DIR: migrations.directory };
  await using source = await createScratchDatabase();
  const run = (scratch: ScratchDatabase, ...words: string[]) =>
    runRoomctl(words, { databaseUrl: scratch.url, environment });
  expect((await run(source, "migrate")).status).toBe(0);
  expect((await run(source, "backup", "create", "--schema", "migrations")).status).toBe(0);
  migrations.write("0001_rooms.up.sql", `${rooms} -- edited`);
  await using built = await createScratchDatabase();
  expect((await run(built, "backup", "restore")).status).toBe(0);
  expect((await run(source, "backup", "create", "--schema", "none")).status).toBe(0);
  await using target = await createScratchDatabase();
  for (const words of [["--dry-run"], []]) {
    const refused = await run(target, "backup", "restore", ...words);
    expect(refused).toMatchObject({ status: 12, stdout: "" });
    expect(refused.stderr).toContain("0001_rooms is missing, edited or out of its place");
  }
  await using database = await target.open();
  expect(await digestTables(database)).toEqual({});
  await using same = await built.open();
  expect(Object.keys(await digestTables(same))).toEqual(["public.rooms"]);
});

test("an empty database is not filled from a backup without migrations", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(rooms);
  await backUp(from, folder.directory);
  await using target = await createScratchDatabase();
  const refused = await runRoomctl(["backup", "restore"], {
    databaseUrl: target.url,
    environment: { ROOMCTL_REPO: folder.directory },
  });
  expect(refused).toMatchObject({ status: 12, stdout: "" });
  expect(refused.stderr).toContain("the backup holds rows alone");
});

test("a damaged backup is exit 3 for verify and for restore, and needs no database to be found", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`${rooms} INSERT INTO rooms (topic) VALUES ('a')`);
  const { directory, id } = await backUp(database, folder.directory);
  truncateSync(join(directory, "data/0001.0001.copy.zst"), 5);
  const verified = await runRoomctl(["backup", "verify", "--repo", folder.directory, "--json"]);
  expect(verified.status).toBe(3);
  expect(verified.json()).toMatchObject({
    ok: false,
    findings: [{ problem: "length", file: "data/0001.0001.copy.zst" }],
  });
  const text = await runRoomctl(["backup", "verify", id, "--repo", folder.directory]);
  expect(text.stdout).toContain("data/0001.0001.copy.zst (rooms) has 5 bytes instead of");
  await database.execute("TRUNCATE rooms");
  const restored = await runRoomctl(["backup", "restore", "--repo", folder.directory], { databaseUrl: scratch.url });
  expect(restored).toMatchObject({ status: 3, stdout: "" });
  expect(await database.query("SELECT * FROM rooms")).toEqual([]);
});

test("a backup that turns out to be damaged while it is loaded leaves no new database", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using database = await source.open();
  await database.execute(`${rooms} ${guests} ${someRows}`);
  const environment = { ROOMCTL_REPO: folder.directory };
  const run = (...words: string[]) => runRoomctl(words, { databaseUrl: source.url, environment });
  const created = await run("backup", "create", "--schema", "catalog", "--json");
  expect(created.status).toBe(0);
  const file = "data/0001.0001.copy.zst";
  const path = join(created.json<Receipt>().directory, file);
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  writeFileSync(path, bytes);
  const name = `${source.target.database}_new`;
  const restored = await run("backup", "restore", "latest", "--new-database", name);
  expect(restored).toMatchObject({ status: 3, stdout: "" });
  expect(restored.stderr).toContain(file);
  const made = "SELECT datname FROM pg_database WHERE datname IN ($1, $2)";
  const temporary = `roomctl_restoring_${created.json<Receipt>().id}`;
  expect(await database.query(made, [name, temporary])).toEqual([]);
  // The same once more with a sound file: the name was not taken by the first try.
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  writeFileSync(path, bytes);
  expect((await run("backup", "restore", "latest", "--new-database", name)).status).toBe(0);
  await database.execute(`DROP DATABASE "${name}" WITH (FORCE)`);
});

test("a backup that does not exist is exit 2, with those that do", async () => {
  using folder = createBackupFolder();
  const missing = await runRoomctl(["backup", "verify", "2020", "--repo", folder.directory]);
  expect(missing).toMatchObject({ status: 2, stdout: "" });
  expect(missing.stderr).toContain("roomctl backup create");
  const listed = await runRoomctl(["backup", "list", "--repo", folder.directory, "--json"]);
  expect(listed.json()).toMatchObject({ ok: true, backups: [] });
});

test("a full disk ends a backup with exit 1 and leaves nothing", async () => {
  using folder = createBackupFolder();
  await using scratch = await createBig();
  // A limit on the size of a file stands for the full disk: the write fails in the same place.
  const { status, stderr } = await spawnLimited(scratch, folder.directory);
  expect(status).toBe(1);
  expect(stderr).toContain("no room left in the backup folder");
  expect(stderr).toContain("--repo");
  expect(folder.entries()).toEqual([]);
});

test("a backup killed in the middle is never seen, and the next one sweeps what it left", async () => {
  using folder = createBackupFolder();
  await using scratch = await createBig();
  await using database = await scratch.open();
  await using holder = await holdBackups(database);
  const words = ["backup", "create", "--repo", folder.directory, ...heldUp];
  const signal = { name: "SIGKILL", after: untilBlocked(database) } as const;
  expect(await runRoomctl(words, { databaseUrl: scratch.url, signal })).toMatchObject({ signal: "SIGKILL" });
  await holder.execute("ROLLBACK");
  const [left, ...others] = folder.entries();
  expect(left).toMatch(/\.partial$/);
  expect(others).toEqual(["lock"]);
  const environment = { ROOMCTL_REPO: folder.directory };
  expect((await runRoomctl(["backup", "list", "--json"], { environment })).json()).toMatchObject({ backups: [] });
  expect((await runRoomctl(["backup", "verify"], { environment })).status).toBe(2);
  const next = await runRoomctl(["backup", "create", "--json"], { databaseUrl: scratch.url, environment });
  expect(next.status).toBe(0);
  expect(next.json()).toMatchObject({ swept: [left] });
  expect(folder.entries()).toEqual([next.json<Receipt>().id]);
});

test("Ctrl-C in the middle of a backup is exit 130 and leaves nothing", async () => {
  using folder = createBackupFolder();
  await using scratch = await createBig();
  await using database = await scratch.open();
  await using _holder = await holdBackups(database);
  const words = ["backup", "create", "--repo", folder.directory, ...heldUp];
  const signal = { name: "SIGINT", after: untilBlocked(database) } as const;
  expect(await runRoomctl(words, { databaseUrl: scratch.url, signal })).toMatchObject({ status: 130 });
  expect(folder.entries()).toEqual([]);
});

/** For whoever is kept waiting: rows alone, and patience. */
const heldUp = ["--schema", "none", "--lock-timeout", "600s"];

/** Large objects are read when the rows of all tables are written. */
async function holdBackups(database: Database): Promise<Connection> {
  const holder = await database.connect();
  await holder.execute("BEGIN; LOCK TABLE pg_largeobject_metadata");
  return holder;
}

test.each(["SIGKILL", "SIGINT"] as const)(
  "a restore ended by %s in the middle leaves the tables empty",
  async (name) => {
    using folder = createBackupFolder();
    await using scratch = await createBig();
    await using database = await scratch.open();
    await backUp(database, folder.directory);
    // Row by row until one in the middle has to wait for us.
    await database.execute(`TRUNCATE big;
      CREATE FUNCTION pass(n int) RETURNS boolean LANGUAGE plpgsql AS
        'BEGIN IF n = 15000 THEN PERFORM pg_advisory_xact_lock(77); END IF; RETURN true; END';
      ALTER TABLE big ADD CHECK (pass(id))`);
    await using holder = await database.connect();
    await holder.query("SELECT pg_advisory_lock(77)");
    const words = ["backup", "restore", "--repo", folder.directory, "--lock-timeout", "600s"];
    const signal = { name, after: untilBlocked(database) } as const;
    const ended = await runRoomctl(words, { databaseUrl: scratch.url, signal });
    expect(ended).toMatchObject(name === "SIGINT" ? { status: 130 } : { signal: name });
    await holder.query("SELECT pg_advisory_unlock(77)");
    expect(await database.query("SELECT count(*) FROM big")).toEqual([{ count: "0" }]);
    const again = await runRoomctl(words, { databaseUrl: scratch.url });
    expect(again.status).toBe(0);
  },
);

async function createBig(): Promise<ScratchDatabase> {
  const scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(manyRows);
  return scratch;
}

interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

function spawnLimited(scratch: ScratchDatabase, repository: string): Promise<Ended> {
  const script = 'ulimit -f 200; exec "$0" "$@"';
  const words = ["-c", script, process.execPath, programPath, "backup", "create", "--repo", repository];
  const child = spawn("bash", words, {
    cwd: "/",
    env: { PATH: process.env["PATH"], HOME: "/nonexistent", ROOMCTL_DATABASE_URL: scratch.url },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.once("close", (status) => resolve({ status, stderr }));
  });
}
