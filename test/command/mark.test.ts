import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readMarker } from "../../src/db/marker.js";
import { runRoomctl } from "../support/cli.js";
import { openTunnel } from "../support/guards.js";
import { createScratchDatabase, type ScratchDatabase } from "../support/postgres.js";

const markerOf = async (scratch: ScratchDatabase) => {
  await using database = await scratch.open();
  return await readMarker(database);
};

test("protection is given freely and taken away only with the database's name", async () => {
  await using scratch = await createScratchDatabase();
  const mark = (...words: string[]) => runRoomctl(["config", "mark", ...words, "--json"], { databaseUrl: scratch.url });

  const unmarked = await mark("development", "--confirm");
  expect(unmarked).toMatchObject({ status: 4, stdout: "" });
  expect(unmarked.stderr).toContain(`--confirm=${scratch.target.database}`);

  expect((await mark("production")).json()).toMatchObject({ environment: "production", previous: null });
  expect((await mark("staging")).json()).toMatchObject({ environment: "staging", previous: "production" });
  expect(await mark("development")).toMatchObject({ status: 4 });
  const named = await mark("development", `--confirm=${scratch.target.database}`);
  expect(named.json()).toMatchObject({ environment: "development", previous: "staging" });
  expect(await mark("qa")).toMatchObject({ status: 2 });
});

test("a marker decides what a bare --confirm may do", async () => {
  await using scratch = await createScratchDatabase();
  const run = (...words: string[]) => runRoomctl(words, { databaseUrl: scratch.url });
  await run("migrate");
  await run("config", "mark", "production");
  expect(await run("wipe", "--scope", "rooms", "--confirm")).toMatchObject({ status: 4 });
  expect(await run("seed")).toMatchObject({ status: 4 });
  await run("config", "mark", "development", `--confirm=${scratch.target.database}`);
  expect(await run("wipe", "--scope", "rooms", "--confirm")).toMatchObject({ status: 0 });
  expect(await run("seed")).toMatchObject({ status: 0 });
  const operations = await run("operations");
  expect(operations.stdout).toContain("50,160 rows inserted");
});

test.each([
  ["nothing at all", {}, { environment: "development", origin: "assumed" }],
  ["NODE_ENV", { NODE_ENV: "qa" }, { environment: "staging", origin: "said" }],
] as const)("the first migrate of an empty database marks it by %s", async (_what, environment, marker) => {
  await using scratch = await createScratchDatabase();
  const run = await runRoomctl(["migrate", "--count", "1"], { databaseUrl: scratch.url, environment });
  expect(run.stdout).toContain(`this database is now marked ${marker.environment}`);
  expect(run.stdout).not.toContain("note:");
  expect(await markerOf(scratch)).toMatchObject(marker);
});

test("the configuration says it too, and only an empty database is marked at all", async () => {
  const workingDirectory = mkdtempSync(join(tmpdir(), "roomctl-mark-"));
  try {
    writeFileSync(join(workingDirectory, "roomctl.config.json"), JSON.stringify({ environment: "development" }));
    await using empty = await createScratchDatabase();
    await runRoomctl(["migrate", "--count", "1"], { databaseUrl: empty.url, workingDirectory });
    expect(await markerOf(empty)).toMatchObject({ environment: "development", origin: "said" });
    await using used = await createScratchDatabase();
    {
      await using database = await used.open();
      await database.execute("CREATE TABLE older (n int)");
    }
    const run = await runRoomctl(["migrate", "--count", "1"], { databaseUrl: used.url, workingDirectory });
    expect(run.stdout).toContain("already held tables");
    expect(await markerOf(used)).toBeUndefined();
  } finally {
    rmSync(workingDirectory, { recursive: true, force: true });
  }
});

test("a server elsewhere is taken to be for development, but not trusted to be until somebody says so", async () => {
  await using scratch = await createScratchDatabase();
  // As an SSH tunnel has it: the URL says this machine.
  await using tunnel = await openTunnel(scratch.target);
  const databaseUrl = scratch.url.replace(`:${scratch.target.port}/`, `:${tunnel.port}/`);
  const run = (...words: string[]) => runRoomctl(words, { databaseUrl });
  const migrated = await run("migrate");
  expect(migrated.stdout).toContain("this database is now marked development");
  expect(migrated.stdout).toMatch(/note: nobody said what this database is for, and it is not on this machine/);
  expect(await markerOf(scratch)).toMatchObject({ environment: "development", origin: "assumed" });

  const bare = await run("wipe", "--scope", "rooms", "--confirm");
  expect(bare).toMatchObject({ status: 4 });
  expect(bare.stderr).toContain("roomctl config mark development");
  expect(bare.stderr).toContain(`--confirm=${scratch.target.database}`);
  expect(await run("seed")).toMatchObject({ status: 4 });
  expect(await run("config", "mark", "development", "--confirm")).toMatchObject({ status: 4 });

  const said = await run("config", "mark", "development", `--confirm=${scratch.target.database}`, "--json");
  expect(said.json()).toMatchObject({ environment: "development", previous: "development" });
  expect(await markerOf(scratch)).toMatchObject({ environment: "development", origin: "said" });
  expect(await run("seed")).toMatchObject({ status: 0 });
});

test("tables are protected freely, listed, and given up only with consent", async () => {
  await using scratch = await createScratchDatabase();
  const run = (...words: string[]) => runRoomctl(["config", ...words], { databaseUrl: scratch.url });
  expect((await run("protect")).stdout).toContain("no table of");
  expect(await run("protect", "rooms")).toMatchObject({ status: 2, stderr: expect.stringContaining("no table rooms") });
  const odd = `"odd ""schema"."the.table"`;
  {
    await using database = await scratch.open();
    await database.execute(`CREATE TABLE rooms (id int); CREATE SCHEMA "odd ""schema"; CREATE TABLE ${odd} (id int)`);
  }
  expect((await run("protect", "rooms", "--note", "the owner's")).stdout).toMatch(/^rooms is now protected in/);
  expect((await run("protect", odd, "--json")).json()).toMatchObject({
    protected: odd,
    tables: [
      { table: odd, by: scratch.target.user, note: null },
      { table: "rooms", by: scratch.target.user, note: "the owner's" },
    ],
  });
  expect((await run("protect")).stdout).toMatch(/^rooms\t.*\tthe owner's$/m);

  const refused = await run("unprotect", odd, "--confirm");
  expect(refused).toMatchObject({ status: 4 });
  expect(refused.stderr).toContain(`roomctl config unprotect '${odd}' --confirm=${scratch.target.database}`);
  expect(await run("unprotect", odd, "--confirm=another")).toMatchObject({ status: 4 });
  expect((await run("unprotect", odd, `--confirm=${scratch.target.database}`, "--json")).json()).toMatchObject({
    table: odd,
    removed: true,
  });
  expect((await run("unprotect", odd, "--json")).json()).toMatchObject({ removed: false });
  expect((await run("protect", "--json")).json()).toMatchObject({ tables: [{ table: "rooms" }] });
  expect(await run("unprotect")).toMatchObject({ status: 2 });
});
