import { truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { readMarker, writeMarker } from "../../src/db/marker.js";
import { openDatabase } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { type BackupFolder, backUpWhole, createBackupFolder, digestTables, forgePreData } from "../support/backup.js";
import { runRoomctl } from "../support/cli.js";
import { createScratchDatabase, type ScratchDatabase } from "../support/postgres.js";

const leftovers: string[] = [];
afterEach(async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  for (const name of leftovers.splice(0)) await database.execute(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
});

function restore(url: string, folder: BackupFolder, words: readonly string[]) {
  return runRoomctl(["backup", "restore", ...words], {
    databaseUrl: url,
    environment: { ROOMCTL_REPO: folder.directory, ROOMCTL_ENV: "development" },
  });
}

const markAs = async (scratch: ScratchDatabase, environment: "development" | "staging" | "production") => {
  await using database = await scratch.open();
  await withTransaction(database, {}, (connection) => writeMarker(connection, environment));
};

test("a database that was only marked is restored into, and keeps its mark; one with records is not", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute("CREATE TABLE a (id int); INSERT INTO a VALUES (1)");
  await markAs(source, "production");
  await backUpWhole(from, folder.directory);
  await using target = await createScratchDatabase();
  await markAs(target, "development");
  const restored = await restore(target.url, folder, []);
  expect(restored.status).toBe(0);
  expect(restored.stderr).toContain("is marked production, this one is marked development");
  await using to = await target.open();
  expect(await readMarker(to)).toMatchObject({ environment: "development" });
  // The row of this restore came after the comparison.
  expect(await to.query("SELECT kind FROM roomctl.operations")).toEqual([{ kind: "restore" }]);

  await using worn = await createScratchDatabase();
  await markAs(worn, "development");
  await using wornDatabase = await worn.open();
  await wornDatabase.execute("INSERT INTO roomctl.migrations (name, run_on) VALUES ('0001_gone', now())");
  const refused = await restore(worn.url, folder, []);
  expect([refused.status, refused.stderr]).toEqual([
    4,
    expect.stringContaining("roomctl.migrations tells of earlier ones"),
  ]);
  expect(await readMarker(wornDatabase)).toMatchObject({ environment: "development" });
});

test("what takes the place of a database is marked no laxer than it was, and lets nobody else in", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await markAs(source, "development");
  {
    await using from = await source.open();
    await from.execute("CREATE TABLE a (id int)");
    const { id } = await backUpWhole(from, folder.directory);
    leftovers.push(`${source.target.database}_before_${id}`, `roomctl_restoring_${id}`);
  }
  await markAs(source, "production");
  const rights = "SELECT datacl::text AS rights FROM pg_database WHERE datname = current_database()";
  const before = await source.open();
  const name = `"${source.target.database}"`;
  await before.execute(
    `REVOKE ALL ON DATABASE ${name} FROM PUBLIC; GRANT CONNECT ON DATABASE ${name} TO pg_monitor WITH GRANT OPTION`,
  );
  const wanted = await before.query(rights);
  await before[Symbol.asyncDispose]();
  const swapped = await restore(source.url, folder, ["--swap", `--confirm=${source.target.database}`]);
  expect([swapped.status, swapped.stderr]).toEqual([0, ""]);
  await using now = await source.open();
  expect(await readMarker(now)).toMatchObject({ environment: "production" });
  expect(await now.query(rights)).toEqual(wanted);
});

test("a role that may make databases and is no superuser restores what it owns", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using administration = await scratch.open();
  const role = `clerk_${scratch.target.database}`;
  await administration.execute(
    `CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'clerk'; ALTER DATABASE "${scratch.target.database}" OWNER TO ${role}`,
  );
  const [name, shut] = [`${scratch.target.database}_copy`, `${scratch.target.database}_shut`];
  leftovers.push(name, shut);
  try {
    await using from = await openDatabase({ ...scratch.target, user: role, password: "clerk" });
    await from.execute(
      "CREATE TABLE a (id serial PRIMARY KEY, b text); INSERT INTO a (b) VALUES ('x'); CREATE INDEX ON a (b)",
    );
    await backUpWhole(from, folder.directory);
    const url = scratch.url.replace(/\/\/[^@]*@/, `//${role}:clerk@`);
    const restored = await restore(url, folder, ["--new-database", name]);
    expect([restored.status, restored.stderr]).toEqual([0, ""]);
    await using to = await openDatabase({ ...scratch.target, database: name });
    expect(await digestTables(to)).toEqual(await digestTables(from));

    // Done is done, also where the database that was made lets its maker not in.
    await administration.execute(`ALTER DATABASE "${scratch.target.database}" CONNECTION LIMIT 0`);
    await backUpWhole(administration, folder.directory);
    const closed = await restore(url, folder, ["--new-database", shut]);
    expect([closed.status, closed.stderr]).toEqual([
      0,
      expect.stringContaining(`"${shut}" is restored, but how it is`),
    ]);
  } finally {
    await administration.execute(`DROP DATABASE IF EXISTS "${name}"`);
    await administration.execute(`DROP DATABASE IF EXISTS "${shut}"`);
    await administration.execute(
      `ALTER DATABASE "${scratch.target.database}" OWNER TO CURRENT_USER; DROP OWNED BY ${role}; DROP ROLE ${role}`,
    );
  }
});

test("a database of another encoding comes back in that encoding", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using administration = await scratch.open();
  const [name, copy] = [`${scratch.target.database}_latin`, `${scratch.target.database}_copy`];
  leftovers.push(name, copy);
  await administration.execute(
    `CREATE DATABASE "${name}" TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc`,
  );
  await using from = await openDatabase({ ...scratch.target, database: name });
  await from.execute(
    `CREATE TABLE "größe" (wort text CHECK (wort <> 'nö')); INSERT INTO "größe" VALUES ('süß'), ('ÿ')`,
  );
  await backUpWhole(from, folder.directory);
  const restored = await restore(scratch.url, folder, ["--new-database", copy]);
  expect([restored.status, restored.stderr]).toEqual([0, ""]);
  await using to = await openDatabase({ ...scratch.target, database: copy });
  expect(await digestTables(to)).toEqual(await digestTables(from));
  expect(await to.query("SHOW server_encoding")).toEqual([{ server_encoding: "LATIN1" }]);
});

test("functions that call others by bare names need --search-path, and the refusal says so", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(`CREATE FUNCTION inner_one(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
    CREATE FUNCTION outer_one(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN inner_one($1); END';
    CREATE TABLE a (id int CHECK (outer_one(id) > 0)); INSERT INTO a VALUES (1)`);
  await backUpWhole(from, folder.directory);
  await using target = await createScratchDatabase();
  const refused = await restore(target.url, folder, []);
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("--search-path public")]);
  const restored = await restore(target.url, folder, ["--search-path", "public"]);
  expect([restored.status, restored.stderr]).toEqual([0, ""]);
  expect(restored.stdout).toContain("went on where another run was cut off");
});

test("what can never become a database is not left behind, and the error says which backup and what to type", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute("CREATE TABLE a (id int); INSERT INTO a VALUES (1)");
  const { id } = await backUpWhole(from, folder.directory);
  leftovers.push(`roomctl_restoring_${id}`);
  const left = "SELECT datname FROM pg_database WHERE datname LIKE '%' || $1";
  truncateSync(join(folder.directory, id, "data/0001.0001.copy.zst"), 9);
  const words = ["--new-database", "nobody", "--repo", folder.directory];
  const damaged = await restore(source.url, folder, words);
  expect([damaged.status, damaged.stderr]).toEqual([3, expect.stringContaining(`backup ${id} is damaged`)]);
  expect(damaged.stderr).toContain(`next: roomctl backup verify ${id} --repo ${folder.directory}\n`);
  expect(await from.query(left, [id])).toEqual([]);
  forgePreData(folder.directory, (sql) => `${sql}\nSELECT 1 FROM nothing_of_that_name;\n`);
  const refused = await restore(source.url, folder, words);
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("refused a statement of the schema")]);
  expect(await from.query(left, [id])).toEqual([]);
});
