import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadParser } from "../../src/db/parse.js";
import type { Connection } from "../../src/db/pool.js";
import { loadStatement } from "../../src/db/statement.js";
import { type ParsedMigration, parseMigration } from "../../src/migrate/build.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import type { StatementTrace } from "../../src/trace/model.js";
import { traceSampled } from "../../src/trace/sample.js";
import { createMigrationFolder } from "../support/migrations.js";
import { serverNames } from "../support/postgres.js";
import { type OwnScratch, openOwnScratch, trace, traceStatements } from "../support/trace.js";

const base = `
CREATE TABLE users (
  id int PRIMARY KEY, email varchar(100) UNIQUE, nick text, score numeric(8,2), seen timestamp, n int, data json,
  checked int CONSTRAINT checked_known CHECK (checked IS NOT NULL) DEFAULT 5);
CREATE INDEX users_n ON users (n);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int NOT NULL, total int);
CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE parts_old (id int, at date);
CREATE MATERIALIZED VIEW totals AS SELECT user_id, sum(total) FROM orders GROUP BY user_id;
CREATE VIEW names AS SELECT id, nick FROM users;
CREATE SEQUENCE tickets;
CREATE TYPE mood AS ENUM ('fine');
`;

/** `AccessExclusiveLock users`, tables only, the strongest first. */
function tableLocks({ locks }: StatementTrace): readonly string[] {
  return locks
    .filter(({ kind }) => kind === "table")
    .map(({ mode, name }) => `${mode} ${name}`)
    .sort();
}

function scansOf({ scans }: StatementTrace): Readonly<Record<string, number>> {
  return Object.fromEntries(scans.map(({ name, rows }) => [name, rows]));
}

interface Expected {
  readonly sql: string;
  readonly locks: readonly string[];
  readonly rewrite?: string;
  readonly scans?: Readonly<Record<string, number>>;
  readonly builds?: readonly string[];
}

const exclusive = ["AccessExclusiveLock users"];
const all = { users: 1000 };
/** The table once, and once more for each of its three indexes. */
const withIndexes = { users: 4000 };

/** The table of notes-migrate §4, and what §0.7 and §3.2 say of it. */
const samples: readonly Expected[] = [
  { sql: "ALTER TABLE users ADD COLUMN a int", locks: exclusive },
  { sql: "ALTER TABLE users ADD COLUMN a int NOT NULL DEFAULT 5", locks: exclusive },
  { sql: "ALTER TABLE users ADD COLUMN a timestamptz DEFAULT now()", locks: exclusive },
  {
    sql: "ALTER TABLE users ADD COLUMN a timestamptz DEFAULT clock_timestamp()",
    locks: exclusive,
    rewrite: "a default that each row needs computed",
    scans: withIndexes,
    builds: ["users_email_key", "users_n", "users_pkey"],
  },
  {
    sql: "ALTER TABLE users ADD COLUMN a bigserial",
    locks: exclusive,
    rewrite: "a default that each row needs computed",
    scans: withIndexes,
    builds: ["users_email_key", "users_n", "users_pkey"],
  },
  {
    sql: "ALTER TABLE users ALTER COLUMN n TYPE bigint",
    locks: exclusive,
    rewrite: "a column gets another type",
    scans: withIndexes,
    builds: ["users_email_key", "users_n", "users_pkey"],
  },
  { sql: "ALTER TABLE users ALTER COLUMN email TYPE varchar(200)", locks: exclusive },
  { sql: "ALTER TABLE users ALTER COLUMN email TYPE text", locks: exclusive },
  { sql: "ALTER TABLE users ALTER COLUMN score TYPE numeric(12,2)", locks: exclusive },
  {
    sql: "ALTER TABLE users ALTER COLUMN score TYPE numeric(12,4)",
    locks: exclusive,
    rewrite: "a column gets another type",
    scans: withIndexes,
    builds: ["users_email_key", "users_n", "users_pkey"],
  },
  { sql: "ALTER TABLE users ALTER COLUMN seen TYPE timestamptz", locks: exclusive },
  {
    sql: "SET TimeZone = 'Europe/Rome'; ALTER TABLE users ALTER COLUMN seen TYPE timestamptz",
    locks: exclusive,
    rewrite: "a column gets another type",
    scans: withIndexes,
    builds: ["users_email_key", "users_n", "users_pkey"],
  },
  {
    sql: "ALTER TABLE users SET UNLOGGED",
    locks: exclusive,
    rewrite: "the table becomes logged, unlogged or temporary",
    scans: withIndexes,
    builds: ["users_email_key", "users_n", "users_pkey"],
  },
  {
    sql: "CLUSTER users USING users_n",
    locks: exclusive,
    rewrite: "CLUSTER sorts it",
    scans: { users: 3000 },
    builds: ["users_email_key", "users_n", "users_pkey"],
  },
  {
    sql: "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users",
    locks: ["ShareRowExclusiveLock orders", "ShareRowExclusiveLock users"],
    scans: { orders: 1000, users: 1000 },
  },
  {
    sql: "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID",
    locks: ["ShareRowExclusiveLock orders", "ShareRowExclusiveLock users"],
  },
  { sql: "CREATE TABLE notes (user_id int REFERENCES users)", locks: ["ShareRowExclusiveLock users"] },
  { sql: "ALTER TABLE users ALTER COLUMN n SET NOT NULL", locks: exclusive, scans: all },
  { sql: "ALTER TABLE users ALTER COLUMN checked SET NOT NULL", locks: exclusive },
  { sql: "ALTER TABLE users ADD CHECK (n > 0)", locks: exclusive, scans: all },
  { sql: "ALTER TABLE users ADD CHECK (n > 0) NOT VALID", locks: exclusive },
  { sql: "CREATE INDEX users_nick ON users (nick)", locks: ["ShareLock users"], scans: all, builds: ["users_nick"] },
  { sql: "CREATE INDEX IF NOT EXISTS users_n ON users (n)", locks: ["ShareLock users"] },
  { sql: "ALTER TABLE users ADD UNIQUE (nick)", locks: exclusive, scans: all, builds: ["users_nick_key"] },
  { sql: "REINDEX INDEX users_n", locks: ["ShareLock users"], scans: all, builds: ["users_n"] },
  { sql: "DROP INDEX users_n", locks: exclusive },
  { sql: "ALTER TABLE users ADD COLUMN IF NOT EXISTS n int", locks: exclusive },
  {
    sql: `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'n')
          THEN ALTER TABLE users ADD COLUMN n int; END IF; END $$`,
    locks: [],
  },
  {
    sql: "DO $$ BEGIN ALTER TABLE users ADD COLUMN a int; CREATE INDEX ON orders (total); END $$",
    locks: ["AccessExclusiveLock users", "ShareLock orders"],
    scans: { orders: 1000 },
    builds: ["orders_total_idx"],
  },
  {
    sql: "CREATE TABLE parts_new PARTITION OF parts FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')",
    locks: ["AccessExclusiveLock parts"],
  },
  {
    sql: "ALTER TABLE parts ATTACH PARTITION parts_old FOR VALUES FROM ('2000-01-01') TO ('2090-01-01')",
    locks: ["AccessExclusiveLock parts_old", "ShareUpdateExclusiveLock parts"],
    scans: { parts_old: 1000 },
  },
  { sql: "CREATE RULE r AS ON DELETE TO users DO INSTEAD NOTHING", locks: exclusive },
  { sql: "ALTER TABLE users ENABLE ROW LEVEL SECURITY", locks: exclusive },
  { sql: "CREATE POLICY p ON users USING (true)", locks: exclusive },
  {
    sql: "CREATE TRIGGER t BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    locks: ["ShareRowExclusiveLock users"],
  },
  { sql: "UPDATE users SET n = n + 1", locks: ["RowExclusiveLock users"], scans: all },
  { sql: "ALTER TYPE mood ADD VALUE 'great'", locks: [] },
  { sql: "DROP TABLE orders CASCADE", locks: ["AccessExclusiveLock orders"] },
  { sql: "TRUNCATE orders", locks: ["AccessExclusiveLock orders"] },
];

async function parseOne(sql: string): Promise<ParsedMigration> {
  using folder = createMigrationFolder({ "1_one.up.sql": sql });
  const [file] = readMigrationFiles(folder.directory);
  if (file === undefined) throw new Error("there is no migration");
  return parseMigration(await loadParser(), file);
}

describe.each(serverNames)("%s", (name) => {
  let own: OwnScratch;
  beforeAll(async () => {
    own = await openOwnScratch(name);
  });
  afterAll(() => own[Symbol.asyncDispose]());

  test.each(samples)("$sql", async ({ sql, locks, rewrite, scans, builds }) => {
    const traces = await traceStatements(own.server, { base, sql });
    const last = traces.at(-1);
    expect(last).toBeDefined();
    if (last === undefined) return;
    expect(tableLocks(last)).toEqual(locks);
    expect(last.rewrites.map(({ name: table, reason }) => ({ table, reason }))).toEqual(
      rewrite === undefined ? [] : [{ table: "users", reason: rewrite }],
    );
    expect(scansOf(last)).toEqual(scans ?? {});
    expect(last.indexBuilds.map((index) => index.name).sort()).toEqual(builds ?? []);
  });

  test("locks on views, sequences, materialized views and indexes are told by their kind", async () => {
    const sql = `ALTER SEQUENCE tickets INCREMENT 5; DROP VIEW names; REFRESH MATERIALIZED VIEW totals; DROP INDEX users_n`;
    const traces = await traceStatements(own.server, { base, sql });
    expect(
      traces.map(({ locks }) =>
        locks
          .filter(({ mode }) => mode !== "RowShareLock")
          .map(({ kind, mode, name: relation }) => `${kind} ${relation} ${mode}`)
          .sort(),
      ),
    ).toEqual([
      ["sequence tickets ShareRowExclusiveLock"],
      ["view names AccessExclusiveLock"],
      ["materialized view totals AccessExclusiveLock"],
      ["index users_n AccessExclusiveLock", "table users AccessExclusiveLock"],
    ]);
    expect(traces[2]?.rewrites).toMatchObject([{ name: "totals", reason: "its query is run again" }]);
  });

  test("a lock is held until the transaction ends, and that is said of the statement that took it", async () => {
    const sql =
      "CREATE INDEX ON orders (total);\nALTER TABLE users ADD COLUMN a int;\nSELECT 1;\nALTER TABLE users ADD COLUMN b int;";
    const { migrations } = await trace(own.server, { base, pending: [sql] });
    const [first, second, third, fourth] = migrations[0]?.statements ?? [];
    expect(first?.locks[0]).toMatchObject({
      name: "orders",
      mode: "ShareLock",
      blocks: "writers",
      heldForStatements: 3,
    });
    expect(second?.locks[0]).toMatchObject({ name: "users", blocks: "readers and writers", heldForStatements: 2 });
    expect(third?.locks).toEqual([]);
    expect(third?.stillHeld).toEqual([
      { name: "users", kind: "table", mode: "AccessExclusiveLock", sinceLine: 2 },
      { name: "orders", kind: "table", mode: "ShareLock", sinceLine: 1 },
    ]);
    expect(fourth?.stillHeld).toEqual(third?.stillHeld);
    expect(migrations[0]?.held).toEqual(third?.stillHeld);
    expect(first?.locks[0]?.heldMs).toBeGreaterThan(second?.locks[0]?.heldMs ?? Number.POSITIVE_INFINITY);
  });

  test("each mode that a relation is held in has the line that took it", async () => {
    const sql = "SELECT 1;\nCREATE INDEX ON users (nick);\nALTER TABLE users ADD a int;\nSELECT 1;";
    const { migrations } = await trace(own.server, { base, pending: [sql] });
    const exclusive = { name: "users", kind: "table", mode: "AccessExclusiveLock", sinceLine: 3 };
    expect(migrations[0]?.held).toContainEqual(exclusive);
    expect(migrations[0]?.statements[2]?.stillHeld).toContainEqual({ ...exclusive, mode: "ShareLock", sinceLine: 2 });
    expect(migrations[0]?.statements[3]?.stillHeld).toContainEqual(exclusive);
  });

  test("a subscription in a transactional file is not made", async () => {
    const sql = `CREATE TABLE a (i int); CREATE SUBSCRIPTION s CONNECTION 'host=192.0.2.1' PUBLICATION p
      WITH (connect = false, slot_name = 'x'); ALTER TABLE users ADD a int`;
    const traces = await traceStatements(own.server, { base, sql });
    expect(traces.map(({ notRun }) => notRun)).toEqual([null, "it would reach another server", null]);
    expect(traces[2]?.locks[0]).toMatchObject({ name: "users", heldForStatements: 0 });
  });

  test("a savepoint that is rolled back gives its locks back", async () => {
    const sql = "SAVEPOINT s; ALTER TABLE users ADD COLUMN a int; ROLLBACK TO s; SELECT 1";
    const { migrations } = await trace(own.server, { base, pending: [sql] });
    expect(migrations[0]?.statements[1]?.locks[0]).toMatchObject({ name: "users", heldForStatements: 0 });
    expect(migrations[0]?.held).toEqual([]);
  });

  test("what an earlier traced migration made is there for the next one, and has no name on the target", async () => {
    const pending = [
      "CREATE TABLE fresh (id int); CREATE INDEX ON fresh (id)",
      "ALTER TABLE users RENAME TO members; ALTER TABLE fresh ADD a int",
      "ALTER TABLE members ADD a int",
    ];
    const { migrations } = await trace(own.server, { base, pending });
    expect(migrations[0]?.statements.flatMap(({ locks }) => locks)).toEqual([]);
    expect(migrations[1]?.statements[1]?.locks[0]).toMatchObject({ name: "fresh", nameBefore: null });
    expect(migrations[2]?.statements[0]?.locks[0]).toMatchObject({ name: "members", nameBefore: "users" });
  });

  test("a statement outside of a transaction waits until its lock was seen, however short it is held", async () => {
    const sql = `VACUUM orders, users;
CREATE INDEX CONCURRENTLY users_nick ON users (nick);
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_nick ON users (nick);
DROP INDEX CONCURRENTLY public.users_nick;
REINDEX INDEX CONCURRENTLY users_pkey;
ALTER TABLE parts DETACH PARTITION parts_new CONCURRENTLY;
VACUUM (SKIP_LOCKED) users;
SET lock_timeout = '1ms';
VACUUM users;`;
    const attached = "CREATE TABLE parts_new PARTITION OF parts FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')";
    for (let round = 0; round < 3; round += 1) {
      const { migrations } = await trace(own.server, { base, pending: [attached, sql], rows: 0 });
      const seen = migrations[1]?.statements.map((statement) => new Set(tableLocks(statement))) ?? [];
      const weak = "ShareUpdateExclusiveLock";
      expect(seen[0]).toEqual(new Set([`${weak} orders`, `${weak} users`]));
      for (const one of [1, 2, 3, 4]) expect(seen[one]).toEqual(new Set([`${weak} users`]));
      expect(seen[5]).toContain(`${weak} parts`);
    }
  });

  test("an index build that waits for others is looked at until its end", async () => {
    await using scratch = await own.server.createDatabase();
    await using database = await scratch.open({ lockTimeoutMs: 0 });
    await database.execute(base);
    await using connection = await database.connect();
    await using observer = await database.connect();
    await using older = await database.connect();
    await older.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM users");
    let looks = 0;
    const query: Connection["query"] = async (text, values) => {
      if (text === loadStatement("trace/locks")) looks += 1;
      if (looks === 20) await older.execute("COMMIT");
      return await observer.query(text, values);
    };
    const migration = await parseOne("CREATE INDEX CONCURRENTLY users_nick ON users (nick)");
    const [statement] = migration.up.statements;
    if (statement === undefined) throw new Error("there is no statement");
    const run = { connection, observer: { ...observer, query }, first: new Map(), whyNotRun: () => null };
    const { samples, locks } = await traceSampled(run, migration, statement);
    expect(samples).toBeGreaterThanOrEqual(20);
    expect(locks).toMatchObject([{ name: "users", mode: "ShareUpdateExclusiveLock" }]);
  });

  test("an index that is built concurrently is watched from another session", async () => {
    const sql =
      "CREATE INDEX CONCURRENTLY users_nick ON users (nick);\nALTER TABLE users ADD COLUMN a int;\nDROP INDEX CONCURRENTLY users_n;\nREINDEX INDEX CONCURRENTLY users_pkey;\nVACUUM users;";
    const { migrations } = await trace(own.server, { base, pending: [sql], rows: 50_000 });
    const [created, altered, dropped, rebuilt, vacuumed] = migrations[0]?.statements ?? [];
    expect(migrations[0]?.isTransactional).toBe(false);
    expect(created?.samples).toBeGreaterThan(0);
    expect(created?.locks).toMatchObject([
      { name: "users", mode: "ShareUpdateExclusiveLock", blocks: "nobody", heldForStatements: 0, heldMs: null },
    ]);
    expect(created?.indexBuilds).toMatchObject([{ name: "users_nick", isNew: true }]);
    // Once to build, once to validate.
    expect(created?.scans).toMatchObject([{ name: "users", rows: 100_000 }]);
    // May run in a transaction, so its locks are read rather than sampled.
    expect(altered?.samples).toBeNull();
    expect(altered?.locks[0]).toMatchObject({ mode: "AccessExclusiveLock", heldForStatements: 0 });
    expect(dropped?.samples).toBeGreaterThan(0);
    expect(rebuilt?.indexBuilds).toMatchObject([{ name: "users_pkey", isNew: false }]);
    expect(vacuumed?.locks[0]).toMatchObject({ name: "users", mode: "ShareUpdateExclusiveLock" });
  });

  test("a statement that fails is told with its place", async () => {
    await expect(
      trace(own.server, { base, pending: ["SELECT 1;\nALTER TABLE nobody ADD a int"] }),
    ).rejects.toMatchObject({
      code: "E_MIGRATION_FAILED",
      message: expect.stringMatching(/2_pending\.up\.sql:2:/),
    });
  });

  test("a deferred constraint that fails at COMMIT is told", async () => {
    const sql =
      "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int REFERENCES a DEFERRABLE INITIALLY DEFERRED); INSERT INTO b VALUES (1)";
    await expect(trace(own.server, { base, pending: [sql], rows: 0 })).rejects.toMatchObject({
      message: expect.stringMatching(/COMMIT/),
    });
  });

  // Held against itself, since how fast a machine is says nothing: were each statement compared with all those before it,
  // the second half would take three times as long as the first.
  test("the last of a thousand statements are traced as fast as the first", {
    retry: 3,
  }, async () => {
    const half = (from: number) =>
      Array.from(
        { length: 250 },
        (_, n) => `CREATE TABLE made_${from + n} (n int); ALTER TABLE made_${from + n} ADD a int;`,
      );
    const sql = `ALTER TABLE users ADD a int; ${half(0).join("")} ALTER TABLE orders ADD a int; ${half(250).join("")}`;
    const traces = await traceStatements(own.server, { base, sql, rows: 0 });
    expect(traces).toHaveLength(1002);
    const locks = traces.flatMap((statement) => statement.locks);
    expect(locks.map(({ name: table }) => table)).toEqual(["users", "orders"]);
    const [allMs = 0, secondMs = 0] = locks.map(({ heldMs }) => heldMs ?? 0);
    expect(secondMs).toBeLessThan(2.2 * (allMs - secondMs));
  });
});
