import { expect, test } from "vitest";
import { applyMigrations } from "../../src/migrate/apply.js";
import { planDown } from "../../src/migrate/down.js";
import { readMigrationStatus } from "../../src/migrate/status.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase } from "../support/postgres.js";

const options = { environment: "development", lockWaitMs: 10_000 } as const;

test.each([
  "SET client_encoding = 'LATIN1'",
  "SET LOCAL client_encoding TO win1252",
  "SET NAMES 'SQL_ASCII'",
  "SELECT pg_catalog.set_config('client_encoding', 'LATIN1', false)",
])("a migration with %s is refused, since the rest of it would be read as something else", async (sql) => {
  using folder = createMigrationFolder({
    "1_names.up.sql": `CREATE TABLE names (name text);\n${sql};\nINSERT INTO names VALUES ('Žofie')`,
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const { directory } = folder;
  await expect(applyMigrations(database, { directory, ...options })).rejects.toMatchObject({
    code: "E_USAGE",
    message: expect.stringContaining("1_names.up.sql:2 changes the encoding of all that comes after it: S"),
  });
  expect(await database.query("SELECT FROM pg_class WHERE relname = 'names'")).toEqual([]);
  expect((await readMigrationStatus(database, directory)).findings).toMatchObject([{ kind: "client-encoding" }]);
});

test.each([
  ["SET client_encoding = 'LATIN1'", "SET client_encoding"],
  ["IF true THEN SET LOCAL client_encoding TO win1252; END IF", "SET LOCAL client_encoding"],
  ["PERFORM set_config('client_encoding', 'LATIN1', false)", "SELECT set_config("],
  ["was := pg_catalog.set_config('client_encoding', 'LATIN1', false)", "was := pg_catalog.set_config("],
  ["EXECUTE 'SET NAMES ''LATIN1'''", "SET NAMES"],
])("a DO block with %s is refused with the line inside it", async (statement, shown) => {
  const block = `DO $$\nDECLARE\n  was text;\nBEGIN\n  ${statement};\nEND $$`;
  using folder = createMigrationFolder({
    "1_names.up.sql": `CREATE TABLE names (name text);\n${block};\nINSERT INTO names VALUES ('Žofie')`,
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const { directory } = folder;
  await expect(applyMigrations(database, { directory, ...options })).rejects.toMatchObject({
    code: "E_USAGE",
    message: expect.stringContaining(`1_names.up.sql:6 changes the encoding of all that comes after it: ${shown}`),
  });
  expect(await database.query("SELECT FROM pg_class WHERE relname = 'names'")).toEqual([]);
  expect((await readMigrationStatus(database, directory)).findings).toMatchObject([{ kind: "client-encoding" }]);
});

test("what changes it for one call, for later sessions, or in a mere text is no change", async () => {
  using folder = createMigrationFolder({
    "1_names.up.sql": `DO $$ BEGIN SET client_encoding = 'UTF8'; PERFORM set_config('client_encoding', 'utf-8', false); END $$;
DO $$ BEGIN RAISE NOTICE 'no SET client_encoding = ''LATIN1'''; END $$;
CREATE FUNCTION latin() RETURNS text LANGUAGE plpgsql SET client_encoding = 'LATIN1' AS $$ BEGIN RETURN 'Žofie'; END $$;
CREATE FUNCTION never_called() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET client_encoding = 'LATIN1'; END $$;
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET client_encoding = ''LATIN1''', current_database()); END $$;
CREATE TABLE names (name text); INSERT INTO names SELECT latin(); INSERT INTO names VALUES ('Žofie')`,
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  expect(await applyMigrations(database, { directory: folder.directory, ...options })).toMatchObject({ failure: null });
  expect(await database.query("SELECT name FROM names")).toEqual([{ name: "Žofie" }, { name: "Žofie" }]);
});

test("what says UTF-8, as pg_dump does, or goes back to it is no change", async () => {
  using folder = createMigrationFolder({
    "1_names.up.sql": `SET client_encoding = 'UTF8'; SET NAMES 'utf8'; SET client_encoding TO DEFAULT; RESET client_encoding;
SELECT set_config('client_encoding', 'utf-8', false);
CREATE TABLE names (name text); INSERT INTO names VALUES ('Žofie')`,
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  expect(await applyMigrations(database, { directory: folder.directory, ...options })).toMatchObject({ failure: null });
  expect(await database.query("SELECT name FROM names")).toEqual([{ name: "Žofie" }]);
});

test("a down file that changes it is refused before anything is undone", async () => {
  using folder = createMigrationFolder({
    "1_names.up.sql": "CREATE TABLE names (name text)",
    "1_names.down.sql": "SET NAMES 'LATIN1'; DROP TABLE names",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const { directory } = folder;
  await applyMigrations(database, { directory, ...options });
  await expect(planDown(database, directory, {})).rejects.toMatchObject({
    code: "E_USAGE",
    message: expect.stringContaining("1_names.down.sql:1 changes the encoding"),
  });
});
