import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { scratchRoot } from "../../src/db/scratch-leftovers.js";
import type { MigrationTrace } from "../../src/trace/model.js";
import { type RunOptions, runRoomctl } from "../support/cli.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

let workingDirectory = "";
beforeEach(() => {
  workingDirectory = mkdtempSync(join(tmpdir(), "roomctl-trace-"));
});
afterEach(() => {
  // Whatever happened: a run that has ended, or the one after it, leaves nothing.
  const root = scratchRoot(join(workingDirectory, ".roomctl"));
  expect(existsSync(root)).toBe(false);
  rmSync(workingDirectory, { recursive: true, force: true });
});

function run(words: readonly string[], options: RunOptions = {}) {
  return runRoomctl(["migrate", "trace", ...words], { workingDirectory, ...options });
}

interface Answer {
  readonly ok: boolean;
  readonly server: string;
  readonly isSized: boolean;
  readonly migrations: readonly MigrationTrace[];
  readonly failures: readonly object[];
  readonly warnings: readonly string[];
}

const users = "CREATE TABLE users (id int PRIMARY KEY, n int); CREATE TABLE orders (user_id int)";

test.each(serverNames)(
  "pending migrations are traced on a scratch server of the target's major (%s)",
  async (server) => {
    using folder = createMigrationFolder({ "1_users.up.sql": users });
    await using target = await createScratchDatabase({ server });
    const options = { databaseUrl: target.url, workingDirectory };
    const words = ["--dir", folder.directory];
    expect((await runRoomctl(["migrate", ...words], options)).status).toBe(0);
    await using database = await target.open();
    await database.execute("INSERT INTO users SELECT n, n FROM generate_series(1, 3000) AS n; ANALYZE users");
    folder.write("2_wide.up.sql", "ALTER TABLE users ALTER n TYPE bigint;\nCREATE INDEX ON orders (user_id);");
    const result = await run([...words, "--json"], options);
    const { server: version, migrations, isSized } = result.json<Answer>();
    expect(version).toMatch(server === "postgres15" ? /^PostgreSQL 15/ : /^PostgreSQL 18/);
    expect(isSized).toBe(true);
    expect(migrations.map(({ name }) => name)).toEqual(["2_wide"]);
    expect(migrations[0]?.statements[0]?.locks[0]).toMatchObject({
      name: "users",
      mode: "AccessExclusiveLock",
      target: { rows: 3000 },
    });
    expect(migrations[0]?.statements[0]?.rewrites[0]?.estimateMs).toBeGreaterThan(1);

    const lines = (await run(words, options)).stdout;
    expect(lines).toMatch(
      /AccessExclusiveLock on users and 1 index of it \(3,000 rows, \d+ KiB\): blocks readers and writers, held for 1 further statement/,
    );
    expect(lines).toMatch(/writes users anew: a column gets another type, about \d+ms on the target/);
    expect(lines).toContain(
      "held until COMMIT: AccessExclusiveLock on users since line 1, ShareLock on orders since line 2",
    );
    // It is only read: what was pending still is.
    const status = await runRoomctl(["migrate", "status", ...words, "--json"], options);
    expect(status.json<{ pendingCount: number }>().pendingCount).toBe(1);
  },
);

test("--fail-on makes it a check", async () => {
  using folder = createMigrationFolder({
    "1_users.up.sql": users,
    "2_add.up.sql": "ALTER TABLE users ADD COLUMN a int",
    "3_wide.up.sql": "ALTER TABLE users ALTER n TYPE bigint",
  });
  const words = ["--since", "1", "--rows", "10", "--dir", folder.directory];
  const write = await run([...words, "--fail-on", "write-lock", "--json"]);
  expect(write.status).toBe(3);
  expect(write.json<Answer>().failures).toHaveLength(3);
  const rewrite = await run([...words, "--fail-on", "rewrite"]);
  expect(rewrite.status).toBe(3);
  expect(rewrite.stdout).toContain("fails: 3_wide line 1: users is written anew");
  const none = await run(words);
  expect(none.status).toBe(0);
  const added = await run(["--since", "2", "--fail-on", "rewrite", "--dir", folder.directory]);
  expect(added.status).toBe(3);
  folder.remove("3_wide.up.sql");
  expect((await run([...words, "--fail-on", "rewrite"])).status).toBe(0);
});

test("on the target itself only with consent, in a transaction that leaves nothing", async () => {
  using folder = createMigrationFolder({ "1_users.up.sql": users });
  await using target = await createScratchDatabase({ name: `trace_${Date.now()}` });
  const options = { databaseUrl: target.url };
  const words = ["--on-target", "--dir", folder.directory];
  const refused = await run(words, options);
  expect(refused.status).toBe(4);
  expect(refused.stderr).toContain(`roomctl migrate trace --on-target`);
  expect(refused.stderr).toContain(`--confirm=${target.target.database}`);

  await using database = await target.open();
  await runRoomctl(["config", "mark", "production", `--confirm=${target.target.database}`], {
    ...options,
    workingDirectory,
  });
  expect((await run([...words, "--confirm"], options)).status).toBe(4);
  expect((await run([...words, "--confirm=other"], options)).status).toBe(4);
  const traced = await run([...words, `--confirm=${target.target.database}`], options);
  expect(traced).toMatchObject({ status: 0, stdout: expect.stringContaining("on the database itself, rolled back") });
  expect(await database.query("SELECT FROM pg_class WHERE relname = 'users'")).toEqual([]);

  folder.write("2_alone.up.sql", "CREATE INDEX CONCURRENTLY ON users (n)");
  const alone = await run([...words, `--confirm=${target.target.database}`], options);
  expect(alone.status).toBe(4);
  expect(alone.stderr).toContain("2_alone does not run in a transaction");
  await run(["--all", "--rows", "0", "--dir", folder.directory]);
});

test("flags that contradict each other are refused", async () => {
  for (const words of [
    ["--all", "--since", "1"],
    ["--on-target", "--all"],
    ["--on-target", "--rows", "5"],
    ["--rows", "many"],
    ["--fail-on", "everything"],
  ]) {
    expect((await run(words)).status).toBe(2);
  }
});

test("an extension that the scratch server lacks is named, with the flag that leads out of it", async () => {
  using folder = createMigrationFolder({ "1_map.up.sql": "CREATE EXTENSION IF NOT EXISTS postgis" });
  const result = await run(["--all", "--dir", folder.directory]);
  expect(result.status).toBe(1);
  expect(result.stderr).toMatch(/extension postgis .*not installed[\s\S]*--scratch-url/);
});

test("a scratch server of another major works, with a warning", async () => {
  using folder = createMigrationFolder({ "1_users.up.sql": users });
  const [other] = serverNames.filter((name) => name !== "postgres18");
  if (other === undefined) return run(["--all", "--dir", folder.directory]).then(() => undefined);
  await using target = await createScratchDatabase({ server: other });
  await using scratch = await createScratchDatabase({ server: "postgres18" });
  const result = await run(["--scratch-url", scratch.url, "--dir", folder.directory], { databaseUrl: target.url });
  expect(result).toMatchObject({
    status: 0,
    stderr: expect.stringMatching(/the target is PostgreSQL 15, the scratch server/),
  });
  await run(["--all", "--rows", "0"]);
});

test("what would change a shared server, or reach another one, is not run there", async () => {
  using folder = createMigrationFolder({
    "1_server.up.sql":
      "-- roomctl:no-transaction\nALTER SYSTEM SET work_mem = '5MB';\nCREATE SUBSCRIPTION s CONNECTION 'host=192.0.2.1' PUBLICATION p;\nCREATE TABLE t (n int);",
  });
  await using scratch = await createScratchDatabase();
  const shared = await run(["--all", "--scratch-url", scratch.url, "--dir", folder.directory, "--json"]);
  const reasons = shared.json<Answer>().migrations[0]?.statements.map(({ notRun }) => notRun);
  expect(reasons).toEqual(["it would change the server of --scratch-url", "it would reach another server", null]);
  const own = await run(["--all", "--dir", folder.directory, "--json"]);
  expect(own.json<Answer>().migrations[0]?.statements.map(({ notRun }) => notRun)).toEqual([
    null,
    "it would reach another server",
    null,
  ]);
});

/** Until so long after a new scratch server's folder is there. */
async function untilScratch(thenMs: number): Promise<void> {
  const root = scratchRoot(join(workingDirectory, ".roomctl"));
  const folders = () => (existsSync(root) ? readdirSync(root).filter((name) => /^\d/.test(name)) : []);
  const earlier = new Set(folders());
  await vi.waitFor(() => expect(folders().every((name) => earlier.has(name))).toBe(false), { timeout: 300_000 });
  await sleep(thenMs);
}

test("Ctrl-C stops the scratch server and leaves nothing", async () => {
  using folder = createMigrationFolder({ "1_slow.up.sql": "SELECT pg_sleep(600)" });
  for (const thenMs of [0, 3500]) {
    const signal = { name: "SIGINT", after: untilScratch(thenMs) } as const;
    const result = await run(["--all", "--dir", folder.directory], { signal });
    expect({ status: result.status, stderr: result.stderr }).toMatchObject({ status: 130 });
    expect(existsSync(scratchRoot(join(workingDirectory, ".roomctl")))).toBe(false);
  }
});

test("what a killed run leaves is gone after the next, wherever it was killed; two at once do not hinder each other", async () => {
  using slow = createMigrationFolder({ "1_slow.up.sql": "SELECT pg_sleep(600)" });
  using quick = createMigrationFolder({ "1_quick.up.sql": "SELECT 1" });
  for (const thenMs of [0, 400, 800, 1200, 3500]) {
    const signal = { name: "SIGKILL", after: untilScratch(thenMs) } as const;
    const killed = await run(["--all", "--dir", slow.directory], { signal });
    expect(killed).toMatchObject({ signal: "SIGKILL", stderr: "" });
  }
  expect(readdirSync(scratchRoot(join(workingDirectory, ".roomctl"))).length).toBeGreaterThan(0);
  const both = await Promise.all([1, 2].map(() => run(["--all", "--dir", quick.directory])));
  expect(both.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
    [1, 2].map(() => ({ status: 0, stderr: expect.any(String) })),
  );
});

test("a subscription in a transactional file neither loses the answer nor leaves a database on --scratch-url", async () => {
  using folder = createMigrationFolder({
    "1_a.up.sql":
      "CREATE TABLE a (i int); CREATE SUBSCRIPTION s CONNECTION 'host=192.0.2.1' PUBLICATION p WITH (connect = false, slot_name = 'x');",
  });
  await using scratch = await createScratchDatabase();
  const result = await run(["--all", "--scratch-url", scratch.url, "--dir", folder.directory]);
  expect(result).toMatchObject({ status: 0, stdout: expect.stringContaining("not run here: it would reach another") });
  await using database = await scratch.open();
  expect(await database.query("SELECT subname FROM pg_subscription WHERE subname = 's'")).toEqual([]);
});

test("a --scratch-url that is no URL, or leads nowhere, is named", async () => {
  const unreadable = await run(["--all", "--scratch-url", "mysql://x"]);
  expect(unreadable).toMatchObject({ status: 2, stderr: expect.stringMatching(/--scratch-url: .*postgresql/) });
  using folder = createMigrationFolder({ "1_a.up.sql": "SELECT 1" });
  const words = ["--all", "--dir", folder.directory, "--scratch-url", "postgresql://me:hidden@127.0.0.1:1/x"];
  const away = await run(words);
  expect(away).toMatchObject({ status: 10, stderr: expect.stringMatching(/--scratch-url: cannot reach/) });
  expect(away.stderr).toContain("the password of --scratch-url shows in ps");
  expect(away.stderr).not.toMatch(/--database-url|hidden/);
});

test("without a database, the ways that need none are named", async () => {
  using folder = createMigrationFolder({ "1_a.up.sql": "SELECT 1" });
  const result = await run(["--dir", folder.directory]);
  expect(result).toMatchObject({ status: 2, stderr: expect.stringMatching(/--all, or --since/) });
});

test("control characters of a name do not reach the terminal", async () => {
  using folder = createMigrationFolder({
    "1_a.up.sql": 'CREATE TABLE "\u001b[31mred\u0007" (n int); CREATE TABLE "two\nlines" (n int)',
    "2_b.up.sql":
      'CREATE INDEX ON "\u001b[31mred\u0007" (n); ALTER TABLE "two\nlines" ALTER n TYPE bigint; DELETE FROM "two\nlines"',
  });
  const { stdout, status } = await run(["--since", "1", "--fail-on", "rewrite", "--dir", folder.directory]);
  expect(status).toBe(3);
  expect(stdout).toContain("\\u001b[31mred\\u0007");
  expect(stdout).toContain("two\\u000alines");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]|two\n/);
});

test("a table that the target has although a pending file makes it counts for --fail-on", async () => {
  using folder = createMigrationFolder({
    "1_users.up.sql": "CREATE TABLE IF NOT EXISTS users (id int)",
    "2_b.up.sql": "CREATE INDEX ON users (id)",
  });
  await using target = await createScratchDatabase();
  await using database = await target.open();
  const words = ["--fail-on", "write-lock", "--dir", folder.directory];
  const fresh = await run(words, { databaseUrl: target.url });
  expect(fresh.status).toBe(0);
  expect(fresh.stdout).not.toContain("about:");
  await database.execute("CREATE TABLE users (id int); INSERT INTO users VALUES (1); ANALYZE users");
  const known = await run(words, { databaseUrl: target.url });
  expect(known).toMatchObject({ status: 3, stdout: expect.stringMatching(/ShareLock on users \(1 rows, /) });
});

test("a role of --scratch-url that is no superuser does, without reasons of rewrites", async () => {
  using folder = createMigrationFolder({
    "1_users.up.sql": "CREATE TABLE users (id int)",
    "2_b.up.sql": "ALTER TABLE users ALTER id TYPE bigint",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const role = `maker_${Date.now()}`;
  await database.execute(`CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'p'`);
  const url = new URL(scratch.url);
  url.username = role;
  url.password = "p";
  const result = await run(["--all", "--scratch-url", url.href, "--dir", folder.directory]);
  await database.execute(`DROP ROLE ${role}`);
  expect(result).toMatchObject({ status: 0, stdout: expect.stringContaining("may not make event triggers") });
  expect(result.stdout).toContain("writes users anew");
});
