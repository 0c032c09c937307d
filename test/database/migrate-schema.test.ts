import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { referenceApp } from "../../src/core/reference-app.js";
import type { Database } from "../../src/db/pool.js";
import {
  compareSnapshots,
  readSchemaSnapshot,
  type SchemaSnapshot,
  schemaFingerprint,
  snapshotLines,
} from "../../src/db/snapshot.js";
import { applyMigrations } from "../../src/migrate/apply.js";
import { applyDown, planDown } from "../../src/migrate/down.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const directory = referenceApp.migrationsDirectory;
const goldenPath = fileURLToPath(new URL("../golden/schema.txt", import.meta.url));

async function migrate(database: Database): Promise<number> {
  const result = await applyMigrations(database, { directory, environment: "development", lockWaitMs: 5000 });
  expect(result.failure).toBeNull();
  return result.steps.length;
}

const publicSchema = (database: Database) => readSchemaSnapshot(database, { schemas: ["public"] });

describe("the project's own migrations", () => {
  test.each(serverNames)("go up, up again, all down and all up on %s, to the same schema", async (server) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const empty = await readSchemaSnapshot(database);
    const total = readMigrationFiles(directory).length;
    expect(await migrate(database)).toBe(total);
    const first = await readSchemaSnapshot(database);
    expect(await migrate(database)).toBe(0);
    const plan = await planDown(database, directory, { count: total });
    expect(plan.losses).toEqual([]);
    const down = await applyDown(database, plan, { directory, count: total, lockWaitMs: 0 });
    expect(down.failure).toBeNull();
    expect(compareSnapshots(empty, await readSchemaSnapshot(database))).toEqual([]);
    expect(await migrate(database)).toBe(total);
    expect(compareSnapshots(first, await readSchemaSnapshot(database))).toEqual([]);
  });

  test.each(serverNames)("change nothing on %s when every file runs a second time", async (server) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await migrate(database);
    const first = await readSchemaSnapshot(database);
    for (const { up } of readMigrationFiles(directory)) await database.execute(up.sql);
    expect(compareSnapshots(first, await readSchemaSnapshot(database))).toEqual([]);
  });

  // After a wanted change of the schema: ROOMCTL_UPDATE_GOLDEN=1 npx vitest run test/database/migrate-schema.test.ts
  // then read the difference in version control before committing it.
  test("make the schema that test/golden/schema.txt shows", async () => {
    await using scratch = await createScratchDatabase({ server: "postgres18" });
    await using database = await scratch.open();
    await migrate(database);
    const text = `${snapshotLines(await publicSchema(database)).join("\n")}\n`;
    if (process.env["ROOMCTL_UPDATE_GOLDEN"]) writeFileSync(goldenPath, text);
    expect(existsSync(goldenPath), "make it with ROOMCTL_UPDATE_GOLDEN=1").toBe(true);
    expect(text).toBe(readFileSync(goldenPath, "utf8"));
  });
});

const everything = `
  CREATE SCHEMA "odd ""schema";
  CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE TYPE pair AS (a int, b text);
  CREATE SEQUENCE counter;
  CREATE TABLE parent (id int PRIMARY KEY, mood mood NOT NULL DEFAULT 'sad', n positive);
  CREATE TABLE "odd ""schema"."odd.table" ("a b" int GENERATED ALWAYS AS IDENTITY, parent int REFERENCES parent ON DELETE CASCADE,
    twice int GENERATED ALWAYS AS (parent * 2) STORED, CHECK (parent > 0));
  CREATE TABLE events (at date NOT NULL) PARTITION BY RANGE (at);
  CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE INDEX ON parent (mood) WHERE n IS NOT NULL;
  CREATE VIEW moods AS SELECT mood FROM parent;
  CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS n FROM parent;
  CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER touched BEFORE UPDATE ON parent FOR EACH ROW EXECUTE FUNCTION touch();
  ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON parent USING (id = 1);
  CREATE RULE quiet AS ON DELETE TO parent DO INSTEAD NOTHING;
  COMMENT ON TABLE parent IS 'two
lines';
  COMMENT ON COLUMN parent.n IS 'a number';
  COMMENT ON FUNCTION double(int) IS 'twice';`;

describe("a schema snapshot", () => {
  test.each(serverNames)("is the same in two databases on %s, whatever their sessions' search path", async (server) => {
    const snapshots: SchemaSnapshot[] = [];
    for (const path of ["public", '"odd ""schema", public']) {
      await using scratch = await createScratchDatabase({ server });
      await using database = await scratch.open();
      await database.execute(`SET search_path = public; ${everything}`);
      await using connection = await database.connect();
      await connection.query("SELECT set_config('search_path', $1, false)", [path]);
      snapshots.push(await readSchemaSnapshot(connection));
      expect(await connection.query("SELECT current_setting('search_path') AS path")).toEqual([{ path }]);
    }
    const [first = {}, second = {}] = snapshots;
    expect(compareSnapshots(first, second)).toEqual([]);
    expect(Object.entries(first).filter(([, definition]) => definition === null)).toEqual([]);
    expect(schemaFingerprint(first)).toBe(schemaFingerprint(second));
  });

  const changes = [
    "ALTER TABLE parent ADD COLUMN extra int",
    "ALTER TABLE parent ALTER COLUMN mood DROP NOT NULL",
    "ALTER TABLE parent ALTER COLUMN mood SET DEFAULT 'it''s ok'",
    'ALTER TABLE "odd ""schema"."odd.table" ALTER COLUMN "a b" TYPE bigint',
    "ALTER TABLE parent RENAME COLUMN n TO m",
    'ALTER TABLE "odd ""schema"."odd.table" DROP CONSTRAINT "odd.table_parent_fkey"',
    'ALTER TABLE "odd ""schema"."odd.table" ALTER COLUMN "a b" SET GENERATED BY DEFAULT',
    "DROP INDEX parent_mood_idx",
    "ALTER SEQUENCE counter INCREMENT 2",
    "ALTER SEQUENCE counter OWNED BY parent.id",
    "CREATE OR REPLACE VIEW moods AS SELECT mood FROM parent WHERE id > 1",
    "CREATE OR REPLACE FUNCTION double(n int) RETURNS int LANGUAGE sql AS 'SELECT n + n'",
    "ALTER TABLE parent DISABLE TRIGGER touched",
    "ALTER TABLE parent DISABLE ROW LEVEL SECURITY",
    "ALTER POLICY own ON parent USING (id = 2)",
    "DROP RULE quiet ON parent",
    "ALTER TYPE mood ADD VALUE 'fine' BEFORE 'it''s ok'",
    "ALTER DOMAIN positive SET DEFAULT 1",
    "ALTER TYPE pair ADD ATTRIBUTE c int",
    "COMMENT ON COLUMN parent.n IS 'another number'",
    "COMMENT ON FUNCTION double(int) IS NULL",
    "ALTER TABLE events DETACH PARTITION events_2026",
    "CREATE EXTENSION citext",
    "CREATE SCHEMA later",
  ];

  test.each(serverNames)("on %s shows each of many small changes", async (server) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`SET search_path = public; ${everything}`);
    await using connection = await database.connect();
    await connection.execute("SET search_path = public");
    const before = await readSchemaSnapshot(connection);
    for (const change of changes) {
      await connection.execute("BEGIN");
      await connection.execute(change);
      expect(compareSnapshots(before, await readSchemaSnapshot(connection)), change).not.toEqual([]);
      await connection.execute("ROLLBACK");
    }
    expect(compareSnapshots(before, await readSchemaSnapshot(connection))).toEqual([]);
  });

  test("holds nothing of roomctl's own", async () => {
    await using scratch = await createScratchDatabase();
    await using database = await scratch.open();
    const before = await readSchemaSnapshot(database);
    await migrate(database);
    const plan = await planDown(database, directory, { count: 1000 });
    const { failure } = await applyDown(database, plan, { directory, count: 1000, lockWaitMs: 0 });
    expect(failure).toBeNull();
    expect(await readSchemaSnapshot(database)).toEqual(before);
  });
});
