import { describe, expect, test } from "vitest";
import { readCoverage, refusalOf, writtenKinds } from "../../src/catalog/coverage.js";
import { writtenTest } from "../../src/catalog/owners.js";
import { readDependencies, readHeld, readUnits } from "../../src/catalog/read.js";
import { writeSchema } from "../../src/catalog/write.js";
import { referenceApp } from "../../src/core/reference-app.js";
import { readSchema } from "../../src/db/snapshot.js";
import { applyMigrations } from "../../src/migrate/apply.js";
import { hostileSchema } from "../support/backup.js";
import { createSource, giveTo, openAs, roundTrip } from "../support/catalog.js";
import { catalogCaseScripts, catalogCases, catalogCases18, catalogRoles } from "../support/catalog-cases.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { richRoles, richSchema } from "../support/rich-schema.js";

const equal = { differences: [], refusal: undefined };
const migrateOptions = {
  directory: referenceApp.migrationsDirectory,
  environment: "development",
  lockWaitMs: 5000,
} as const;

describe.each(serverNames)("a schema written from the catalog of %s", (server) => {
  const withDump = server === "postgres15";

  test("comes back equal, with an object of every kind", async () => {
    await using source = await createSource(server, richRoles, richSchema);
    expect(await roundTrip(source, { server, withDump })).toEqual(equal);
  });

  test("comes back equal, with hostile names", async () => {
    await using source = await createSource(server, hostileSchema);
    expect(await roundTrip(source, { server, withDump })).toEqual(equal);
  });

  const cases = server === "postgres18" ? [...catalogCases, ...catalogCases18] : catalogCases;
  test(`comes back equal, with ${cases.length} difficulties that cover every kind that is written`, async () => {
    await using source = await createSource(server, catalogRoles, ...catalogCaseScripts(cases));
    expect(await roundTrip(source, { server, withDump })).toEqual(equal);
    await using database = await source.open();
    const keys = (await readSchema(database)).facts.map(({ key }) => key);
    expect(writtenKinds.filter((kind) => !keys.some((key) => `${key} `.startsWith(`${kind} `)))).toEqual([]);
  });

  test("comes back equal after the reference app's migrations, also for an owner who is no superuser", async () => {
    for (const role of [undefined, "catalog_owner"]) {
      await using source = await createSource(server, catalogRoles);
      if (role) await giveTo(source, role);
      await using database = await openAs(source, role);
      expect((await applyMigrations(database, migrateOptions)).failure).toBeNull();
      await database.execute(
        "CREATE TYPE mine AS ENUM ('a'); CREATE TABLE of_mine (id int GENERATED ALWAYS AS IDENTITY, m mine)",
      );
      await database.execute("GRANT SELECT ON of_mine TO catalog_reader; COMMENT ON TABLE of_mine IS 'm'");
      expect(await roundTrip(source, { server, withDump, role })).toEqual(equal);
    }
  });

  test.each([
    "DROP SCHEMA public",
    "DROP SCHEMA public; CREATE SCHEMA public; CREATE TABLE public.t (a int)",
    "ALTER SCHEMA public OWNER TO catalog_owner; COMMENT ON SCHEMA public IS 'ours'",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
  ])("comes back equal when the schema public is not what it was: %s", async (sql) => {
    await using source = await createSource(server, catalogRoles, sql);
    expect(await roundTrip(source, { server, withDump })).toEqual(equal);
  });

  test.each(refusals)("is refused, naming what it is: %s", async (message, sql) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    // A subscription would keep its database from being dropped.
    await connection.execute("BEGIN");
    await connection.execute(sql);
    await expect(writeSchema(connection)).rejects.toMatchObject({
      code: "E_UNSUPPORTED",
      exitCode: 4,
      message: `unsupported objects: ${message}`,
      hint: expect.stringContaining("pg_dump"),
    });
    await connection.execute("ROLLBACK");
  });

  test("has other names at most for the rows that PostgreSQL makes up for each partition behind a foreign key", async () => {
    await using source = await createSource(
      server,
      `CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE c (id int REFERENCES p);
       CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100)`,
    );
    const { differences } = await roundTrip(source, { server, withDump });
    expect(differences?.filter((line) => !/^[+-] constraint public\.c c_id_fkey_?[12]: /.test(line))).toEqual([]);
  });

  test("would be refused if any one of its objects were forgotten", async () => {
    await using source = await createSource(server, catalogRoles, richRoles, richSchema, ...catalogCaseScripts(cases));
    await using database = await source.open();
    await using connection = await database.connect();
    const { major, labels } = await readCoverage(connection);
    const dependencies = await readDependencies(connection);
    const held = await readHeld(connection, major);
    const units = await readUnits(connection, major);
    const told = units.filter(({ id }) => labels.has(id));
    const unnoticed = told.filter(({ id }) => {
      const without = units.filter((unit) => unit.id !== id);
      return writtenTest({ units: without, dependencies, held })(id);
    });
    expect(told.length).toBeGreaterThan(250);
    // Of an identity column: it comes with the column, or the column would not be one.
    expect(unnoticed.filter(({ statements }) => !/ AS IDENTITY /.test(statements[0] ?? ""))).toEqual([]);
  });

  test("leaves the session as it was", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    await connection.execute("SET search_path = a, b; SET datestyle = 'German'; SET extra_float_digits = 0");
    const settings = "SELECT name, setting FROM pg_settings WHERE source = 'session' ORDER BY name";
    const before = await connection.query(settings);
    await writeSchema(connection);
    expect(await connection.query(settings)).toEqual(expect.arrayContaining([...before]));
    expect(await connection.query("SHOW quote_all_identifiers")).toEqual([{ quote_all_identifiers: "off" }]);
  });
});

/** What cannot be made again, and SQL that makes it. */
const refusals: readonly (readonly [message: string, sql: string])[] = [
  [
    "type public.base_type",
    `CREATE TYPE base_type; CREATE FUNCTION base_in(cstring) RETURNS base_type IMMUTABLE STRICT LANGUAGE internal AS 'textin';
     CREATE FUNCTION base_out(base_type) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'textout';
     CREATE TYPE base_type (INPUT = base_in, OUTPUT = base_out, LIKE = text)`,
  ],
  [
    "subscription incoming",
    "CREATE SUBSCRIPTION incoming CONNECTION 'dbname=x' PUBLICATION y WITH (connect = false, slot_name = NONE)",
  ],
  [
    "table public.child (its columns are not in the order that INHERITS would give them)",
    "CREATE TABLE mother (a int); CREATE TABLE child (b int) INHERITS (mother); ALTER TABLE mother ADD z int",
  ],
  [
    "operator public.<<<(point,point)",
    `CREATE FUNCTION lt(point, point) RETURNS bool LANGUAGE sql AS 'SELECT true';
     CREATE OPERATOR >>> (leftarg = point, rightarg = point, function = lt, commutator = <<<)`,
  ],
  [
    "function pg_catalog.stray() (it is in a schema of the system), type pg_catalog.stray_type (it is in a schema of the system)",
    "SET allow_system_table_mods = on; CREATE FUNCTION pg_catalog.stray() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE pg_catalog.stray_type AS ENUM ()",
  ],
  [
    "function public.one() and function public.two() need each other",
    `CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION two() RETURNS int LANGUAGE sql RETURN one();
     CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql RETURN two()`,
  ],
  [
    "index public.broken_a_idx (it is invalid: REINDEX or drop it)",
    "CREATE TABLE broken (a int); CREATE INDEX ON broken (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken_a_idx'::regclass",
  ],
  [
    "constraint public.unchecked unchecked_a_fkey (its triggers are disabled)",
    "CREATE TABLE target (a int PRIMARY KEY); CREATE TABLE unchecked (a int REFERENCES target); ALTER TABLE unchecked DISABLE TRIGGER ALL",
  ],
];

test("a kind that nothing writes is refused", () => {
  expect(refusalOf({ key: "wormhole public.far", definition: "" })).toEqual(["wormhole public.far"]);
  expect(refusalOf({ key: "tablet public.far", definition: "" })).toEqual(["tablet public.far"]);
  expect(refusalOf({ key: "table public.far", definition: "" })).toEqual([]);
});
