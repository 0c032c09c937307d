import { join } from "node:path";
import { expect, test } from "vitest";
import { type Environment, writeMarker } from "../../src/db/marker.js";
import { readOperations } from "../../src/db/operations.js";
import type { Database } from "../../src/db/pool.js";
import { applySeed } from "../../src/migrate/seed.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase } from "../support/postgres.js";

async function mark(database: Database, environment: Environment): Promise<void> {
  await using connection = await database.connect();
  await writeMarker(connection, environment);
  await connection.execute("CREATE TABLE public.users (id int PRIMARY KEY)");
}

test("a seed says how many rows it inserted, and is recorded", async () => {
  using folder = createMigrationFolder({
    "seed.sql": "INSERT INTO users VALUES (1), (2);\nINSERT INTO users VALUES (3)",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await mark(database, "development");
  const result = await applySeed(database, join(folder.directory, "seed.sql"), { waitMs: 0 });
  expect(result).toMatchObject({ statements: 2, inserted: [{ table: "users", rows: 3 }] });
  expect(await readOperations(database, 10)).toMatchObject([
    { kind: "seed", result: { inserted: [{ table: "users", rows: 3 }] } },
  ]);
});

test.each<Environment>(["staging", "production"])("a %s database is never seeded", async (environment) => {
  using folder = createMigrationFolder({ "seed.sql": "INSERT INTO users VALUES (1)" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await mark(database, environment);
  const seeding = applySeed(database, join(folder.directory, "seed.sql"), { waitMs: 0 });
  await expect(seeding).rejects.toMatchObject({ code: "E_PROTECTED", message: expect.stringContaining(environment) });
});

test("a database without a marker is never seeded, and stays untouched", async () => {
  using folder = createMigrationFolder({ "seed.sql": "CREATE TABLE a ()" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const seeding = applySeed(database, join(folder.directory, "seed.sql"), { waitMs: 0 });
  await expect(seeding).rejects.toMatchObject({ code: "E_PROTECTED" });
  expect(await database.query("SELECT FROM pg_namespace WHERE nspname = 'roomctl'")).toEqual([]);
});

test("a seed that fails leaves nothing, and names the line", async () => {
  using folder = createMigrationFolder({ "seed.sql": "INSERT INTO users VALUES (1);\nINSERT INTO users VALUES (1)" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await mark(database, "development");
  const seeding = applySeed(database, join(folder.directory, "seed.sql"), { waitMs: 0 });
  await expect(seeding).rejects.toMatchObject({ code: "E_SQL", message: expect.stringContaining("seed.sql:2:1") });
  expect(await database.query("SELECT id FROM users")).toEqual([]);
  expect(await readOperations(database, 10)).toEqual([]);
});
