import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type Marker, readMarker } from "../../src/db/marker.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { readUnfinished } from "../../src/restore/ledger.js";
import { type BackupFolder, backUpWhole, createBackupFolder, digestTables } from "../support/backup.js";
import { type RunOptions, runRoomctl } from "../support/cli.js";
import { createScratchDatabase, type ScratchDatabase } from "../support/postgres.js";

const rows = `CREATE TABLE users (id serial PRIMARY KEY, name text);
  CREATE TABLE sessions (id serial PRIMARY KEY, user_id int REFERENCES users);
  INSERT INTO users (name) VALUES ('a'), ('b'); INSERT INTO sessions (user_id) VALUES (1), (2)`;

/** Enough work that a run can be cut off in each of its phases. */
const muchWork = `CREATE UNLOGGED TABLE quick (id int); INSERT INTO quick SELECT generate_series(1, 500);
  ${Array.from({ length: 12 }, (_, n) => `CREATE TABLE t${n} (id int PRIMARY KEY, body text); INSERT INTO t${n} SELECT g, md5(g::text) FROM generate_series(1, 4000) AS g; CREATE INDEX ON t${n} (body)`).join(";")};
  ALTER TABLE t1 ADD FOREIGN KEY (id) REFERENCES t0; CREATE MATERIALIZED VIEW v AS SELECT count(*) FROM t0; SELECT lo_from_bytea(77, repeat('x', 3000000)::bytea)`;

const leftovers: string[] = [];
afterEach(async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  for (const name of leftovers.splice(0)) await database.execute(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
});

function restore(scratch: ScratchDatabase, folder: BackupFolder, words: readonly string[], options: RunOptions = {}) {
  const environment = { ROOMCTL_REPO: folder.directory };
  return runRoomctl(["backup", "restore", ...words], { databaseUrl: scratch.url, environment, ...options });
}

async function openNamed(scratch: ScratchDatabase, name: string): Promise<Database> {
  return openDatabase({ ...scratch.target, database: name }, { maxConnections: 1 });
}

test("an empty database gets schema and rows, and the same again is refused", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(rows);
  await backUpWhole(from, folder.directory);
  await using target = await createScratchDatabase();
  const planned = await restore(target, folder, ["--dry-run"]);
  expect([planned.status, planned.stdout]).toEqual([0, expect.stringContaining("nothing was changed")]);
  const restored = await restore(target, folder, []);
  expect([restored.status, restored.stderr]).toEqual([0, ""]);
  expect(restored.stdout).toMatch(/restored 2 tables, 4 rows of backup .*\nschema .*, rows .*, check /);
  await using to = await target.open();
  expect(await digestTables(to)).toEqual(await digestTables(from));
  const again = await restore(target, folder, []);
  expect(again).toMatchObject({ status: 4, stdout: "" });
});

test("--new-database makes one beside the configured one, with the settings of the source, and only once", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  const { database } = source.target;
  await from.execute(
    `${rows}; ALTER DATABASE "${database}" SET search_path TO "$user", "a, b"; ALTER DATABASE "${database}" CONNECTION LIMIT 7;
     COMMENT ON DATABASE "${database}" IS 'it''s mine'; ALTER ROLE CURRENT_USER IN DATABASE "${database}" SET work_mem = '7MB'`,
  );
  await backUpWhole(from, folder.directory);
  const name = `${database} copy`;
  leftovers.push(name);
  const restored = await restore(source, folder, ["--new-database", name, "--json"]);
  expect([restored.status, restored.stderr]).toEqual([0, ""]);
  expect(restored.json()).toMatchObject({ kind: "whole", applied: true, plan: { database: name, keepsAs: null } });
  await using to = await openNamed(source, name);
  expect(await digestTables(to)).toEqual(await digestTables(from));
  const properties = `SELECT datconnlimit, shobj_description(oid, 'pg_database') AS comment, encoding, datcollate,
      (SELECT array_agg(setconfig::text ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = pg_database.oid) AS settings
    FROM pg_database WHERE datname = current_database()`;
  expect(await to.query(properties)).toEqual(await from.query(properties));
  const again = await restore(source, folder, ["--new-database", name]);
  expect(again).toMatchObject({ status: 4, stdout: "" });
  expect(again.stderr).toContain(`there is a database "${name}" already`);
});

test("--swap asks, refuses while somebody is connected, and then keeps the old database", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  const { database } = source.target;
  const before: { marker?: Marker } = {};
  {
    await using from = await source.open();
    await from.execute(rows);
    const { id } = await backUpWhole(from, folder.directory);
    leftovers.push(`${database}_before_${id}`, `roomctl_restoring_${id}`);
    await from.execute("INSERT INTO users (name) VALUES ('late')");
    const shown = await restore(source, folder, ["--swap"]);
    expect([shown.status, shown.stdout]).toEqual([
      0,
      expect.stringMatching(/To do it: {2}roomctl backup restore .* --swap.* --confirm/),
    ]);
    const wrong = await restore(source, folder, ["--swap", "--confirm=other"]);
    expect(wrong).toMatchObject({ status: 4, stdout: "" });
    const busy = await restore(source, folder, ["--swap", `--confirm=${database}`]);
    expect(busy).toMatchObject({ status: 4, stdout: "" });
    expect(busy.stderr).toContain("clients: 1 other client is connected");
    // Whoever steps over the guard cannot step over the server: it renames no database that is in use.
    const pushed = await restore(source, folder, ["--swap", `--confirm=${database}`, "--allow", "clients"]);
    expect(pushed).toMatchObject({ status: 4, stdout: "" });
    expect(pushed.stderr).toContain(`sessions are connected to "${database}"`);
    before.marker = await readMarker(from);
  }
  const swapped = await restore(source, folder, ["--swap", `--confirm=${database}`]);
  expect([swapped.status, swapped.stderr]).toEqual([0, ""]);
  await using now = await source.open();
  expect(await now.query("SELECT name FROM users ORDER BY id")).toEqual([{ name: "a" }, { name: "b" }]);
  await using kept = await openNamed(source, leftovers[0] ?? "");
  expect(await kept.query("SELECT count(*)::int AS rows FROM users")).toEqual([{ rows: 3 }]);
});

test("a name that another takes at the last moment leaves the restored database, and a second run only names it", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(rows);
  const { id } = await backUpWhole(from, folder.directory);
  const name = `${source.target.database}_new`;
  leftovers.push(name, `roomctl_restoring_${id}`);
  await using other = await createScratchDatabase();
  await using desk = await openNamed(source, "postgres");
  const rename = `ALTER DATABASE "${other.target.database}" RENAME TO "${name}"`;
  // Not committed when the restore looks whether the name is free, and committed when it waits for it.
  const lost = await withTransaction(desk, {}, async (connection) => {
    await connection.execute(rename);
    const restoring = restore(source, folder, ["--new-database", name]);
    // From another session: inside a transaction pg_stat_activity stays as it was first read.
    await until(
      from,
      `SELECT FROM pg_stat_activity WHERE query LIKE 'ALTER DATABASE%"${name}"' AND wait_event_type = 'Lock'`,
    );
    return { restoring };
  });
  const { status, stderr } = await lost.restoring;
  expect([status, stderr]).toEqual([4, expect.stringContaining(`there is a database "${name}" already`)]);
  await desk.execute(`DROP DATABASE "${name}"`);
  const again = await restore(source, folder, ["--new-database", name]);
  expect([again.status, again.stderr]).toEqual([0, ""]);
  await using to = await openNamed(source, name);
  expect(await digestTables(to)).toEqual(await digestTables(from));
});

test("--replace shows what would go, keeps it in a verified backup, and comes back with the backup's rows", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using database = await source.open();
  await database.execute(rows);
  await backUpWhole(database, folder.directory);
  const then = await digestTables(database);
  const first = folder.entries()[0] ?? "";
  await database.execute("INSERT INTO users (name) VALUES ('late'); UPDATE sessions SET user_id = 1");
  const late = await digestTables(database);
  const shown = await restore(source, folder, [first, "--replace", "--json"]);
  const { token } = shown.json<{ token: string }>();
  expect(shown.json()).toMatchObject({
    applied: false,
    plan: {
      replaced: [
        { name: "sessions", rows: 2 },
        { name: "users", rows: 3 },
      ],
    },
  });
  const unasked = await restore(source, folder, [
    first,
    "--replace",
    "--plan",
    "0123456789abcdef",
    "--repo",
    folder.directory,
  ]);
  expect(unasked).toMatchObject({ status: 4, stdout: "" });
  // Completed with the flags that were typed: it works as it stands.
  expect(unasked.stderr).toContain(`next: roomctl backup restore ${first} --replace --repo ${folder.directory}\n`);
  expect(await digestTables(database)).toEqual(late);
  // This test looks on from a session of its own.
  const busy = await restore(source, folder, [first, "--replace", "--plan", token]);
  expect([busy.status, busy.stderr]).toEqual([4, expect.stringContaining("--allow clients")]);
  const replaced = await restore(source, folder, [first, "--replace", "--plan", token, "--json", "--allow", "clients"]);
  expect([replaced.status, replaced.stderr]).toEqual([0, ""]);
  expect(replaced.json()).toMatchObject({
    warnings: [expect.stringContaining("the guard clients is stepped over")],
  });
  expect(await digestTables(database)).toMatchObject(then);
  const saved = replaced.json<{ backup: { id: string } }>().backup.id;
  const back = await restore(source, folder, [
    saved,
    "--replace",
    "--no-backup",
    `--confirm=${source.target.database}`,
    "--allow",
    "clients",
  ]);
  expect(back.status).toBe(0);
  expect(await digestTables(database)).toMatchObject(late);
});

test("--schema-into shows the rows of a backup beside those of the database", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using database = await source.open();
  await database.execute(`${rows}; CREATE SCHEMA other; CREATE TABLE other.users (id int)`);
  await backUpWhole(database, folder.directory);
  await database.execute("DELETE FROM sessions");
  const twins = await restore(source, folder, ["--schema-into", "look"]);
  expect([twins.status, twins.stderr]).toEqual([
    2,
    expect.stringContaining("other.users and users would have one name"),
  ]);
  const looked = await restore(source, folder, ["--schema-into", "look", "--table", "sessions"]);
  expect([looked.status, looked.stderr]).toEqual([0, ""]);
  expect(await database.query("SELECT count(*)::int AS rows FROM look.sessions")).toEqual([{ rows: 2 }]);
  const again = await restore(source, folder, ["--schema-into", "look", "--table", "sessions"]);
  expect([again.status, again.stderr]).toEqual([4, expect.stringContaining('there is a schema "look" already')]);
  // It may be anybody's, the app's own among them.
  expect(again.stderr).not.toContain("DROP SCHEMA");
});

test.each([
  [["--swap", "--replace"], "different ways"],
  [["--swap", "--table", "a"], "restored whole"],
  [["--confirm"], "--confirm belongs to"],
  [["--plan", "x"], "belong to --replace"],
  [["--allow", "clients"], "--allow belongs to"],
  [["--new-database", ""], "--new-database is empty"],
  [["--new-database", "é".repeat(32)], "63 bytes at most, and this has 64"],
  [["--schema-into", ""], "--schema-into is empty"],
  [["--schema-into", "pg_look"], "begin with pg_"],
] as const)("%s is a misunderstanding", async (words, message) => {
  const { status, stderr } = await runRoomctl(["backup", "restore", ...words]);
  expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
});

test("killed or interrupted again and again, a restore goes on each time, and ends equal", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(muchWork);
  await backUpWhole(from, folder.directory);
  // A run that came to its end before it was cut off proves nothing: then all of it once more.
  for (let isCutOff = false, tries = 1; !isCutOff; tries += 1) {
    expect(tries).toBeLessThan(10);
    isCutOff = await cutOffAndFinish(from, folder);
  }
});

/** Into a new database; false when a run was done before it was cut off. */
async function cutOffAndFinish(from: Database, folder: BackupFolder): Promise<boolean> {
  await using target = await createScratchDatabase();
  await using to = await target.open();
  const done = new Map<string, string>();
  for (const steps of [1, 4, 9, 17, 24, 31]) {
    const name = steps === 17 ? "SIGINT" : "SIGKILL";
    const over = new AbortController();
    const signal = { name, after: untilSteps(to, steps + Math.floor(Math.random() * 4), over.signal) } as const;
    const ended = await restore(target, folder, [], { signal });
    over.abort();
    if (ended.status === 0) return false;
    expect(ended).toMatchObject(name === "SIGINT" ? { status: 130 } : { signal: name });
    // What an earlier run did is done: no later one does it again.
    const ledger = await readLedger(to);
    for (const [step, at] of done) expect([step, ledger.get(step)]).toEqual([step, at]);
    for (const [step, at] of ledger) done.set(step, at);
  }
  expect(done.size).toBeGreaterThan(30);
  const part = await restore(target, folder, ["--table", "t1"]);
  expect([part.status, part.stderr]).toEqual([2, expect.stringContaining("is not finished here")]);
  const last = await restore(target, folder, ["--json"]);
  expect([last.status, last.stderr]).toEqual([0, ""]);
  expect(last.json()).toMatchObject({ applied: true, receipt: { isEqual: true, isResumed: true } });
  expect(await digestTables(to)).toEqual(await digestTables(from));
  expect(await to.query("SELECT length(lo_get(77))")).toEqual([{ length: 3_000_000 }]);
  const indexes =
    "SELECT count(*)::int AS n FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE relname ~ '^t[0-9]'";
  expect(await to.query(indexes)).toEqual(await from.query(indexes));
  return true;
}

test("of two restores at once one works, and the other exits 11 when it may not wait", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(muchWork);
  await backUpWhole(from, folder.directory);
  await using target = await createScratchDatabase();
  await using to = await target.open();
  const begun = untilSteps(to, 1);
  let pid = Number.NaN;
  const first = restore(target, folder, [], {
    onStart: (number) => {
      pid = number;
    },
    signal: { name: "SIGSTOP", after: begun },
  });
  await begun;
  const second = await restore(target, folder, ["--lock-wait", "0"]);
  process.kill(pid, "SIGCONT");
  expect([(await first).status, second.status]).toEqual([0, 11]);
});

/** When each step was done. */
async function readLedger(database: Database): Promise<ReadonlyMap<string, string>> {
  if ((await readUnfinished(database)) === undefined) return new Map();
  const rows = await database.query<{ step: string; at: string }>(
    `SELECT step, done_at::text AS at FROM roomctl_restore.ledger
     UNION ALL SELECT step, done_at::text FROM roomctl_restore.unlogged_ledger`,
  );
  return new Map(rows.map(({ step, at }) => [step, at]));
}

/** Until more steps than that are done, or nobody wants to know. */
async function untilSteps(database: Database, steps: number, over?: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < 50_000 && !over?.aborted; attempt += 1) {
    if ((await readLedger(database)).size > steps) return;
    await sleep(2);
  }
  if (!over?.aborted) throw new Error(`never came to ${steps} steps`);
}

async function until(database: Database, sql: string): Promise<void> {
  for (let attempt = 0; attempt < 50_000; attempt += 1) {
    if ((await database.query(sql)).length > 0) return;
    await sleep(2);
  }
  throw new Error(`never came to: ${sql}`);
}
