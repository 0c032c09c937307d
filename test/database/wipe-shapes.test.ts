import { expect, test } from "vitest";
import { countRows } from "../../src/db/schema.js";
import { applyWipe } from "../../src/wipe/apply.js";
import { planWipe } from "../../src/wipe/plan.js";
import { untilBlocked } from "../support/blocked.js";
import { createScratchDatabase } from "../support/postgres.js";
import { scopeOf, wipeOptions } from "../support/wipe.js";

test("partitions go with their root, heirs with their parent, and hostile names are names", async () => {
  await using scratch = await createScratchDatabase({ name: 'wipe "me"; --' });
  await using database = await scratch.open();
  await database.execute(`
    CREATE SCHEMA "odd.one";
    CREATE TABLE "odd.one"."ev""ents
      here" (id int PRIMARY KEY, "the 'note'" jsonb) PARTITION BY HASH (id);
    CREATE TABLE "odd.one".p0 PARTITION OF "odd.one"."ev""ents
      here" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE "odd.one".p1 PARTITION OF "odd.one"."ev""ents
      here" FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    INSERT INTO "odd.one"."ev""ents
      here" SELECT generate_series(1, 50), '{}';
    CREATE TABLE base (id serial);
    CREATE TABLE heir (more int) INHERITS (base);
    INSERT INTO base VALUES (1), (2); INSERT INTO heir VALUES (3);
    CREATE TABLE kept ("x y" int); INSERT INTO kept VALUES (5)`);
  const events = '"odd.one"."ev""ents\n      here"';
  const scopes = scopeOf([events, "base"], { resets: [{ table: "kept", column: "x y", value: "0" }] });
  const plan = await planWipe(database, scopes, ["it"]);
  expect(plan.tables.map(({ table, kind, rows, partitions }) => ({ table, kind, rows, partitions }))).toEqual([
    { table: events, kind: "partitioned", rows: 50, partitions: ['"odd.one".p0', '"odd.one".p1'] },
    { table: "base", kind: "table", rows: 2, partitions: [] },
    { table: "heir", kind: "table", rows: 1, partitions: [] },
  ]);
  await applyWipe(database, plan, wipeOptions(scopes));
  const [left] = await database.query(`SELECT (SELECT count(*)::int FROM ${events}) AS events,
    (SELECT count(*)::int FROM base) AS base, (SELECT "x y" FROM kept) AS kept, nextval('base_id_seq')::int AS id`);
  expect(left).toEqual({ events: 0, base: 0, kept: 0, id: 1 });
});

test("a sequence that a kept table draws from too goes on, and so does the outbox's", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`
    CREATE SEQUENCE shared;
    CREATE TABLE gone (id int DEFAULT nextval('shared')); CREATE TABLE kept (id int DEFAULT nextval('shared'));
    INSERT INTO gone DEFAULT VALUES; INSERT INTO kept DEFAULT VALUES;
    CREATE SCHEMA roomctl; CREATE TABLE roomctl.outbox (id bigint GENERATED ALWAYS AS IDENTITY);
    INSERT INTO roomctl.outbox DEFAULT VALUES`);
  const scopes = scopeOf(["gone"], { optionalTables: ["roomctl.outbox", "never_made"] });
  const plan = await planWipe(database, scopes, ["it"]);
  expect(plan).toMatchObject({ sequences: [], rows: 2 });
  await applyWipe(database, plan, wipeOptions(scopes));
  await database.execute("INSERT INTO roomctl.outbox DEFAULT VALUES");
  expect(await database.query("SELECT id::int FROM roomctl.outbox")).toEqual([{ id: 2 }]);
  expect(await database.query("SELECT nextval('shared')::int AS next")).toEqual([{ next: 3 }]);
});

test("a missing table is named with the way out, and nothing of the rest is deleted", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE there (id int)");
  await expect(planWipe(database, scopeOf(["there", "gone"]), ["it"])).rejects.toMatchObject({
    code: "E_SCHEMA",
    message: expect.stringContaining("gone (scope it)"),
    hint: "roomctl migrate",
  });
});

test("a cascade never reaches roomctl's own records", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(
    "CREATE TABLE a (id int PRIMARY KEY); CREATE SCHEMA roomctl; CREATE TABLE roomctl.notes (a int REFERENCES a)",
  );
  await expect(planWipe(database, scopeOf(["a"]), ["it"])).rejects.toMatchObject({ code: "E_PROTECTED" });
});

test("a trigger that fills a table again while it is emptied undoes the wipe", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`CREATE TABLE a (id int); INSERT INTO a VALUES (1), (2);
    CREATE FUNCTION refill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO a VALUES (3); RETURN NULL; END $$;
    CREATE TRIGGER refill AFTER TRUNCATE ON a EXECUTE FUNCTION refill()`);
  const plan = await planWipe(database, scopeOf(["a"]), ["it"]);
  await expect(applyWipe(database, plan, wipeOptions(scopeOf(["a"])))).rejects.toThrow("a still holds 1 row");
  expect(await countRows(database, { schema: "public", name: "a" })).toBe(2);
});

test("a session that drew a number and now waits for us is let through, and its row makes the plan stale", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using other = await scratch.open({ lockTimeoutMs: 0 });
  await using drawer = await other.connect();
  await database.execute("CREATE TABLE a (id serial); INSERT INTO a DEFAULT VALUES");
  await drawer.execute("BEGIN; SELECT nextval('a_id_seq')");
  const plan = await planWipe(database, scopeOf(["a"]), ["it"]);
  const wiping = applyWipe(database, plan, { ...wipeOptions(scopeOf(["a"])), lockTimeoutMs: 200, attempts: 10 });
  const refused = expect(wiping).rejects.toMatchObject({ code: "E_PLAN_STALE" });
  await untilBlocked(other);
  await drawer.execute("INSERT INTO a VALUES (7); COMMIT");
  await refused;
  expect(await database.query("SELECT id FROM a ORDER BY id")).toEqual([{ id: 1 }, { id: 7 }]);
});

test("during the backup nobody draws a number, and the backup reads where the sequence stood", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open({ lockTimeoutMs: 100 });
  await database.execute("CREATE TABLE a (id serial); INSERT INTO a SELECT FROM generate_series(1, 5)");
  const plan = await planWipe(database, scopeOf(["a"]), ["it"]);
  const seen: unknown[] = [];
  await applyWipe(database, plan, {
    ...wipeOptions(scopeOf(["a"])),
    async beforeDelete(connection) {
      seen.push(...(await connection.query("SELECT last_value::int AS last FROM a_id_seq")));
      await expect(database.query("SELECT nextval('a_id_seq')")).rejects.toMatchObject({ code: "55P03" });
      return { id: "b" };
    },
  });
  expect(seen).toEqual([{ last: 5 }]);
  expect(await database.query("SELECT nextval('a_id_seq')::int AS next")).toEqual([{ next: 1 }]);
});
