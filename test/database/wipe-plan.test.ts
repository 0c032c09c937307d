import { describe, expect, test } from "vitest";
import { wipePlanLines } from "../../src/commands/wipe-lines.js";
import { writeMarker } from "../../src/db/marker.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { countRows } from "../../src/db/schema.js";
import { plainStyle } from "../../src/report/style.js";
import { applyWipe } from "../../src/wipe/apply.js";
import { planWipe } from "../../src/wipe/plan.js";
import { createScratchDatabase, type ScratchDatabase, serverNames } from "../support/postgres.js";
import { scopeOf, wipeOptions } from "../support/wipe.js";

const scopes = scopeOf(["a"]);
const ofTables = (...tables: string[]) => ({ scopes: [], tables });

describe.each(serverNames)("on %s", (server) => {
  test("a plan says where it would happen: size, version, who marked the database and when, and the last write", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    await database.execute(`
      CREATE TABLE a (id int, "made ""at""" timestamptz DEFAULT now(), until timestamptz DEFAULT now() + '1 year', seen timestamptz DEFAULT CURRENT_TIMESTAMP);
      INSERT INTO a VALUES (1, '2026-01-02 03:04:05Z', '2030-01-01Z', '2026-01-01Z'), (2, '2025-01-01Z', null, 'infinity')`);
    const bare = await planWipe(database, scopes, ["it"]);
    expect(bare).not.toHaveProperty("environment");
    await writeMarker(connection, "staging");
    const plan = await planWipe(database, scopes, ["it"]);
    expect(plan).toMatchObject({
      databaseSizeBytes: expect.any(Number),
      serverVersion: expect.stringMatching(server === "postgres18" ? /^18/ : /^15/),
      serverAddress: `${scratch.target.host}:${scratch.target.port}`,
      environment: "staging",
      markerOrigin: "said",
      markedAt: expect.any(Date),
      markedBy: scratch.target.user,
      lastWrite: { at: new Date("2026-01-02T03:04:05Z"), from: "column", column: 'a.made "at"' },
    });
    expect(plan.databaseSizeBytes).toBeGreaterThan(1e6);
    expect(wipePlanLines({ plan, next: "roomctl wipe --confirm" }, plainStyle)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^environment {2}staging, marked 20\d\d-.* by /),
        'last write   2026-01-02 03:04:05Z (the newest a.made "at"; an UPDATE need not show there)',
      ]),
    );
  });

  const changes: Readonly<Record<string, readonly [string, string]>> = {
    "an UPDATE": ["UPDATE a SET note = note WHERE id = 2", "rows changed in a since the plan"],
    "an INSERT": ["INSERT INTO a (id) VALUES (9)", "1 row appeared in a since the plan"],
    "a DELETE": ["DELETE FROM a WHERE id = 1", "1 row went from a since the plan"],
    "a DELETE and the same INSERT": [
      "DELETE FROM a WHERE id = 2; INSERT INTO a VALUES (2, 'n')",
      "rows changed in a since the plan",
    ],
    "an ALTER of a column": ["ALTER TABLE a ALTER note SET DEFAULT 'x'", "the structure of a changed since the plan"],
    "a new column": ["ALTER TABLE a ADD more int", "the structure of a changed since the plan"],
    "a new constraint": ["ALTER TABLE a ADD CHECK (id > 0)", "the structure of a changed since the plan"],
    "a new trigger": [
      "CREATE TRIGGER t BEFORE TRUNCATE ON a EXECUTE FUNCTION nothing()",
      "the structure of a changed since the plan",
    ],
    "an UPDATE of what a reset would change": [
      "UPDATE kept SET note = 'other' WHERE id = 1",
      "rows changed in kept.note since the plan",
    ],
  };

  test("whatever changes the tables after the plan refuses it, naming the table", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const own = await createContent(database);
    for (const [what, [sql, why]] of Object.entries(changes)) {
      const plan = await planWipe(database, own, ["it"]);
      await database.execute(sql);
      const refused = await applyWipe(database, plan, wipeOptions(own)).catch((error: unknown) => error);
      expect({ what, refused }).toMatchObject({
        what,
        refused: { code: "E_PLAN_STALE", message: `nothing was deleted: ${why}` },
      });
      expect([what, (await planWipe(database, own, ["it"])).token]).not.toEqual([what, plan.token]);
    }
    expect(await countRows(database, { schema: "public", name: "a" })).toBe(3);
  });

  test("what changes no row keeps the token: vacuum, freeze, rewrite, analyze, row locks, writes elsewhere and rolled back", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    const own = await createContent(database);
    const { token } = await planWipe(database, own, ["it"]);
    for (const sql of [
      "ANALYZE a",
      "VACUUM (FREEZE) a",
      "VACUUM FULL a",
      "CLUSTER a USING a_pkey",
      "BEGIN; SELECT * FROM a FOR UPDATE; COMMIT",
      "BEGIN; UPDATE a SET id = id + 10; ROLLBACK",
      "CREATE INDEX ON a (note)",
      "UPDATE elsewhere SET id = 2",
      // Rows that the reset would leave as they are do not count.
      "UPDATE kept SET note = '' WHERE id = 2",
    ]) {
      await connection.execute(sql);
      expect([sql, (await planWipe(database, own, ["it"])).token]).toEqual([sql, token]);
    }
  });

  test("a transaction that began before the plan is seen, even where the numbers of transactions make up for each other", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using early = await database.connect();
    // Three neighbours, whose outer two are together twice the middle one; other tests may come between, so try again.
    for (let attempt = 1; ; attempt += 1) {
      await database.execute("DROP TABLE IF EXISTS a; CREATE TABLE a (id int)");
      await database.execute("INSERT INTO a VALUES (1)");
      await early.execute("BEGIN");
      const [middle] = await early.query<{ xid: string }>("SELECT pg_current_xact_id()::xid::text AS xid");
      await database.execute("INSERT INTO a VALUES (2)");
      const [outer] = await database.query<{ sum: string }>("SELECT sum(xmin::text::int8)::text AS sum FROM a");
      if (BigInt(outer?.sum ?? 0) === 2n * BigInt(middle?.xid ?? 0)) break;
      await early.execute("ROLLBACK");
      expect(attempt).toBeLessThan(100);
    }
    const plan = await planWipe(database, scopes, ["it"]);
    await early.execute("UPDATE a SET id = id; COMMIT");
    await expect(applyWipe(database, plan, wipeOptions(scopes))).rejects.toThrow("rows changed in a since the plan");
  });

  test("partitions count into the mark of their root; without a heap the count alone must do", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE TABLE a (id int) PARTITION BY LIST (id);
      CREATE TABLE a1 PARTITION OF a FOR VALUES IN (1); CREATE TABLE a2 PARTITION OF a DEFAULT;
      INSERT INTO a VALUES (1), (2);
      CREATE ACCESS METHOD other_heap TYPE TABLE HANDLER heap_tableam_handler;
      CREATE TABLE b (id int) USING other_heap; INSERT INTO b VALUES (1)`);
    const plan = await planWipe(database, scopes, ["it"]);
    await database.execute("UPDATE a SET id = 3 WHERE id = 2");
    await expect(applyWipe(database, plan, wipeOptions(scopes))).rejects.toThrow("rows changed in a since the plan");
    const other = await planWipe(database, [], ofTables("b"));
    expect(other.tables).toMatchObject([{ rows: 1, mark: { content: null } }]);
    await database.execute("ALTER TABLE a DETACH PARTITION a2; CREATE TABLE a3 (id int) USING other_heap");
    await database.execute("ALTER TABLE a ATTACH PARTITION a3 DEFAULT");
    expect((await planWipe(database, scopes, ["it"])).tables).toMatchObject([{ rows: 1, mark: { content: null } }]);
  });

  test("the marker and the role are part of the consent", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    await database.execute("CREATE TABLE a (id int)");
    const plan = await planWipe(database, scopes, ["it"]);
    await writeMarker(connection, "production");
    await expect(applyWipe(database, plan, wipeOptions(scopes))).rejects.toThrow(
      "the marker became production (it was none)",
    );
    const marked = await planWipe(database, scopes, ["it"]);
    await withClerk(
      scratch,
      database,
      "GRANT ALL ON a TO %; GRANT USAGE ON SCHEMA roomctl TO %",
      async (clerk, role) => {
        await database.execute(`GRANT SELECT ON roomctl.marker TO ${role}`);
        const other = await planWipe(clerk, scopes, ["it"]);
        expect(other).toMatchObject({ role, environment: "production" });
        expect(other.token).not.toBe(marked.token);
      },
    );
  });

  test("a role that may read some columns only gets a plan whose count must do", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE a (id int, at timestamptz DEFAULT now()); INSERT INTO a VALUES (1)");
    await withClerk(scratch, database, "GRANT SELECT (id) ON a TO %", async (clerk) => {
      expect(await planWipe(clerk, scopes, ["it"])).toMatchObject({
        rows: 1,
        lastWrite: null,
        tables: [{ mark: { content: null } }],
      });
    });
  });
});

/** A table, another one with a column to reset, and one that is no part of it. */
async function createContent(database: Database) {
  await database.execute(`
    CREATE TABLE a (id int PRIMARY KEY, note text DEFAULT 'n'); INSERT INTO a VALUES (1), (2), (3);
    CREATE TABLE kept (id int, note text); INSERT INTO kept VALUES (1, 'some'), (2, '');
    CREATE TABLE elsewhere (id int); INSERT INTO elsewhere VALUES (1);
    CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`);
  return scopeOf(["a"], { resets: [{ table: "kept", column: "note", value: "''" }] });
}

/** A role without rights but those that are granted: `%` stands for its name. */
async function withClerk(
  scratch: ScratchDatabase,
  database: Database,
  grants: string,
  work: (clerk: Database, role: string) => Promise<void>,
): Promise<void> {
  const role = `clerk_${scratch.target.database}`;
  await database.execute(`CREATE ROLE ${role} LOGIN PASSWORD 'clerk'; ${grants.replaceAll("%", role)}`);
  try {
    await using clerk = await openDatabase({ ...scratch.target, user: role, password: "clerk" });
    await work(clerk, role);
  } finally {
    await database.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
}
