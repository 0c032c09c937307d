import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openScratch } from "../../src/db/scratch.js";
import { buildSchema, parseMigration } from "../../src/migrate/build.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import { loadParser } from "../../src/migrate/parse.js";
import { createMigrationFolder } from "../support/migrations.js";
import { serverNames } from "../support/postgres.js";

test.each(serverNames)(
  "a scratch server has the wanted major version and leaves nothing behind (%s)",
  async (name) => {
    const directory = mkdtempSync(join(tmpdir(), "roomctl-scratch-"));
    const majorVersion = Number(/\d+/.exec(name)?.[0]);
    {
      await using server = await openScratch({ directory, majorVersion });
      expect(server.majorVersion).toBe(majorVersion);
      await using first = await server.createDatabase();
      {
        await using database = await first.open();
        await database.execute("CREATE TABLE t (n int)");
      }
      await using copy = await server.createDatabase(first.name);
      await using database = await copy.open();
      expect(await database.query("SELECT n FROM t")).toEqual([]);
    }
    expect(readdirSync(join(directory, "scratch"))).toEqual([]);
    rmSync(directory, { recursive: true });
  },
  60_000,
);

test("a schema is built from any layout, with the roles that its files name", async () => {
  using folder = createMigrationFolder({
    "1_a.up.sql": "CREATE TABLE a (n int); GRANT SELECT ON a TO app_reader; SET search_path = 'nowhere'",
    "2_b.sql":
      "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY a_n ON a (n);\n-- migrate:down\nDROP INDEX a_n;",
    "3_c.sql": "-- Up Migration\nCREATE TABLE c (n int);\n-- Down Migration\nDROP TABLE c;",
    "4_d.sql": "-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE d (n int);\n-- +goose StatementEnd\n",
  });
  const directory = mkdtempSync(join(tmpdir(), "roomctl-scratch-"));
  {
    await using server = await openScratch({ directory });
    await using scratch = await server.createDatabase();
    await using database = await scratch.open();
    const parser = await loadParser();
    const migrations = readMigrationFiles(folder.directory).map((file) => parseMigration(parser, file));
    expect(migrations.map(({ up, down }) => [up.isTransactional, down?.statements.length])).toEqual([
      [true, undefined],
      [false, 1],
      [true, 1],
      [true, undefined],
    ]);
    await buildSchema(database, migrations);
    const found = await database.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname",
    );
    expect(found.map(({ name }) => name)).toEqual(["a", "a_n", "c", "d"]);
  }
  rmSync(directory, { recursive: true });
}, 60_000);
