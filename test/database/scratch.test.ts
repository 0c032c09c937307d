import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isAlive } from "../../src/db/directory-lock.js";
import { startEmbedded } from "../../src/db/embedded.js";
import { openDatabase } from "../../src/db/pool.js";
import { openScratch } from "../../src/db/scratch.js";
import { scratchFolderName, scratchRoot } from "../../src/db/scratch-leftovers.js";
import { buildSchema, parseMigration } from "../../src/migrate/build.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import { loadParser } from "../../src/migrate/parse.js";
import { createMigrationFolder } from "../support/migrations.js";
import { serverNames, serverTarget } from "../support/postgres.js";

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
    expectEmpty(directory);
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
  expectEmpty(directory);
}, 60_000);

test("servers that dead processes left are stopped and removed, by several runs at once", async () => {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-scratch-"));
  const dead = scratchFolderName().replace(/^\d+/, String(await deadProcess()));
  const abandoned = await startEmbedded({ directory: join(scratchRoot(directory), dead) });
  const [pid] = readFileSync(join(abandoned.dataDirectory, "postmaster.pid"), "utf8").split("\n");
  // Killed while it made its server, a run leaves a folder with next to nothing.
  mkdirSync(join(scratchRoot(directory), dead.replace(/.{6}$/, "abcdef")));
  {
    const servers = await Promise.all([1, 2, 3].map(() => openScratch({ directory })));
    expect(isAlive(Number(pid))).toBe(false);
    expect(readdirSync(scratchRoot(directory))).toHaveLength(3);
    for (const server of servers) {
      await using scratch = await server.createDatabase();
      await using database = await scratch.open();
      await database.query("SELECT 1");
    }
    for (const server of servers) await server[Symbol.asyncDispose]();
  }
  expectEmpty(directory);
}, 60_000);

test("an interruption while the server starts leaves nothing", async () => {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-scratch-"));
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 300);
  await expect(openScratch({ directory, signal: controller.signal })).rejects.toThrow("enough");
  expectEmpty(directory);
}, 60_000);

test("a major version that this machine does not have is replaced by the embedded one", async () => {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-scratch-"));
  {
    await using server = await openScratch({ directory, majorVersion: 9 });
    expect(server.majorVersion).toBe(18);
    expect(server.description).toMatch(/^PostgreSQL 18\.\d/);
  }
  expectEmpty(directory);
}, 60_000);

test("an extension that the server does not have is named, with the flag that leads out of it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-scratch-"));
  {
    await using server = await openScratch({ directory });
    await server.requireExtensions(["plpgsql"]);
    await expect(server.requireExtensions(["plpgsql", "postgis", "postgis", "timescaledb"])).rejects.toMatchObject({
      code: "E_EMBEDDED",
      message: "the extensions postgis, timescaledb are not installed on the scratch server",
      hint: expect.stringContaining("--scratch-url"),
    });
  }
  expectEmpty(directory);
}, 60_000);

test("on a server that was named, databases of killed runs are dropped, and those of living ones kept", async () => {
  const target = await serverTarget();
  const directory = mkdtempSync(join(tmpdir(), "roomctl-scratch-"));
  await using administration = await openDatabase({ ...target, database: "postgres" });
  const left = "roomctl_scratch_0123456789ab";
  const other = "roomctl_scratch_of_mine";
  for (const name of [left, other]) await administration.execute(`CREATE DATABASE ${name}`);
  await using first = await openScratch({ directory, target });
  await using living = await first.createDatabase();
  // Through another database of the same server: a claim counts everywhere.
  await using second = await openScratch({ directory, target: { ...target, database: "template1" } });
  await using copy = await second.createDatabase(living.name);
  const rows = await administration.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE datname ~ '^roomctl_scratch_'",
  );
  const names = rows.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining([other, living.name, copy.name]));
  expect(names).not.toContain(left);
  await administration.execute(`DROP DATABASE ${other}`);
  rmSync(directory, { recursive: true });
}, 60_000);

test("a role that may not make databases is told so", async () => {
  const target = await serverTarget();
  await using administration = await openDatabase({ ...target, database: "postgres" });
  const role = `limited_${Date.now()}`;
  await administration.execute(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
  const limited = { ...target, database: "postgres", user: role, password: "p" };
  {
    await using server = await openScratch({ directory: tmpdir(), target: limited });
    await expect(server.createDatabase()).rejects.toMatchObject({
      code: "E_PRIVILEGE",
      hint: expect.stringMatching(/CREATEDB/),
    });
  }
  await administration.execute(`DROP ROLE ${role}`);
}, 60_000);

function expectEmpty(directory: string): void {
  expect(readdirSync(scratchRoot(directory))).toEqual([]);
  rmSync(scratchRoot(directory), { recursive: true });
  rmSync(directory, { recursive: true, force: true });
}

/** The number of a process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ["--eval", ""]);
  await once(child, "exit");
  return child.pid ?? 0;
}
