import { expect, test } from "vitest";
import { readMigrationStatus } from "../../src/migrate/status.js";
import { untilBlocked } from "../support/blocked.js";
import { runRoomctl } from "../support/cli.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase } from "../support/postgres.js";

const untimed = (text: string) => text.replace(/\([\d.]+m?s\)/g, "(time)");
const patient = ["--lock-timeout", "300s"];

test("Ctrl-C during migrate says what was applied before, at which statement it stopped, and what to type", async () => {
  using folder = createMigrationFolder({
    "1_first.up.sql": "CREATE TABLE a (n int)",
    "2_second.up.sql": "CREATE TABLE b (n int);\n\nLOCK TABLE gate;",
    "3_third.up.sql": "CREATE TABLE c (n int)",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE gate (n int)");
  const words = ["migrate", "--dir", folder.directory];
  await using holder = await database.connect();
  await holder.execute("BEGIN; LOCK TABLE gate");
  const run = await runRoomctl([...words, ...patient], {
    databaseUrl: scratch.url,
    signal: { name: "SIGINT", after: untilBlocked(database) },
  });
  await holder.execute("ROLLBACK");
  expect([run.status, run.signal]).toEqual([130, null]);
  expect(untimed(run.stdout)).toContain(`applied 1_first (time)
stopped 2_second (time)
skipped 3_third (2_second was stopped before it)
error: interrupted: 2_second stopped at ${folder.directory}/2_second.up.sql:3:1; it was rolled back [E_INTERRUPTED]
  why:  statement 2 was under way: LOCK TABLE gate
  next: go on with: roomctl migrate
`);
  const status = await runRoomctl(["migrate", "status", "--dir", folder.directory], { databaseUrl: scratch.url });
  expect(status.stdout).toContain("interrupted: 2_second was interrupted; its transaction was rolled back");
  const next = await runRoomctl(words, { databaseUrl: scratch.url });
  expect([next.status, untimed(next.stdout)]).toEqual([
    0,
    "applied 2_second (time)\napplied 3_third (time)\n2 migrations applied\n",
  ]);
});

test("Ctrl-C outside of a transaction says which statements stay, also to a program", async () => {
  using folder = createMigrationFolder({
    "1_steps.up.sql": "-- roomctl:no-transaction\nCREATE TABLE a (n int);\nLOCK TABLE gate;",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE gate (n int)");
  await using holder = await database.connect();
  await holder.execute("BEGIN; LOCK TABLE gate");
  const run = await runRoomctl(["migrate", "--json", "--dir", folder.directory, ...patient], {
    databaseUrl: scratch.url,
    signal: { name: "SIGTERM", after: untilBlocked(database) },
  });
  expect(run.status).toBe(143);
  expect(run.json()).toMatchObject({
    ok: false,
    steps: [{ name: "1_steps", state: "failed" }],
    failure: {
      code: "E_TERMINATED",
      line: 3,
      message: expect.stringContaining("the statement before it stays, and the next run goes on here"),
    },
  });
});

test("a redo that is killed between its two halves is told by status, and ended by the next migrate", async () => {
  using folder = createMigrationFolder({
    "1_first.up.sql": "CREATE TABLE a (n int)",
    "1_first.down.sql": "DROP TABLE a",
    "2_second.up.sql": "CREATE TABLE b (n int)",
    "2_second.down.sql": "DROP TABLE b",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const { directory } = folder;
  await runRoomctl(["migrate", "--dir", directory], { databaseUrl: scratch.url });
  // Holds a run at the note with which applying begins.
  await database.execute(`
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(77); RETURN new; END $$;
    CREATE TRIGGER hold BEFORE INSERT ON roomctl.migration_runs FOR EACH ROW WHEN (new.direction = 'up') EXECUTE FUNCTION hold()`);
  await using holder = await database.connect();
  await holder.query("SELECT pg_advisory_lock(77)");
  const killed = await runRoomctl(["migrate", "redo", "--dir", directory, ...patient], {
    databaseUrl: scratch.url,
    signal: { name: "SIGKILL", after: untilBlocked(database) },
  });
  expect(killed.signal).toBe("SIGKILL");
  await database.execute("DROP TRIGGER hold ON roomctl.migration_runs");
  await expect
    .poll(async () => (await readMigrationStatus(database, directory)).migrations.map(({ state }) => state), {
      timeout: 60_000,
    })
    .toEqual(["applied", "interrupted"]);
  const status = await runRoomctl(["migrate", "status", "--dir", directory], { databaseUrl: scratch.url });
  expect(status.stdout).toContain(
    "interrupted: redoing 2_second was interrupted: it is undone, and was not applied again\n  next: apply it again: roomctl migrate",
  );
  const next = await runRoomctl(["migrate", "--dir", directory], { databaseUrl: scratch.url });
  expect([next.status, untimed(next.stdout)]).toEqual([0, "applied 2_second (time)\n1 migration applied\n"]);
  const { findings } = await readMigrationStatus(database, directory);
  expect(findings).toEqual([]);
});

test("a migration that was taken back by down is pending, not an interrupted redo", async () => {
  using folder = createMigrationFolder({
    "1_first.up.sql": "CREATE TABLE a (n int)",
    "1_first.down.sql": "DROP TABLE a",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const words = ["--dir", folder.directory];
  for (const verb of [["up"], ["redo"], ["down"]]) {
    const run = await runRoomctl(["migrate", ...verb, ...words], { databaseUrl: scratch.url });
    expect([verb, run.status, run.stderr]).toEqual([verb, 0, ""]);
  }
  expect(await readMigrationStatus(database, folder.directory)).toMatchObject({
    migrations: [{ state: "pending" }],
    findings: [],
  });
});

test("status says why a migration failed; one that is only tried says that nothing of it stays", async () => {
  using folder = createMigrationFolder({ "1_first.up.sql": "SELECT nothing_here" });
  await using scratch = await createScratchDatabase();
  const words = ["--dir", folder.directory];
  const tried = await runRoomctl(["migrate", "trace", "--all", ...words], { databaseUrl: scratch.url });
  expect([tried.status, tried.stderr]).toEqual([
    1,
    expect.stringContaining("it was only tried, and nothing of it stays"),
  ]);
  expect(tried.stderr).toContain("next: correct the file, then try again\n");
  await runRoomctl(["migrate", ...words], { databaseUrl: scratch.url });
  const status = await runRoomctl(["migrate", "status", ...words], { databaseUrl: scratch.url });
  expect(status.stdout).toContain('failed: 1_first: column "nothing_here" does not exist\n  next: see to that');
});
