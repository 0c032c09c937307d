import { describe, expect, test } from "vitest";
import { loadParser } from "../../src/db/parse.js";
import type { Database } from "../../src/db/pool.js";
import { parseMigration } from "../../src/migrate/build.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import type { MigrationTrace } from "../../src/trace/model.js";
import { readSizes, withSizes } from "../../src/trace/sizes.js";
import { traceOnTarget } from "../../src/trace/target.js";
import { untilBlocked, untilLocked } from "../support/blocked.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

async function parse(...files: readonly string[]) {
  using folder = createMigrationFolder(Object.fromEntries(files.map((sql, index) => [`${index + 1}_m.up.sql`, sql])));
  const parser = await loadParser();
  return readMigrationFiles(folder.directory).map((file) => parseMigration(parser, file));
}

const limits = { lockTimeoutMs: 10_000, timeoutMs: 60_000 };

/** What a person would see of a schema, and the rows. */
async function picture(database: Database): Promise<unknown> {
  return await database.query(
    `SELECT relname, relkind, relfilenode, (SELECT count(*) FROM pg_attribute WHERE attrelid = pg_class.oid) AS columns,
            (SELECT count(*) FROM users) AS rows, (SELECT count(*) FROM pg_locks WHERE relation = 'users'::regclass) AS locks
       FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`,
  );
}

describe.each(serverNames)("%s", (server) => {
  test("migrations are traced on the target itself, and nothing is left", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE users (id int PRIMARY KEY, n int)");
    await database.execute("INSERT INTO users SELECT n, n FROM generate_series(1, 700) AS n");
    const before = await picture(database);
    const pending = await parse(
      "SET lock_timeout = 0; ALTER TABLE users ALTER n TYPE bigint; CREATE TABLE more (user_id int REFERENCES users)",
      "CREATE INDEX ON users (n); DELETE FROM users; ALTER TABLE more ADD a int",
    );
    const traces = await traceOnTarget(database, pending, limits);
    expect(await picture(database)).toEqual(before);
    const [, altered, created] = traces[0]?.statements ?? [];
    expect(altered?.locks[0]).toMatchObject({ name: "users", mode: "AccessExclusiveLock", heldForStatements: 1 });
    // The reason comes from an event trigger, and none is made on a target.
    expect(altered?.rewrites).toMatchObject([{ name: "users", reason: null }]);
    expect(altered?.scans).toMatchObject([{ name: "users", rows: 1400 }]);
    expect(created?.locks).toEqual([]);
    const [indexed] = traces[1]?.statements ?? [];
    expect(indexed?.stillHeld[0]).toMatchObject({ name: "users", mode: "AccessExclusiveLock", sinceLine: null });
    const [session] = await database.query<{ limit: string }>("SELECT current_setting('lock_timeout') AS limit");
    expect(session?.limit).toBe("3s");
  });

  test("a migration that takes too long is stopped, so that a waiting reader waits no longer than the limit", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE users (id int PRIMARY KEY)");
    // Each statement is short enough; all of them together are not. Limits of the file's own do not count.
    const naps = "SET statement_timeout = 0; SELECT pg_sleep(0.5);".repeat(120);
    const pending = await parse(`ALTER TABLE users ADD a int; ${naps}`);
    const tracing = traceOnTarget(database, pending, { lockTimeoutMs: 200, timeoutMs: 5000 });
    const failing = expect(tracing).rejects.toMatchObject({
      code: "E_LOCK_TIMEOUT",
      message: expect.stringMatching(/within 5000 ms/),
    });
    await using reader = await scratch.open({ lockTimeoutMs: 0 });
    await untilLocked(reader, "users");
    const startedMs = performance.now();
    const reading = reader.query("SELECT count(*) FROM users");
    await untilBlocked(reader);
    await reading;
    // The naps alone would take a minute.
    expect(performance.now() - startedMs).toBeLessThan(45_000);
    await failing;
    expect(
      await database.query("SELECT FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'a'"),
    ).toEqual([]);
  });

  test("a lock of somebody else is waited for no longer than the limit", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE users (id int PRIMARY KEY)");
    await using holder = await database.connect();
    await holder.execute("BEGIN; SELECT FROM users");
    const startedMs = performance.now();
    const limit = "DO $$ BEGIN ASSERT current_setting('lock_timeout') = '300ms'; END $$";
    const tracing = traceOnTarget(database, await parse(`${limit};\nALTER TABLE users ADD a int`), {
      lockTimeoutMs: 300,
      timeoutMs: 60_000,
    });
    await expect(tracing).rejects.toMatchObject({
      code: "E_LOCK_TIMEOUT",
      message: expect.stringMatching(/1_m\.up\.sql:2/),
    });
    expect(performance.now() - startedMs).toBeLessThan(120_000);
    await holder.execute("ROLLBACK");
  });

  test("a migration that cannot be rolled back is refused", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const pending = await parse("CREATE TABLE t (n int)", "CREATE INDEX CONCURRENTLY ON t (n)");
    await expect(traceOnTarget(database, pending, limits)).rejects.toMatchObject({
      code: "E_PROTECTED",
      message: expect.stringMatching(/^2_m /),
    });
  });

  test("the target's sizes are read, without waiting long for a lock", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE users (id int PRIMARY KEY, n int); CREATE TABLE unseen (id int)");
    await database.execute("INSERT INTO users SELECT n, n FROM generate_series(1, 50000) AS n");
    await database.execute("ANALYZE users");
    const traces = await traceOnTarget(
      database,
      await parse(
        "ALTER TABLE users ALTER n TYPE bigint; ALTER TABLE unseen ADD a int; ALTER TABLE users ADD CHECK (n > 0)",
      ),
      limits,
    );
    const sizes = await readSizes(database, traces);
    const [altered, added, checked] = withSizes(traces, sizes ?? new Map())[0]?.statements ?? [];
    expect(altered?.locks[0]?.target).toMatchObject({ rows: 50_000 });
    expect(altered?.locks[0]?.target?.tableBytes).toBeGreaterThan(1_500_000);
    expect(altered?.rewrites[0]?.estimateMs).toBeGreaterThan(20);
    expect(altered?.scans[0]?.estimateMs).toBeNull();
    expect(added?.locks[0]?.target).toMatchObject({ rows: null, tableBytes: 0 });
    expect(checked?.scans[0]?.estimateMs).toBeGreaterThan(15);

    await using holder = await database.connect();
    await holder.execute("BEGIN; LOCK TABLE users");
    const startedMs = performance.now();
    // Without a limit of its own it would wait for ever.
    await using patient = await scratch.open({ lockTimeoutMs: 0 });
    expect(await readSizes(patient, traces)).toBeUndefined();
    expect(performance.now() - startedMs).toBeLessThan(120_000);
    await holder.execute("ROLLBACK");
  });
});

test("an estimate is the bytes at a hundred million a second, indexes included for a rewrite", () => {
  const relation = { name: "app.users", kind: "table" as const, table: null, nameBefore: "app.users" };
  const statement = {
    line: 1,
    text: "",
    durationMs: 1,
    locks: [],
    stillHeld: [],
    rewrites: [{ ...relation, reason: null, estimateMs: null }],
    scans: [{ ...relation, name: "other", nameBefore: "other", times: 2, rows: 2, estimateMs: null }],
    indexBuilds: [],
    samples: null,
    notRun: null,
  };
  const migration: MigrationTrace = {
    name: "1_m",
    path: "1_m.up.sql",
    isTransactional: true,
    durationMs: 1,
    statements: [statement],
    held: [],
    emptied: null,
  };
  const size = { rows: 12_000_000, tableBytes: 3e9, indexBytes: 1.1e9 };
  const sizes = new Map([
    ["app.users", size],
    ["other", size],
  ]);
  expect(withSizes([migration], sizes)[0]?.statements[0]).toMatchObject({
    rewrites: [{ estimateMs: 41_000 }],
    scans: [{ estimateMs: 60_000 }],
  });
});
