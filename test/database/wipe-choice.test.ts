import { describe, expect, test } from "vitest";
import { wipePlanLines } from "../../src/commands/wipe-lines.js";
import { writeMarker } from "../../src/db/marker.js";
import { countRows } from "../../src/db/schema.js";
import { plainStyle } from "../../src/report/style.js";
import { applyWipe } from "../../src/wipe/apply.js";
import { estimateWipe } from "../../src/wipe/estimate.js";
import { planWipe, type WipePlan } from "../../src/wipe/plan.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { scopeOf, wipeOptions } from "../support/wipe.js";

const ofTables = (...tables: string[]) => ({ scopes: [], tables });

describe.each(serverNames)("on %s", (server) => {
  test("--table chooses tables that no scope names, alone or beside scopes", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const odd = '"Odd ""one"""."no\nte"';
    await database.execute(`
      CREATE TABLE a (id int); CREATE TABLE b (id int); INSERT INTO b VALUES (1);
      CREATE SCHEMA "Odd ""one"""; CREATE TABLE ${odd} (id int); INSERT INTO ${odd} VALUES (1), (2)`);
    const all = scopeOf(["a"], { name: "all" });
    const alone = await planWipe(database, all, ofTables("b", odd));
    expect(alone).toMatchObject({ scopes: [], namedTables: ["b", odd], rows: 3 });
    expect(alone.tables).toEqual([
      expect.objectContaining({ table: "b", reason: "chosen by --table" }),
      expect.objectContaining({ table: odd, reason: "chosen by --table" }),
    ]);
    const lines = wipePlanLines({ plan: alone, next: "roomctl wipe --confirm" }, plainStyle);
    expect(lines.filter((line) => line.includes("\n"))).toEqual([]);
    const both = await planWipe(database, all, { scopes: ["all"], tables: ["a", "b"] });
    expect(both.tables.map(({ table, reason }) => [table, reason])).toEqual(
      expect.arrayContaining([
        ["a", "scope all"],
        ["b", "chosen by --table"],
      ]),
    );
    expect((await planWipe(database, all, ofTables("a"))).token).not.toBe((await planWipe(database, all, [])).token);
    await applyWipe(database, alone, wipeOptions(all));
    expect(
      await database.query(`SELECT (SELECT count(*) FROM b)::int + (SELECT count(*) FROM ${odd})::int AS rows`),
    ).toEqual([{ rows: 0 }]);
  });

  test("a table that is not there is named with those that are nearly the same", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    await writeMarker(connection, "development");
    await database.execute(
      "CREATE TABLE rooms (id int); CREATE SCHEMA other; CREATE TABLE other.notes (id int); CREATE VIEW v AS SELECT 1",
    );
    const refusal = (table: string) => planWipe(database, [], ofTables(table)).catch((error: unknown) => error);
    expect(await refusal("Room")).toMatchObject({
      code: "E_UNKNOWN_TABLE",
      message: 'nothing was changed: there is no table "Room" in this database (did you mean rooms?)',
    });
    expect(await refusal("notes")).toMatchObject({ message: expect.stringContaining("did you mean other.notes?") });
    for (const name of ["v", "pg_catalog.pg_class", "quite_another"]) {
      expect(await refusal(name)).toMatchObject({ code: "E_UNKNOWN_TABLE" });
    }
    expect(await refusal("roomctl.marker")).toMatchObject({ code: "E_PROTECTED" });
    expect(await refusal("a.b.c")).toMatchObject({ code: "E_USAGE" });
  });

  test("an estimate reads no row, says what it does not know, and cannot be applied", async () => {
    await using scratch = await createScratchDatabase({ server });
    const statements: string[] = [];
    await using database = await scratch.open({ onStatement: (sql) => statements.push(sql) });
    await database.execute(`
      CREATE TABLE a (id int PRIMARY KEY, note text DEFAULT ''); INSERT INTO a SELECT generate_series(1, 500);
      CREATE TABLE child (a int REFERENCES a); INSERT INTO child SELECT 1 FROM generate_series(1, 30);
      CREATE TABLE parts (id int) PARTITION BY LIST (id); CREATE TABLE part1 PARTITION OF parts FOR VALUES IN (1);
      CREATE TABLE part2 PARTITION OF parts DEFAULT; INSERT INTO parts SELECT 1 + g % 2 FROM generate_series(1, 40) AS g;
      CREATE TABLE kept (note text)`);
    await database.execute("ANALYZE a, part1, part2");
    await database.execute("DELETE FROM a WHERE id > 400");
    statements.length = 0;
    const own = scopeOf(["a", "parts"], { resets: [{ table: "kept", column: "note", value: "''" }] });
    const estimate = await estimateWipe(database, own, { scopes: ["it"], tables: [] });
    expect(estimate).toMatchObject({
      isEstimate: true,
      tables: expect.arrayContaining([
        expect.objectContaining({ table: "a", rows: 500 }),
        expect.objectContaining({ table: "parts", rows: 40 }),
      ]),
      cascades: [{ table: "child", rows: null }],
      resets: [{ table: "kept", column: "note" }],
      rows: null,
    });
    expect(estimate).not.toHaveProperty("token");
    expect(statements.length).toBeGreaterThan(5);
    expect(statements.filter((sql) => /count\(\*\) AS rows|"(a|child|parts|kept)"/.test(sql))).toEqual([]);
    const forced = applyWipe(database, estimate as unknown as WipePlan, { ...wipeOptions(own), acceptsCascade: true });
    await expect(forced).rejects.toMatchObject({ code: "E_USAGE", hint: "roomctl wipe --scope it" });
    expect(await countRows(database, { schema: "public", name: "a" })).toBe(400);
  });
});
