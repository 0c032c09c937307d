import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { readMarker, writeMarker } from "../../src/db/marker.js";
import type { Database } from "../../src/db/pool.js";
import { readSchemaSnapshot } from "../../src/db/snapshot.js";
import type { DatabaseTarget } from "../../src/db/target.js";
import { withTransaction } from "../../src/db/transaction.js";
import { openLedger, readUnfinished } from "../../src/restore/ledger.js";
import { assertNeeds } from "../../src/restore/needs.js";
import { assertRestored } from "../../src/restore/whole.js";
import {
  backUpWhole,
  createBackupFolder,
  digestTables,
  forgePreData,
  hostileRows,
  hostileSchema,
  restoreWholeLatest,
} from "../support/backup.js";
import { outcomeOf } from "../support/outcome.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { richRoles, richSchema } from "../support/rich-schema.js";

/** Rows for the rich schema, and what else a dump holds: large objects, filled views, constraints that old rows break. */
const richRows = `
  INSERT INTO parent (id, mood, n, body, at) SELECT g, 'it''s ok', g, repeat('b', g), '2024-01-01' FROM generate_series(1, 50) AS g;
  INSERT INTO "odd ""schema"."odd.table" (parent) SELECT g FROM generate_series(1, 20) AS g;
  INSERT INTO events SELECT date '2026-01-01' + g, g FROM generate_series(0, 300) AS g;
  INSERT INTO base VALUES (1), (2); INSERT INTO derived VALUES (3, 4);
  INSERT INTO typed VALUES (5, 'five');
  SELECT nextval('counter'), nextval('counter');
  REFRESH MATERIALIZED VIEW kept;
  CREATE MATERIALIZED VIEW upon AS SELECT n + 1 AS m FROM kept;
  CREATE UNIQUE INDEX upon_m ON upon (m);
  CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS one WITH NO DATA;
  CREATE VIEW grouped AS SELECT id, body FROM parent GROUP BY id;
  CREATE TABLE shouty (n int, m int);
  ALTER TABLE shouty ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, REPLICA IDENTITY FULL;
  INSERT INTO shouty VALUES (-1, 1);
  ALTER TABLE shouty ADD CONSTRAINT late CHECK (n > 0) NOT VALID;
  ALTER TABLE shouty ADD CONSTRAINT far FOREIGN KEY (m) REFERENCES parent NOT VALID;
  ALTER TABLE parent DISABLE TRIGGER touched;
  CREATE UNLOGGED TABLE fleeting (id serial, body text); INSERT INTO fleeting (body) VALUES ('a'), ('b');
  CREATE TABLE nothing (); INSERT INTO nothing SELECT FROM generate_series(1, 7);
  ALTER TABLE parent CLUSTER ON parent_label;
  COMMENT ON INDEX parent_mood IS 'by mood';
  COMMENT ON CONSTRAINT to_parent ON "odd ""schema"."odd.table" IS 'why';
  SELECT lo_create(4711); SELECT lo_put(4711, 0, decode(repeat('ab', 1500000), 'hex')); SELECT lo_put(4711, 5000000, '\\xff');
  SELECT lo_create(4712); COMMENT ON LARGE OBJECT 4711 IS 'a film'; GRANT SELECT ON LARGE OBJECT 4711 TO rich_reader;
  GRANT SELECT ON events TO rich_other WITH GRANT OPTION;
  SET ROLE rich_other; GRANT SELECT ON events TO rich_reader; RESET ROLE;
  COMMENT ON TABLE events IS E'how to dump:\\n\\\\restrict nobody\\n\\\\unrestrict nobody\\n';
`;

test("a database restored whole equals one restored by pg_restore from pg_dump's archive, byte for byte", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase({ server: "postgres15" });
  await using from = await source.open();
  await from.execute(richRoles);
  await from.execute(richSchema + richRows);
  await backUpWhole(from, folder.directory);

  await using target = await createScratchDatabase({ server: "postgres15" });
  await using to = await target.open();
  const restored = await restoreWholeLatest(to, folder.directory);
  expect(restored).toMatchObject({ isEqual: true, differences: [], isResumed: false });

  await using rival = await createScratchDatabase({ server: "postgres15" });
  dumpAndRestore(source.target, rival.target);
  expect(dumpText(target.target)).toBe(dumpText(rival.target));
  expect(await digestTables(to)).toEqual(await digestTables(from));
  expect(await to.query("SELECT nspname FROM pg_namespace WHERE nspname = 'roomctl_restore'")).toEqual([]);
});

const journeys = serverNames.flatMap((from) => serverNames.map((to) => [from, to] as const));

test.each(journeys)(
  "hostile objects and rows from %s are made anew on %s exactly as they were",
  async (first, second) => {
    using folder = createBackupFolder();
    await using source = await createScratchDatabase({ server: first });
    await using from = await source.open();
    await from.execute(hostileSchema + hostileRows);
    await withTransaction(from, {}, (connection) => writeMarker(connection, "staging"));
    await backUpWhole(from, folder.directory);
    await using target = await createScratchDatabase({ server: second });
    await using to = await target.open();
    if (first === "postgres18" && second === "postgres15") {
      // Newer words for constraints, which an older server cannot read: nothing is half made.
      await expect(restoreWholeLatest(to, folder.directory)).rejects.toMatchObject({
        code: "E_SQL",
        hint: expect.stringContaining("a schema of a newer PostgreSQL"),
      });
      expect(await digestTables(to)).toEqual({});
      expect(await readUnfinished(to)).toBeUndefined();
      return;
    }
    const { differences, tables } = await restoreWholeLatest(to, folder.directory);
    expect(differences).toEqual([]);
    const own = tables.filter(({ schema }) => schema === "roomctl").map(({ name }) => name);
    const kept = ["epochs", "marker", "migration_runs", "migrations", "operations", "protected", "tombstones"];
    expect(own.sort()).toEqual(kept);
    expect(await digestTables(to)).toEqual(await digestTables(from));
    expect(await readMarker(to)).toEqual(await readMarker(from));
    expect(await to.query("SELECT * FROM generated_ids_id_seq")).toMatchObject(
      await from.query("SELECT last_value, is_called FROM generated_ids_id_seq"),
    );
    // Words differ between majors; within one, every definition is the same.
    if (first === second) expect(await readSchemaSnapshot(to)).toEqual(await readSchemaSnapshot(from));
  },
);

test("needs that the server lacks are named all at once, with the way out, before anything is made", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const roles = ["one", "two"].map((name) => `${name}_${scratch.target.database}`);
  await database.execute(roles.map((role) => `CREATE ROLE ${role}`).join(";"));
  await database.execute(`CREATE TABLE a (id int); GRANT SELECT ON a TO ${roles.join(", ")}`);
  await backUpWhole(database, folder.directory);
  await database.execute(`DROP TABLE a; ${roles.map((role) => `DROP ROLE ${role}`).join(";")}`);
  const refused = restoreWholeLatest(database, folder.directory);
  await expect(refused).rejects.toMatchObject({
    code: "E_SCHEMA",
    message: expect.stringContaining(`the roles ${roles.join(", ")}`),
    hint: expect.stringContaining(`CREATE ROLE "${roles[0]}"; CREATE ROLE "${roles[1]}";`),
  });
  await expect(
    assertNeeds(database, { roles: [], extensions: [{ name: "warp", version: "1", schema: "public" }] }),
  ).rejects.toThrow("the extensions warp");
  expect(await readUnfinished(database)).toBeUndefined();
});

test("objects that are in the way leave the database as it was", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE a (id int DEFAULT f())");
  await backUpWhole(from, folder.directory);
  await using target = await createScratchDatabase();
  await using to = await target.open();
  await to.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'");
  await expect(restoreWholeLatest(to, folder.directory)).rejects.toMatchObject({
    code: "E_NOT_EMPTY",
    message: expect.stringContaining("objects of its own: function f()"),
  });
  expect(await to.query("SELECT relname FROM pg_class WHERE relname = 'a'")).toEqual([]);
});

test("a restore that was cut off goes on with its own backup only", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute("CREATE TABLE a (id int); INSERT INTO a VALUES (1)");
  await backUpWhole(from, folder.directory);
  await using target = await createScratchDatabase();
  await using to = await target.open();
  await openLedger(to, "2020-01-01T000000Z-000000");
  await expect(restoreWholeLatest(to, folder.directory)).rejects.toMatchObject({
    code: "E_NOT_EMPTY",
    hint: expect.stringContaining("roomctl backup restore 2020-01-01T000000Z-000000"),
  });
});

test("a session that somebody ends in the middle of a load is replaced, and no row comes twice", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(manyRows);
  await backUpWhole(from, folder.directory);
  await using target = await createScratchDatabase();
  await using to = await target.open();
  await using other = await target.open();
  const restoring = restoreWholeLatest(to, folder.directory);
  const killed = await untilEnded(other, "query LIKE 'COPY %'");
  expect(await restoring).toMatchObject({ isEqual: true });
  expect(killed).toBe(true);
  expect(await digestTables(to)).toEqual(await digestTables(from));
});

test("a restore whose lock is gone stops, and the next one goes on", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(manyRows);
  await backUpWhole(from, folder.directory);
  await using target = await createScratchDatabase();
  await using to = await target.open();
  await using other = await target.open();
  const restoring = outcomeOf(restoreWholeLatest(to, folder.directory));
  await untilEnded(other, "true");
  expect(await restoring).toBe("E_CONNECTION_LOST");
  expect(await readUnfinished(other)).toMatch(/^20/);
  const again = await restoreWholeLatest(other, folder.directory);
  expect(again).toMatchObject({ isEqual: true, isResumed: true });
  expect(await digestTables(other)).toEqual(await digestTables(from));
});

test("what differs in the end is told, and then the restore is not called done", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute("CREATE TABLE a (amount numeric); INSERT INTO a VALUES (1.25)");
  await backUpWhole(from, folder.directory);
  forgePreData(folder.directory, (sql) => sql.replace("numeric", "numeric(10,1)"));
  await using target = await createScratchDatabase();
  await using to = await target.open();
  const result = await restoreWholeLatest(to, folder.directory);
  expect(result.differences).toEqual(["a holds 1 rows, but other values"]);
  expect(() => assertRestored(result)).toThrow("did not come back as it was: a holds 1 rows, but other values");
  expect(await readUnfinished(to)).toMatch(/^20/);
});

const manyRows = `CREATE TABLE big (id int PRIMARY KEY, body text); CREATE UNLOGGED TABLE quick (id int);
  INSERT INTO big SELECT n, string_agg(md5(n::text || m), '') FROM generate_series(1, 25000) AS n, generate_series(1, 20) AS m GROUP BY n;
  INSERT INTO quick SELECT generate_series(1, 1000); CREATE INDEX ON big (body)`;

/** Ends all sessions of roomctl's restore that do this, as soon as there is one; false when there never was. */
async function untilEnded(database: Database, condition: string): Promise<boolean> {
  for (let attempt = 0; attempt < 2000; attempt += 1) {
    const ended = await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND ${condition}
          AND EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY %' AND state = 'active')`,
    );
    if (ended.length > 0) return true;
    await sleep(2);
  }
  return false;
}

function dumpText(target: DatabaseTarget): string {
  const text = runProgram("pg_dump", target, []);
  return text.replace(/^\\(un)?restrict .*$/gm, "");
}

function dumpAndRestore(source: DatabaseTarget, target: DatabaseTarget): void {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-archive-"));
  try {
    const file = join(directory, "archive");
    runProgram("pg_dump", source, ["-Fc", "-f", file]);
    runProgram("pg_restore", target, ["--exit-on-error", "-d", target.database, file]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function runProgram(name: string, target: DatabaseTarget, words: readonly string[]): string {
  const { host, port, user, password = "", database } = target;
  return execFileSync(`/usr/lib/postgresql/15/bin/${name}`, words, {
    encoding: "utf8",
    maxBuffer: 1e9,
    env: { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database },
  });
}
