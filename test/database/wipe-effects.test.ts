import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { describe, expect, test } from "vitest";
import { wipePlanLines } from "../../src/commands/wipe-lines.js";
import { destroyEmbedded, startEmbedded } from "../../src/db/embedded.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { plainStyle } from "../../src/report/style.js";
import { readEffects } from "../../src/wipe/effects.js";
import { planWipe } from "../../src/wipe/plan.js";
import { createScratchDatabase, serverNames, serverOptions } from "../support/postgres.js";
import { scopeOf } from "../support/wipe.js";

/** Quotes, a line break, a tab, what is no ASCII, and what SQL would end at. */
const odd = `it's "so"\n\t; -- ü😀`;
const quoted = `"${odd.replaceAll('"', '""')}"`;

describe.each(serverNames)("on %s", (server) => {
  test("triggers that fire are named, those that a TRUNCATE leaves silent are counted, and disabled ones are neither", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE SCHEMA ${quoted};
      CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a);
      CREATE FUNCTION ${quoted}.${quoted}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
      CREATE TRIGGER ${quoted} AFTER TRUNCATE ON a EXECUTE FUNCTION ${quoted}.${quoted}();
      CREATE TRIGGER off BEFORE TRUNCATE ON a EXECUTE FUNCTION ${quoted}.${quoted}(); ALTER TABLE a DISABLE TRIGGER off;
      CREATE TRIGGER each_row AFTER DELETE OR UPDATE ON a FOR EACH ROW EXECUTE FUNCTION ${quoted}.${quoted}();
      CREATE TRIGGER once BEFORE DELETE ON a EXECUTE FUNCTION ${quoted}.${quoted}();
      CREATE TRIGGER added AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION ${quoted}.${quoted}();
      CREATE TRIGGER replica AFTER DELETE ON a FOR EACH ROW EXECUTE FUNCTION ${quoted}.${quoted}();
      ALTER TABLE a ENABLE REPLICA TRIGGER replica`);
    const called = `${quoted}.${quoted}`;
    const plan = await planWipe(database, scopeOf(["a", "b"]), ["it"]);
    expect(plan.effects.tables).toEqual([
      {
        table: "a",
        triggers: [{ name: odd, timing: "AFTER", level: "statement", function: called }],
        silentTriggers: 2,
        publications: [],
        staleViews: [],
      },
    ]);
    const rows = await effectsOf(database, ["a", "b"], "rows");
    expect(rows.tables).toMatchObject([
      {
        table: "a",
        triggers: [
          { name: "each_row", timing: "AFTER", level: "row" },
          { name: "once", timing: "BEFORE", level: "statement" },
        ],
        silentTriggers: 0,
      },
    ]);
    const lines = wipePlanLines({ plan, next: "roomctl wipe --confirm" }, plainStyle);
    expect(lines.find((line) => line.startsWith("triggers that fire"))).toContain("\\u000a");
    expect(lines).toContain("2 DELETE triggers do not fire: on a");
    expect(lines.join("")).not.toContain("\n");
  });

  test("a partition's copy of its root's trigger is told once, and a partition that goes alone tells it itself", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE TABLE a (id int) PARTITION BY LIST (id); CREATE TABLE a1 PARTITION OF a DEFAULT;
      CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
      CREATE TRIGGER gone AFTER DELETE ON a FOR EACH ROW EXECUTE FUNCTION nothing();
      CREATE TRIGGER own AFTER TRUNCATE ON a1 EXECUTE FUNCTION nothing()`);
    const whole = await effectsOf(database, ["a", "a1"], "rows");
    expect(whole.tables.map(({ table, triggers }) => [table, triggers.map(({ name }) => name)])).toEqual([
      ["a", ["gone"]],
    ]);
    const part = await effectsOf(database, ["a1"], "rows");
    expect(part.tables.map(({ table, triggers }) => [table, triggers.map(({ name }) => name)])).toEqual([
      ["a1", ["gone"]],
    ]);
    const { effects } = await planWipe(database, scopeOf(["a"]), ["it"]);
    expect(effects.tables.map(({ table, triggers }) => [table, triggers.map(({ name }) => name)])).toEqual([
      ["a", []],
      ["a1", ["own"]],
    ]);
  });

  test("publications are told with whether they send the deletion: of tables, schemas, everything, and of a partition's root", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE SCHEMA ${quoted}; CREATE TABLE ${quoted}.${quoted} (id int);
      CREATE TABLE a (id int) PARTITION BY LIST (id); CREATE TABLE a1 PARTITION OF a DEFAULT;
      CREATE TABLE b (id int); CREATE UNLOGGED TABLE c (id int);
      CREATE PUBLICATION ${quoted} FOR TABLES IN SCHEMA ${quoted} WITH (publish = 'insert, truncate');
      CREATE PUBLICATION root FOR TABLE a WITH (publish = 'insert, delete');
      CREATE PUBLICATION everything FOR ALL TABLES`);
    const table = `${quoted}.${quoted}`;
    const { effects } = await planWipe(database, scopeOf([table, "a", "b", "c"]), ["it"]);
    const everything = { publication: "everything", sendsDeletion: true };
    const published = Object.fromEntries(effects.tables.map((one) => [one.table, one.publications]));
    expect(published).toEqual({
      [table]: [everything, { publication: odd, sendsDeletion: true }],
      a: [everything, { publication: "root", sendsDeletion: false }],
      a1: [everything, { publication: "root", sendsDeletion: false }],
      b: [everything],
    });
    const rows = await effectsOf(database, ["a1", table], "rows");
    expect(rows.tables.map(({ publications }) => publications?.at(-1))).toEqual([
      { publication: "root", sendsDeletion: true },
      { publication: odd, sendsDeletion: false },
    ]);
    const plan = await planWipe(database, scopeOf(["a"]), ["it"]);
    const lines = wipePlanLines({ plan, next: "roomctl wipe --confirm" }, plainStyle);
    expect(lines).toContain("publication everything sends it to its subscribers: a, a1");
    expect(lines).toContain("publication root does not send a truncate, its subscribers keep the rows: a, a1");
  });

  test("materialized views go stale through views, other materialized views, functions and roots, unless they are empty", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE SCHEMA ${quoted};
      CREATE TABLE root (id int) PARTITION BY LIST (id); CREATE TABLE a PARTITION OF root DEFAULT; CREATE TABLE b (id int);
      CREATE VIEW v1 AS SELECT * FROM a; CREATE VIEW v2 AS SELECT * FROM v1 WHERE id > 0;
      CREATE MATERIALIZED VIEW ${quoted}.${quoted} AS SELECT * FROM v2;
      CREATE MATERIALIZED VIEW second AS SELECT * FROM ${quoted}.${quoted};
      CREATE MATERIALIZED VIEW of_root AS SELECT * FROM root;
      CREATE FUNCTION ids() RETURNS SETOF int BEGIN ATOMIC SELECT id FROM a; END;
      CREATE MATERIALIZED VIEW called AS SELECT * FROM ids();
      CREATE MATERIALIZED VIEW other AS SELECT * FROM b;
      CREATE MATERIALIZED VIEW unfilled AS SELECT * FROM a WITH NO DATA`);
    const plan = await planWipe(database, scopeOf(["a"]), ["it"]);
    const stale = [`${quoted}.${quoted}`, "called", "of_root", "second"];
    expect(plan.effects.tables.map(({ table, staleViews }) => [table, staleViews.toSorted()])).toEqual([["a", stale]]);
    const lines = wipePlanLines({ plan, next: "roomctl wipe --confirm" }, plainStyle);
    expect(lines.filter((line) => line.includes("go stale") && line.includes("second"))).toHaveLength(1);
  });

  test("where there is nothing to say, the text says nothing", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE a (id int)");
    const plan = await planWipe(database, scopeOf(["a"]), ["it"]);
    expect(plan.effects.tables).toEqual([]);
    const text = wipePlanLines({ plan, next: "roomctl wipe --confirm" }, plainStyle).join("\n");
    expect(text).not.toMatch(/trigger|publication|view|slot|standby/);
    expect(text).toContain("last write   unknown");
  });

  test("slots, standbys and the last commit, seen by a superuser and by a role without rights", async () => {
    const folder = mkdtempSync(join(tmpdir(), "roomctl-wipe-effects-"));
    const options = serverOptions(server, folder);
    const settings = { ...options.settings, wal_level: "logical", track_commit_timestamp: "on" };
    const { target } = await startEmbedded({ ...options, settings });
    const standby = new Client({ ...target, application_name: "a 'standby'", replication: "true" } as object);
    try {
      await using database = await openDatabase(target);
      await database.execute(`
        CREATE TABLE a (id int, at timestamptz DEFAULT now()); INSERT INTO a VALUES (1, '2020-01-01');
        CREATE ROLE clerk LOGIN PASSWORD 'clerk'; GRANT ALL ON a TO clerk`);
      await database.query("SELECT pg_create_logical_replication_slot('reader', 'pgoutput')");
      await database.query("SELECT pg_create_physical_replication_slot('physical')");
      const [place] = await database.query<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn");
      await standby.connect();
      standby.on("error", () => {});
      standby.query(`START_REPLICATION PHYSICAL ${place?.lsn}`).catch(() => {});
      await untilStandby(database);

      const plan = await planWipe(database, scopeOf(["a"]), ["it"]);
      expect(plan.effects.slots).toEqual([
        expect.objectContaining({ name: "reader", isActive: false, retainedBytes: expect.any(Number) }),
      ]);
      expect(plan.effects.standbys).toMatchObject([{ name: "a 'standby'", syncState: "async" }]);
      expect(plan.lastWrite).toMatchObject({ from: "server" });
      expect(plan.lastWrite?.at.getTime()).toBeGreaterThan(Date.now() - 600_000);
      const lines = wipePlanLines({ plan, next: "roomctl wipe --confirm" }, plainStyle);
      expect(lines.find((line) => line.startsWith("last write"))).toContain("the last commit in any database");
      expect(lines.find((line) => line.startsWith("logical slots"))).toContain("reader (");
      expect(lines.find((line) => line.startsWith("standbys"))).toContain("a 'standby' (");

      await database.execute(`
        REVOKE EXECUTE ON FUNCTION pg_current_wal_lsn(), pg_last_committed_xact(), pg_database_size(name) FROM public;
        REVOKE SELECT ON pg_publication_rel FROM public`);
      await using clerk = await openDatabase({ ...target, user: "clerk", password: "clerk" });
      const seen = await planWipe(clerk, scopeOf(["a"]), ["it"]);
      expect(seen).toMatchObject({ databaseSizeBytes: null, rows: 1, lastWrite: { from: "column", column: "a.at" } });
      expect(seen.effects).toMatchObject({
        tables: [{ table: "a", publications: null }],
        slots: [{ name: "reader", retainedBytes: null }],
        standbys: [{ name: "a 'standby'", state: null, lagBytes: null }],
      });
      expect(wipePlanLines({ plan: seen, next: "roomctl wipe --confirm" }, plainStyle)).toContain(
        "publications: this role may not read them",
      );
      await database.execute("REVOKE SELECT ON pg_replication_slots FROM public");
      expect((await planWipe(clerk, scopeOf(["a"]), ["it"])).effects).toMatchObject({ slots: null, standbys: null });
    } finally {
      await standby.end().catch(() => {});
      await destroyEmbedded({ ...options, settings });
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function untilStandby(database: Database): Promise<void> {
  for (;;) {
    const rows = await database.query("SELECT FROM pg_stat_replication WHERE state = 'streaming'");
    if (rows.length > 0) return;
    await sleep(20);
  }
}

function effectsOf(database: Database, tables: readonly string[], kind: "tables" | "rows") {
  return withTransaction(database, { readOnly: true }, async (connection) => {
    const rows = await connection.query<{ oid: number }>(
      "SELECT to_regclass(name)::oid::int8::float8 AS oid FROM unnest($1::text[]) AS name",
      [tables],
    );
    return readEffects(
      connection,
      rows.map(({ oid }) => oid),
      kind,
    );
  });
}
