import { describe, expect, test } from "vitest";
import { readOperations } from "../../src/db/operations.js";
import { openDatabase } from "../../src/db/pool.js";
import { applyRowWipe } from "../../src/wipe/rows-apply.js";
import { planRowWipe } from "../../src/wipe/rows-plan.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { idsIn, rowOptions, rowsOf } from "../support/wipe-rows.js";

const schema = `
  CREATE TABLE people (id int PRIMARY KEY);
  CREATE TABLE posts (id int PRIMARY KEY, person int REFERENCES people ON DELETE CASCADE);
  CREATE TABLE notes (id int PRIMARY KEY, person int REFERENCES people ON DELETE SET NULL);
  INSERT INTO people SELECT n FROM generate_series(1, 4) AS n;
  INSERT INTO posts SELECT n, n FROM generate_series(1, 4) AS n;
  INSERT INTO notes SELECT n, n FROM generate_series(1, 4) AS n`;

const body = (text: string) => `LANGUAGE plpgsql AS $$ BEGIN ${text} END $$`;

describe.each(serverNames)("on %s nothing is deleted", (server) => {
  test.each([
    [
      "a trigger keeps a row",
      `CREATE FUNCTION f() RETURNS trigger ${body("IF OLD.id = 2 THEN RETURN NULL; END IF; RETURN OLD;")};
       CREATE TRIGGER t BEFORE DELETE ON posts FOR EACH ROW EXECUTE FUNCTION f()`,
      "1 of the rows of posts were not",
    ],
    [
      "a trigger puts a row back",
      `CREATE FUNCTION f() RETURNS trigger ${body("INSERT INTO people VALUES (OLD.id - 100); RETURN NULL;")};
       CREATE TRIGGER t AFTER DELETE ON people FOR EACH ROW EXECUTE FUNCTION f()`,
      "people still holds 3 of the chosen rows",
    ],
    [
      "a trigger undoes SET NULL",
      `CREATE FUNCTION f() RETURNS trigger ${body("RETURN NULL;")};
       CREATE TRIGGER t BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION f()`,
      "3 of 3 rows of notes kept a reference",
    ],
    [
      "a constraint forbids what SET NULL does",
      "ALTER TABLE notes ADD CHECK (person IS NOT NULL)",
      "notes_person_check",
    ],
    [
      "a deferred trigger refuses",
      `CREATE FUNCTION f() RETURNS trigger ${body("RAISE 'not at all';")};
       CREATE CONSTRAINT TRIGGER t AFTER DELETE ON people DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f()`,
      "not at all",
    ],
  ])("when %s", async (_what, sql, message) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`${schema}; ${sql}`);
    const request = rowsOf(["people"], { where: "id <= 3" });
    const plan = await planRowWipe(database, request);
    await expect(applyRowWipe(database, plan, rowOptions(request))).rejects.toMatchObject({
      code: "E_SQL",
      message: expect.stringContaining(message),
    });
    for (const table of ["people", "posts", "notes WHERE person IS NOT NULL"]) {
      expect(await idsIn(database, table)).toEqual([1, 2, 3, 4]);
    }
    expect(await readOperations(database, 5)).toEqual([]);
  });

  test("when the backup fails, or a guard refuses under the locks", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(schema);
    const request = rowsOf(["people"], { where: "id <= 3" });
    const plan = await planRowWipe(database, request);
    const refuse = () => Promise.reject(new Error("no"));
    for (const more of [{ beforeDelete: refuse }, { guard: refuse }, { guard: refuse, batch: 2 }]) {
      await expect(applyRowWipe(database, plan, { ...rowOptions(request), ...more })).rejects.toThrow("no");
    }
    expect(await idsIn(database, "people")).toHaveLength(4);
  });

  test("when a lock does not come in time, and nobody who reads waits meanwhile", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(schema);
    const request = rowsOf(["people"], { where: "id <= 3" });
    const plan = await planRowWipe(database, request);
    await using writer = await database.connect();
    for (const sql of ["INSERT INTO posts VALUES (9, 4)", "SELECT FROM people WHERE id = 2 FOR UPDATE"]) {
      await writer.execute("BEGIN");
      await writer.execute(sql);
      for (const batch of [undefined, 2]) {
        const options = { ...rowOptions(request), lockTimeoutMs: 100, attempts: 2, ...(batch ? { batch } : {}) };
        const wiping = applyRowWipe(database, plan, options);
        expect(await idsIn(database, "people")).toHaveLength(4);
        await expect(wiping).rejects.toMatchObject({ code: "E_LOCK_TIMEOUT" });
      }
      await writer.execute("ROLLBACK");
    }
    expect(await idsIn(database, "posts")).toHaveLength(4);
  });

  test("by a role that lacks a right, which is named with all others", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using owner = await scratch.open();
    const role = `role_${scratch.target.database}`;
    await owner.execute(
      `${schema}; CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT SELECT ON people, posts, notes TO ${role}`,
    );
    try {
      await using database = await openDatabase({ ...scratch.target, user: role, password: "x" });
      const request = rowsOf(["people"], { where: "id <= 3" });
      const plan = await planRowWipe(database, request);
      await expect(applyRowWipe(database, plan, rowOptions(request))).rejects.toMatchObject({
        code: "E_PRIVILEGE",
        message: expect.stringMatching(/people.* \(needs the DELETE right\).*posts.*DELETE.*notes.*UPDATE/s),
      });
      await owner.execute(`ALTER TABLE posts ENABLE ROW LEVEL SECURITY`);
      await expect(planRowWipe(database, request)).rejects.toMatchObject({
        code: "E_PRIVILEGE",
        message: expect.stringContaining("row-level security"),
      });
    } finally {
      await owner.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});
