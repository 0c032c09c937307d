import { describe, expect, test } from "vitest";
import { readOperations } from "../../src/db/operations.js";
import type { Connection } from "../../src/db/pool.js";
import { applyRowWipe } from "../../src/wipe/rows-apply.js";
import type { ListedRows } from "../../src/wipe/rows-list.js";
import { planRowWipe } from "../../src/wipe/rows-plan.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { idsIn, rowOptions, rowsOf } from "../support/wipe-rows.js";

const schema = `
  CREATE TABLE people (id int PRIMARY KEY, note text);
  CREATE TABLE posts (id int PRIMARY KEY, person int REFERENCES people ON DELETE CASCADE, reader int REFERENCES people ON DELETE SET NULL);
  INSERT INTO people SELECT n FROM generate_series(1, 10) AS n;
  INSERT INTO posts SELECT n, n, 11 - n FROM generate_series(1, 10) AS n`;

describe.each(serverNames)("on %s a wipe in batches", (server) => {
  test("deletes what the plan says, and records all batches as one operation with one receipt", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(schema);
    const request = rowsOf(["people"], { where: "id <= 8" });
    const plan = await planRowWipe(database, request);
    const messages: string[] = [];
    const result = await applyRowWipe(database, plan, {
      ...rowOptions(request),
      batch: 3,
      beforeDelete: async () => ({ id: "the-backup" }),
      onProgress: ({ message }) => messages.push(message),
    });
    expect(messages.filter((message) => /chosen rows/.test(message))).toHaveLength(3);
    expect(result).toMatchObject({ state: "done", skipped: [], receipt: "the-backup" });
    expect(result.tables).toEqual(
      expect.arrayContaining([
        { table: "people", rowsDeleted: 8, rowsLeft: 0 },
        { table: "posts", rowsDeleted: 8, rowsLeft: 0 },
      ]),
    );
    expect([await idsIn(database, "people"), await idsIn(database, "posts")]).toEqual([
      [9, 10],
      [9, 10],
    ]);
    const operations = await readOperations(database, 5);
    expect(operations).toMatchObject([{ id: result.operation, result: { state: "done", tables: result.tables } }]);
  });

  test("leaves what came, changed, or refers to a chosen row since the backup, and says so", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(schema);
    const request = rowsOf(["people"], { where: "id <= 8" });
    const plan = await planRowWipe(database, request);
    // The plan's transaction is still open here: writers are not kept out.
    const beforeDelete = async (_connection: Connection, _rows: ListedRows) => {
      await database.execute(
        "INSERT INTO posts VALUES (20, 2); UPDATE people SET note = 'new' WHERE id = 5; DELETE FROM people WHERE id = 7; INSERT INTO people VALUES (0)",
      );
      return { id: "the-backup" };
    };
    const result = await applyRowWipe(database, plan, { ...rowOptions(request), batch: 4, beforeDelete });
    expect(result.state).toBe("partly");
    // Person 4 too: their post was read by person 7, and lost that reference when 7 went.
    expect(await idsIn(database, "people")).toEqual([0, 2, 4, 5, 9, 10]);
    expect(await idsIn(database, "posts")).toEqual([2, 4, 5, 9, 10, 20]);
    expect(result.tables.find(({ table }) => table === "people")).toEqual({
      table: "people",
      rowsDeleted: 4,
      rowsLeft: 2,
    });
    expect(result.skipped).toEqual(
      expect.arrayContaining([
        { table: "people", rows: 2, reason: expect.stringContaining("refer to them") },
        { table: "people", rows: 2, reason: expect.stringContaining("after the backup") },
      ]),
    );
  });

  test("keeps and records the batches before the one that fails", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`${schema};
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF OLD.id = 5 THEN RAISE 'not this one'; END IF; RETURN OLD; END $$;
      CREATE TRIGGER refuse BEFORE DELETE ON people FOR EACH ROW EXECUTE FUNCTION refuse()`);
    const request = rowsOf(["people"], { where: "id <= 8" });
    const plan = await planRowWipe(database, request);
    await expect(applyRowWipe(database, plan, { ...rowOptions(request), batch: 2 })).rejects.toMatchObject({
      code: "E_SQL",
      message: expect.stringMatching(
        /^it ended after 8 rows were deleted, which operation \d+ records: .*not this one/,
      ),
    });
    expect(await idsIn(database, "people")).toEqual([5, 6, 7, 8, 9, 10]);
    expect(await readOperations(database, 5)).toMatchObject([{ result: { state: "partly" } }]);
    await database.execute("DROP TRIGGER refuse ON people");
    const again = await planRowWipe(database, request);
    expect(await applyRowWipe(database, again, { ...rowOptions(request), batch: 2 })).toMatchObject({ state: "done" });
    expect(await idsIn(database, "people")).toEqual([9, 10]);
  });
});
