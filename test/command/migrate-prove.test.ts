import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runRoomctl } from "../support/cli.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase } from "../support/postgres.js";

const sound = {
  "0001_add-t.up.sql": "CREATE TABLE IF NOT EXISTS t (old int CONSTRAINT t_pk PRIMARY KEY);",
  "0001_add-t.down.sql": "DROP TABLE IF EXISTS t;",
};

const losesKey = {
  ...sound,
  "0002_new-key.up.sql":
    "-- Another key.\nALTER TABLE t DROP CONSTRAINT IF EXISTS t_pk, ADD COLUMN IF NOT EXISTS id bigint CONSTRAINT t_pk PRIMARY KEY;\n",
};

test("prove names the key that a second run drops, both definitions and the statement, and exits with 3", async () => {
  using folder = createMigrationFolder(losesKey);
  const workingDirectory = mkdtempSync(join(tmpdir(), "roomctl-prove-"));
  try {
    const words = ["migrate", "prove", "--dir", folder.directory];
    const text = await runRoomctl(words, { workingDirectory });
    expect(text.status).toBe(3);
    expect(text.stdout).toMatch(
      /^proven 0001_add-t: runs again, interruption skipped \(one statement\), goes down and up/m,
    );
    expect(text.stdout).toMatch(/^refuted 0002_new-key: does not run again unchanged/m);
    expect(text.stdout).toContain(
      "error rerun-changes-schema run again where it is applied, it succeeds and drops constraint public.t t_pk",
    );
    expect(text.stdout).toContain(`at ${folder.directory}/0002_new-key.up.sql:2:1  ALTER TABLE t DROP CONSTRAINT`);
    expect(text.stdout).toContain("- PRIMARY KEY (id)\n      + (not there)");
    // Nothing of the server stays, and no other folder is made.
    const scratch = join(workingDirectory, ".roomctl", "scratch");
    expect(existsSync(scratch) ? readdirSync(scratch) : []).toEqual([]);

    const json = await runRoomctl([...words, "--json"], { workingDirectory });
    expect(json.status).toBe(3);
    expect(json.json()).toMatchObject({
      ok: false,
      isProven: false,
      statementCount: 2,
      migrations: [
        {
          name: "0001_add-t",
          state: "proven",
          statementCount: 1,
          checks: [
            { check: "rerun", outcome: "holds" },
            { check: "prefixes" },
            { check: "round-trip", outcome: "holds" },
          ],
        },
        {
          name: "0002_new-key",
          state: "refuted",
          checks: [{ check: "rerun", outcome: "refuted" }, {}, { outcome: "skipped" }],
        },
      ],
      fullReplay: { check: "full-replay" },
    });
  } finally {
    rmSync(workingDirectory, { recursive: true });
  }
});

test("--rows 0 leaves tables empty, where a second run finds nothing to change", async () => {
  using folder = createMigrationFolder({ ...sound, "0002_up.up.sql": "UPDATE t SET old = old + 1000;" });
  const words = ["migrate", "prove", "--dir", folder.directory, "--json"];
  const withRows = await runRoomctl(words);
  expect([withRows.status, withRows.json()]).toMatchObject([3, { migrations: [{}, { state: "refuted" }] }]);
  const without = await runRoomctl([...words, "--rows", "0"]);
  expect([without.status, without.json()]).toMatchObject([0, { isProven: true }]);
});

test("prove needs no database, and exits with 0 where nothing is wrong", async () => {
  using folder = createMigrationFolder(sound);
  const { status, stdout } = await runRoomctl(["migrate", "prove", "--dir", folder.directory]);
  expect([status, stdout.split("\n").at(-2)]).toEqual([
    0,
    expect.stringMatching(/^1 migration with 1 statement on PostgreSQL 18\S*: 0 errors, 0 warnings, 0 to know$/),
  ]);
});

test("--pending proves only what the database lacks, and writes nothing there; --since what comes after", async () => {
  using folder = createMigrationFolder(sound);
  await using scratch = await createScratchDatabase();
  const words = ["--dir", folder.directory];
  expect((await runRoomctl(["migrate", ...words], { databaseUrl: scratch.url })).status).toBe(0);
  folder.write("0002_new-key.up.sql", losesKey["0002_new-key.up.sql"]);
  const pending = await runRoomctl(["migrate", "prove", "--pending", "--json", ...words], { databaseUrl: scratch.url });
  expect(pending.json()).toMatchObject({ builtCount: 1, migrations: [{ name: "0002_new-key", state: "refuted" }] });
  await using database = await scratch.open();
  expect(await database.query("SELECT FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'id'")).toEqual(
    [],
  );
  const since = await runRoomctl(["migrate", "prove", "--since", "1", "--json", ...words]);
  expect(since.json()).toMatchObject({ builtCount: 1, migrations: [{ name: "0002_new-key" }] });
  const none = await runRoomctl(["migrate", "prove", "--since", "2", ...words]);
  expect([none.status, none.stdout]).toEqual([
    0,
    "nothing to prove: no migration is left after those that are only built\n",
  ]);
});

test.each([
  [["--pending", "--since", "1"], /cannot be given together/],
  [["--prefixes", "some"], /--prefixes is none of all, auto, none/],
  [["--rows", "many"], /--rows is no number from 0 to 1000: "many"/],
  [["--since", "nowhere"], /is no migration/],
  [["--pending"], /no database/i],
] as const)("%j is refused as wrong usage", async (words, message) => {
  using folder = createMigrationFolder(sound);
  const { status, stderr } = await runRoomctl(["migrate", "prove", ...words, "--dir", folder.directory]);
  expect(status).toBe(2);
  expect(stderr).toMatch(message);
});
