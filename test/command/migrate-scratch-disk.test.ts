import { expect, test } from "vitest";
import { runRoomctl } from "../support/cli.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase } from "../support/postgres.js";

// What the server says when its disk is full; only where a scratch database is.
const fill = `DO $$ BEGIN
  IF current_database() LIKE 'roomctl_scratch_%' THEN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
  END IF;
END $$`;

test.each([
  ["prove", []],
  ["trace", ["--all"]],
  ["drift", []],
  ["compat", ["--from", "1", "--queries", "queries.sql"]],
] as const)(
  "migrate %s tells a full disk of its scratch server, and does not blame the migration",
  async (verb, words) => {
    using folder = createMigrationFolder({ "1_table.up.sql": "CREATE TABLE a (n int)", "2_fill.up.sql": fill });
    await using scratch = await createScratchDatabase();
    using elsewhere = createMigrationFolder({ "queries.sql": "SELECT n FROM a" });
    await runRoomctl(["migrate", "--dir", folder.directory], { databaseUrl: scratch.url });
    const run = await runRoomctl(["migrate", verb, "--json", "--dir", folder.directory, ...words], {
      databaseUrl: scratch.url,
      workingDirectory: elsewhere.directory,
    });
    expect([run.status, run.stdout]).toEqual([1, ""]);
    expect(JSON.parse(run.stderr).error).toMatchObject({
      code: "E_DISK_FULL",
      message: expect.stringMatching(/the disk of the scratch server is full: .* MB are free now/),
      hint: expect.stringContaining("ROOMCTL_STATE_DIR"),
    });
  },
);
