import { existsSync, mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scratchRoot } from "../../src/db/scratch-leftovers.js";
import {
  backUp,
  backUpWhole,
  createBackupFolder,
  forgePreData,
  hostileRows,
  hostileSchema,
} from "../support/backup.js";
import { type RunOptions, runRoomctl } from "../support/cli.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { createScratchOwner } from "../support/scratch-owner.js";

let workingDirectory = "";
beforeEach(() => {
  workingDirectory = mkdtempSync(join(tmpdir(), "roomctl-drill-"));
});
afterEach(() => {
  // Whatever happened: a run that has ended leaves nothing.
  expect(existsSync(scratchRoot(join(workingDirectory, ".roomctl")))).toBe(false);
  rmSync(workingDirectory, { recursive: true, force: true });
});

function drill(words: readonly string[], repository: string, options: RunOptions = {}) {
  return runRoomctl(["backup", "drill", "--repo", repository, ...words], { workingDirectory, ...options });
}

interface Answer {
  readonly ok: boolean;
  readonly backup: string;
  readonly server: string;
  readonly differences: readonly string[];
  readonly tables: readonly { readonly isEqual: boolean }[];
  readonly phases: readonly { readonly name: string; readonly durationMs: number }[];
  readonly recoveryMs: number;
  readonly audit: { readonly findings: readonly object[] };
}

test.each(serverNames)(
  "the newest whole backup of %s is proved on a scratch server, with its roles",
  async (server) => {
    using folder = createBackupFolder();
    await using source = await createScratchDatabase({ server });
    await using database = await source.open();
    const role = `keeper_${source.target.database}`;
    await database.execute(`CREATE ROLE ${role}; ${hostileSchema}; ${hostileRows}; ALTER TABLE plain OWNER TO ${role}`);
    const { id } = await backUpWhole(database, folder.directory);
    // Of chosen tables, as a wipe takes it: newer, and no answer to what a drill asks.
    await backUp(database, folder.directory, [{ schema: "public", name: "plain" }]);
    await database.execute(`ALTER TABLE plain OWNER TO CURRENT_USER; DROP ROLE ${role}`);
    const { status, stderr, json } = await drill(["--json"], folder.directory);
    expect([status, stderr]).toEqual([0, ""]);
    const answer = json<Answer>();
    expect(answer).toMatchObject({ ok: true, backup: id, differences: [] });
    expect(answer.server).toContain(server.replace("postgres", "PostgreSQL "));
    expect(answer.tables.length).toBe(16);
    expect(answer.phases.map(({ name }) => name)).toEqual([
      "verify",
      "schema",
      "rows",
      "indexes",
      "views",
      "statistics",
      "check",
    ]);
    expect(answer.recoveryMs).toBeGreaterThan(0);
    expect(answer.audit.findings.length).toBeGreaterThan(0);
  },
);

test("a value that does not come back as it was is exit 3, in words, also under --quiet", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using database = await source.open();
  await database.execute("CREATE TABLE prices (amount numeric); INSERT INTO prices VALUES (1.25)");
  const { id } = await backUpWhole(database, folder.directory);
  const quiet = await drill(["--quiet"], folder.directory);
  expect([quiet.status, quiet.stdout, quiet.stderr]).toEqual([0, "", ""]);
  const sound = await drill([], folder.directory);
  expect(sound.stdout).toContain(`backup ${id} brings back what was there: 1 table, 1 row on PostgreSQL 18`);
  forgePreData(folder.directory, (sql) => sql.replace("numeric", "numeric(10,1)"));
  expect(await drill(["--quiet"], folder.directory)).toMatchObject({ status: 3, stdout: "", stderr: "" });
  const told = await drill([], folder.directory);
  expect(told.stdout).toContain(
    "does not bring back what was there: 1 difference\n  prices holds 1 rows, but other values",
  );
  expect(told.stdout).toMatch(/measured recovery time .*: verify .*, schema .*, check /);
});

test("damage is exit 3 before a server is started; audit findings count only when told", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using database = await source.open();
  await database.execute("CREATE TABLE a (id int); INSERT INTO a VALUES (1)");
  const { id } = await backUpWhole(database, folder.directory);
  const strict = await drill(["--fail-on", "info"], folder.directory);
  expect([strict.status, strict.stdout]).toEqual([3, expect.stringContaining("(fails on info)")]);
  truncateSync(join(folder.directory, id, "schema/post-data.sql"), 1);
  const damaged = await drill([], folder.directory);
  expect([damaged.status, damaged.stdout]).toEqual([3, ""]);
  expect(damaged.stderr).toContain("schema/post-data.sql");
});

test("a backup whose schema is migrations is drilled through them, on a server that is given", async () => {
  using folder = createBackupFolder();
  using migrations = createMigrationFolder({
    "0001_rooms.up.sql": "CREATE TABLE rooms (id serial PRIMARY KEY, topic text);",
  });
  await using source = await createScratchDatabase();
  const environment = { ROOMCTL_REPO: folder.directory, ROOMCTL_DIR: migrations.directory };
  const options = { databaseUrl: source.url, environment, workingDirectory };
  expect((await runRoomctl(["migrate"], options)).status).toBe(0);
  await using database = await source.open();
  await database.execute("INSERT INTO rooms (topic) VALUES ('a')");
  expect((await runRoomctl(["backup", "create", "--schema", "migrations"], options)).status).toBe(0);
  rmSync(join(migrations.directory, "0001_rooms.up.sql"));
  await using owner = await createScratchOwner();
  const { status, json } = await drill(["--json", "--scratch-url", owner.url], folder.directory, {
    environment: { ROOMCTL_DIR: migrations.directory },
  });
  expect(status).toBe(0);
  expect(json<Answer>()).toMatchObject({ ok: true, tables: [{ isEqual: true }] });
  expect(await owner.databases()).toEqual([]);
});
