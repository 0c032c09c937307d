import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runRoomctl } from "../support/cli.js";
import { openTunnel } from "../support/guards.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const twoTables = {
  "0001_add-a.up.sql": "CREATE TABLE a (n int)",
  "0001_add-a.down.sql": "DROP TABLE a",
  "0002_add-b.up.sql": "CREATE TABLE b (n int)",
  "0002_add-b.down.sql": "DROP TABLE b",
};

const packageMigrations = new URL("../../migrations/", import.meta.url);

interface UpAnswer {
  readonly ok: boolean;
  readonly steps: readonly { readonly name: string; readonly state: string }[];
}

test.each(serverNames)(
  "three migrators started together on %s all succeed, and each migration runs once",
  async (server) => {
    using folder = createMigrationFolder({ ...twoTables, "0003_slow.up.sql": "SELECT pg_sleep(1)" });
    await using scratch = await createScratchDatabase({ server });
    const runs = await Promise.all(
      [1, 2, 3].map(() => runRoomctl(["migrate", "--dir", folder.directory, "--json"], { databaseUrl: scratch.url })),
    );
    expect(runs.map(({ status, stderr }) => [status, stderr])).toEqual([
      [0, ""],
      [0, ""],
      [0, ""],
    ]);
    const steps = runs.flatMap((run) => run.json<UpAnswer>().steps.map(({ name }) => name));
    expect(steps).toEqual(["0001_add-a", "0002_add-b", "0003_slow"]);
    await using database = await scratch.open();
    expect(await database.query("SELECT name FROM roomctl.migrations ORDER BY id")).toHaveLength(3);
  },
);

test.each(serverNames)(
  "a migrator on %s that is killed in the middle leaves nothing half done, and the next one finishes",
  async (server) => {
    using folder = createMigrationFolder({
      "0001_add-a.up.sql": "CREATE TABLE a (n int)",
      // The killed session's statement is still at work on the server for a moment: the next migrator must wait for it.
      "0002_slow.up.sql": "CREATE TABLE b (n int);\nSELECT pg_sleep(3);\nCREATE TABLE c (n int);",
    });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const migrating = runRoomctl(["migrate", "--verbose", "--dir", folder.directory], {
      databaseUrl: scratch.url,
      signal: { name: "SIGKILL", when: "CREATE TABLE b" },
    });
    expect((await migrating).signal).toBe("SIGKILL");
    const status = await runRoomctl(["migrate", "status", "--check", "--dir", folder.directory, "--json"], {
      databaseUrl: scratch.url,
    });
    expect(status.status).toBe(3);
    expect(status.json()).toMatchObject({
      ok: false,
      migrations: [
        { name: "0001_add-a", state: "applied" },
        { name: "0002_slow", state: "interrupted" },
      ],
    });
    const again = await runRoomctl(["migrate", "--dir", folder.directory], { databaseUrl: scratch.url });
    expect([again.status, again.stderr]).toEqual([0, ""]);
    expect(again.stdout).toContain("applied 0002_slow");
    expect(await database.query("SELECT name, state, attempt, error FROM roomctl.migration_runs ORDER BY id")).toEqual([
      { name: "0001_add-a", state: "done", attempt: 1, error: null },
      { name: "0002_slow", state: "failed", attempt: 1, error: "interrupted" },
      { name: "0002_slow", state: "done", attempt: 2, error: null },
    ]);
  },
);

test("ctrl-C rolls the running migration back and exits with 130", async () => {
  using folder = createMigrationFolder({ "0001_slow.up.sql": "CREATE TABLE b (n int); SELECT pg_sleep(600)" });
  await using scratch = await createScratchDatabase();
  const run = await runRoomctl(["migrate", "--verbose", "--dir", folder.directory], {
    databaseUrl: scratch.url,
    signal: { name: "SIGINT", when: "CREATE TABLE b" },
  });
  expect([run.status, run.signal]).toEqual([130, null]);
  await using database = await scratch.open();
  expect(await database.query("SELECT FROM pg_class WHERE relname = 'b'")).toEqual([]);
});

test("migrate says what it did, then that nothing is left", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase({ name: `we"ird db\n${Math.random()}` });
  const words = ["migrate", "--dir", folder.directory];
  const plan = await runRoomctl([...words, "--dry-run"], { databaseUrl: scratch.url });
  expect(plan.stdout).toBe("would apply 0001_add-a\nwould apply 0002_add-b\n");
  const first = await runRoomctl(words, { databaseUrl: scratch.url });
  expect(first.stdout.replace(/\(\S+\)/g, "(time)")).toBe(
    "applied 0001_add-a (time)\napplied 0002_add-b (time)\n2 migrations applied\nthis database is now marked development\n",
  );
  const second = await runRoomctl(words, { databaseUrl: scratch.url });
  expect([second.status, second.stdout]).toEqual([0, "nothing to apply: the database has what was asked for\n"]);
});

test("an empty database elsewhere is taken to be for development, with a note that nobody said so", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  await using tunnel = await openTunnel(scratch.target);
  const through = (url: string) => url.replace(`:${scratch.target.port}/`, `:${tunnel.port}/`);
  const words = ["migrate", "--dir", folder.directory];
  const first = await runRoomctl(words, { databaseUrl: through(scratch.url) });
  expect([first.status, first.stderr]).toEqual([0, ""]);
  expect(first.stdout).toContain("this database is now marked development");
  expect(first.stdout).toMatch(/note: nobody said .* not on this machine.*roomctl config mark/);
  await using fresh = await createScratchDatabase();
  const said = { databaseUrl: through(fresh.url), environment: { ROOMCTL_ENV: "staging" } };
  const second = await runRoomctl(words, said);
  expect(second.stdout).toContain("this database is now marked staging");
  expect(second.stdout).not.toContain("note:");
});

test("status lists each migration, and fails a check while one is pending", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  const words = ["--dir", folder.directory];
  const before = await runRoomctl(["migrate", "status", "--check", ...words], { databaseUrl: scratch.url });
  expect(before.status).toBe(3);
  await runRoomctl(["migrate", "up", "--count", "1", ...words], { databaseUrl: scratch.url });
  const status = await runRoomctl(["migrate", "status", ...words], { databaseUrl: scratch.url });
  expect([status.status, status.stdout.replace(/\d{4}-\d\d-\d\d \S+Z|\d+ms/g, "…")]).toEqual([
    0,
    "migration\tstate\tapplied\ttry\ttook\n0001_add-a\tapplied\t…\t1\t…\n0002_add-b\tpending\t-\t-\t-\n\n1 migration applied, 1 pending\n",
  ]);
  await runRoomctl(["migrate", ...words], { databaseUrl: scratch.url });
  const after = await runRoomctl(["migrate", "status", "--check", ...words], { databaseUrl: scratch.url });
  expect(after.status).toBe(0);
});

test("a failing migration exits with 5 after others, with 1 alone, and names its line, in text and in JSON", async () => {
  using folder = createMigrationFolder({ ...twoTables, "0002_add-b.up.sql": "CREATE TABLE b (n int);\nnonsense" });
  await using scratch = await createScratchDatabase();
  const words = ["migrate", "--dir", folder.directory];
  const text = await runRoomctl(words, { databaseUrl: scratch.url });
  expect(text.status).toBe(5);
  expect(text.stdout).toContain("0002_add-b.up.sql:2:1; it was rolled back [E_MIGRATION_FAILED]");
  const json = await runRoomctl([...words, "--json"], { databaseUrl: scratch.url });
  expect(json.status).toBe(1);
  expect(json.json()).toMatchObject({
    ok: false,
    applied: true,
    steps: [{ name: "0002_add-b", state: "failed" }],
    failure: { code: "E_MIGRATION_FAILED", line: 2, column: 1, sqlState: "42601" },
  });
});

test("down exits with 5 when one was undone before the one that could not be", async () => {
  // The rehearsal never commits, so it does not meet a trigger that waits for the commit.
  using folder = createMigrationFolder({
    ...twoTables,
    "0001_add-a.down.sql": `
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not today''; END';
      CREATE CONSTRAINT TRIGGER late AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
      INSERT INTO a VALUES (1)`,
  });
  await using scratch = await createScratchDatabase();
  const run = (...words: string[]) => runRoomctl([...words, "--dir", folder.directory], { databaseUrl: scratch.url });
  expect((await run("migrate")).status).toBe(0);
  const both = await run("migrate", "down", "--count", "2");
  expect([both.status, both.stdout]).toEqual([5, expect.stringContaining("undone 0002_add-b")]);
  expect((await run("migrate", "down")).status).toBe(1);
});

test("an edited, late or empty migration stops plan, dry run and migrate with the same exit code", async () => {
  using folder = createMigrationFolder({ "0002_add-b.up.sql": "CREATE TABLE b (n int)" });
  using none = createMigrationFolder();
  await using scratch = await createScratchDatabase();
  const run = (...words: string[]) => runRoomctl(words, { databaseUrl: scratch.url });
  const expectRefused = async (status: number, code: string) => {
    for (const words of [["migrate", "plan"], ["migrate", "up", "--dry-run"], ["migrate"]]) {
      const result = await run(...words, "--dir", folder.directory);
      const said = { words, status: result.status, text: result.stdout + result.stderr };
      expect(said).toEqual({ words, status, text: expect.stringContaining(`[${code}]`) });
      expect(said.text).not.toContain("would apply");
    }
  };
  expect((await run("migrate", "--dir", folder.directory)).status).toBe(0);
  folder.write("0003_add-c.up.sql", "-- later");
  await expectRefused(2, "E_USAGE");
  folder.write("0001_add-a.up.sql", "CREATE TABLE a (n int)");
  await expectRefused(12, "E_MIGRATION_ORDER");
  folder.write("0002_add-b.up.sql", "CREATE TABLE b (n bigint)");
  await expectRefused(12, "E_MIGRATION_EDITED");
  const plan = await run("migrate", "plan", "--dir", folder.directory, "--json");
  expect(plan.json()).toMatchObject({
    ok: false,
    findings: [{ kind: "out-of-order" }, { kind: "edited" }, { kind: "empty" }],
    refusal: { code: "E_MIGRATION_EDITED", migration: "0002_add-b" },
  });
  const missing = await run("migrate", "--dir", none.directory);
  expect([missing.status, missing.stderr]).toEqual([2, expect.stringContaining("[E_NO_MIGRATIONS]")]);
  expect(missing.stderr).toContain(`roomctl migrate new first-step --dir ${none.directory}`);
});

test("down undoes what is empty, and asks for the database's name where data would go", async () => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  const run = (...words: string[]) =>
    runRoomctl([...words, "--dir", folder.directory], {
      databaseUrl: scratch.url,
      environment: { ROOMCTL_ENV: "production" },
    });
  await run("migrate");
  expect((await run("migrate", "down")).stdout).toMatch(/^undone 0002_add-b .*\n1 migration undone\n$/);
  await using database = await scratch.open();
  await database.execute("INSERT INTO public.a VALUES (1), (2)");
  const shown = await run("migrate", "down", "--dry-run");
  expect(shown.stdout).toBe("would undo 0001_add-a\ndata that would be lost:\n  table a with 2 rows (0001_add-a)\n");
  for (const words of [
    ["migrate", "down"],
    ["migrate", "down", "--confirm"],
  ]) {
    const refused = await run(...words);
    expect([refused.status, refused.stderr]).toEqual([4, expect.stringContaining("[E_CONFIRM_REQUIRED]")]);
    expect(refused.stderr).toContain(
      `roomctl migrate down --dir ${folder.directory} --confirm=${scratch.target.database}`,
    );
  }
  expect((await run("migrate", "down", "--confirm=other")).status).toBe(4);
  expect(await database.query("SELECT count(*)::int AS rows FROM public.a")).toEqual([{ rows: 2 }]);
  const done = await run("migrate", "down", `--confirm=${scratch.target.database}`);
  expect([done.status, done.stdout]).toEqual([0, expect.stringContaining("table a with 2 rows")]);
  expect(await database.query("SELECT FROM pg_class WHERE relname = 'a'")).toEqual([]);
});

test.each([
  ["UPDATE a SET n = NULL", "values in 1 row of a, which is updated"],
  ["ALTER TABLE a ALTER COLUMN n TYPE int USING length(n)", "1 value of a.n, which gets another type"],
])("down asks before %s", async (sql, words) => {
  using folder = createMigrationFolder({
    "0001_add-a.up.sql": "CREATE TABLE a (n text)",
    "0002_b.up.sql": "SELECT 1",
    "0002_b.down.sql": sql,
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const run = (...rest: string[]) =>
    runRoomctl(["migrate", ...rest, "--dir", folder.directory, "--no-input"], {
      databaseUrl: scratch.url,
      environment: { ROOMCTL_ENV: "production" },
    });
  await run("up");
  await database.execute("INSERT INTO public.a VALUES ('kept')");
  const refused = await run("down");
  expect([refused.status, refused.stderr]).toEqual([4, expect.stringContaining("[E_CONFIRM_REQUIRED]")]);
  expect(await database.query("SELECT n FROM public.a")).toEqual([{ n: "kept" }]);
  expect((await run("down", "--dry-run")).stdout).toContain(words);
  expect((await run("down", `--confirm=${scratch.target.database}`)).status).toBe(0);
});

test("new asks for a folder rather than write into the built-in one", async () => {
  const before = readdirSync(packageMigrations);
  const refused = await runRoomctl(["migrate", "new", "add-c"]);
  expect([refused.status, refused.stderr]).toEqual([
    2,
    expect.stringContaining("roomctl migrate new add-c --dir migrations"),
  ]);
  expect(readdirSync(packageMigrations)).toEqual(before);
  using folder = createMigrationFolder();
  const named = await runRoomctl(["migrate", "new", "add-c"], { environment: { ROOMCTL_DIR: folder.directory } });
  expect([named.status, named.stderr]).toEqual([0, ""]);
});

test("new writes both files of the next migration", async () => {
  using folder = createMigrationFolder(twoTables);
  const run = await runRoomctl(["migrate", "new", "add-c", "--dir", folder.directory]);
  expect([run.status, run.stderr]).toEqual([0, ""]);
  expect(readFileSync(join(folder.directory, "0003_add-c.up.sql"), "utf8")).toContain("--");
  expect(existsSync(join(folder.directory, "0003_add-c.down.sql"))).toBe(true);
  expect((await runRoomctl(["migrate", "new", "Add C", "--dir", folder.directory])).status).toBe(2);
});

test.each([
  ["--count", "0"],
  ["--count", "many"],
  ["--to", "nowhere"],
])("migrate %s %s is wrong usage", async (...words) => {
  using folder = createMigrationFolder(twoTables);
  await using scratch = await createScratchDatabase();
  const run = await runRoomctl(["migrate", ...words, "--dir", folder.directory], { databaseUrl: scratch.url });
  expect(run.status).toBe(2);
});

test("seed fills the freshly migrated reference database, and no other kind", async () => {
  await using scratch = await createScratchDatabase();
  const unmarked = await runRoomctl(["seed"], { databaseUrl: scratch.url });
  expect([unmarked.status, unmarked.stderr]).toEqual([4, expect.stringContaining("[E_PROTECTED]")]);
  expect((await runRoomctl(["migrate"], { databaseUrl: scratch.url })).status).toBe(0);
  const run = await runRoomctl(["seed", "--json"], { databaseUrl: scratch.url });
  expect([run.status, run.stderr]).toEqual([0, ""]);
  expect(run.json<{ inserted: readonly object[] }>().inserted.length).toBeGreaterThan(0);
});
