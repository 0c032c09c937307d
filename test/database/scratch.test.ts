import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { RoomctlError } from "../../src/core/errors.js";
import { explainFullDisk } from "../../src/db/disk.js";
import { destroyEmbedded, startEmbedded } from "../../src/db/embedded.js";
import { statementFailure } from "../../src/db/failure.js";
import { loadParser } from "../../src/db/parse.js";
import { openDatabase } from "../../src/db/pool.js";
import { isAlive } from "../../src/db/process-owner.js";
import { openScratch } from "../../src/db/scratch.js";
import { scratchFolderName, scratchRoot } from "../../src/db/scratch-leftovers.js";
import { buildSchema, parseMigration } from "../../src/migrate/build.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import { createMigrationFolder } from "../support/migrations.js";
import { serverNames, serverOptions, serverTarget } from "../support/postgres.js";

test.each(serverNames)("a scratch server has the wanted major version and leaves nothing behind (%s)", async (name) => {
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
});

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
});

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
});

test("an interruption while the server starts leaves nothing", async () => {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-scratch-"));
  const controller = new AbortController();
  const refused = expect(openScratch({ directory, signal: controller.signal })).rejects.toThrow("enough");
  const root = scratchRoot(directory);
  const isMaking = () => existsSync(root) && readdirSync(root).some((name) => readdirSync(join(root, name)).length > 0);
  while (!isMaking()) await sleep(5);
  controller.abort(new Error("enough"));
  await refused;
  expectEmpty(directory);
});

test("a major version that this machine does not have is replaced by the embedded one", async () => {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-scratch-"));
  {
    await using server = await openScratch({ directory, majorVersion: 9 });
    expect(server.majorVersion).toBe(18);
    expect(server.description).toMatch(/^PostgreSQL 18\.\d/);
  }
  expectEmpty(directory);
});

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
});

test("on a server that was named, databases of killed runs are dropped, and those of living ones kept", async () => {
  await using server = await startOwnServer();
  const { target, directory } = server;
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
});

test("a database that cannot be dropped is named, and does not keep the others from being dropped", async () => {
  await using server = await startOwnServer();
  const { target, directory } = server;
  await using administration = await openDatabase({ ...target, database: "postgres" });
  const [stuck, left] = ["roomctl_scratch_00000000000a", "roomctl_scratch_00000000000b"];
  for (const name of [stuck, left]) await administration.execute(`CREATE DATABASE ${name}`);
  const inside = await openDatabase({ ...target, database: stuck });
  const subscription = `s_${Date.now()}`;
  const options = `connect = false, slot_name = NONE, enabled = false, create_slot = false`;
  await inside.execute(
    `CREATE SUBSCRIPTION ${subscription} CONNECTION 'host=192.0.2.1' PUBLICATION p WITH (${options})`,
  );
  const warnings: string[] = [];
  {
    await using _server = await openScratch({ directory, target, onWarning: (message) => warnings.push(message) });
  }
  await inside.execute(`DROP SUBSCRIPTION ${subscription}`);
  expect(warnings).toEqual([expect.stringMatching(/roomctl_scratch_00000000000a could not be dropped.*subscription/)]);
  const names = await administration.query<{ name: string }>("SELECT datname AS name FROM pg_database");
  expect(names.map(({ name }) => name)).not.toContain(left);
  await inside[Symbol.asyncDispose]();
});

test("a state folder that was not there is not there afterwards", async () => {
  const parent = mkdtempSync(join(tmpdir(), "roomctl-scratch-"));
  chmodSync(parent, 0o755);
  {
    await using _server = await openScratch({ directory: join(parent, ".roomctl") });
  }
  expect(readdirSync(parent)).toEqual([]);
  rmSync(parent, { recursive: true });
});

test("a full disk is told with its folder and disk, also when clearing up failed as well", () => {
  const full = Object.assign(new Error("could not extend file"), { code: "53100" });
  const pair = Object.assign(new Error("An error was suppressed during disposal"), {
    name: "SuppressedError",
    error: new Error("pg_ctl failed"),
    suppressed: new RoomctlError("E_MIGRATION_FAILED", "1_a failed", { cause: full }),
  });
  expect(statementFailure(pair)).toMatchObject({ code: "E_MIGRATION_FAILED" });
  expect(explainFullDisk(pair, join(tmpdir(), "gone", "data"))).toMatchObject({
    code: "E_DISK_FULL",
    message: expect.stringMatching(/gone\/data on \/.*MB are free/),
  });
  const initdb = new RoomctlError("E_EMBEDDED", "initdb failed (exit 1): No space left on device");
  expect(explainFullDisk(initdb, tmpdir())).toMatchObject({ code: "E_DISK_FULL" });
  const other = new Error("something else");
  expect(explainFullDisk(other, tmpdir())).toBe(other);
});

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
});

function expectEmpty(directory: string): void {
  expect(existsSync(scratchRoot(directory))).toBe(false);
  rmSync(directory, { recursive: true, force: true });
}

/** A server that no other test looks at: each run on one of theirs would drop what it finds abandoned there. */
async function startOwnServer() {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-scratch-"));
  const options = serverOptions("postgres18", directory);
  const { target } = await startEmbedded(options);
  return {
    target,
    directory,
    async [Symbol.asyncDispose]() {
      await destroyEmbedded(options);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The number of a process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ["--eval", ""]);
  await once(child, "exit");
  return child.pid ?? 0;
}
