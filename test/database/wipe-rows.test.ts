import { describe, expect, test } from "vitest";
import { referenceApp } from "../../src/core/reference-app.js";
import { quoteName } from "../../src/db/identifier.js";
import { readOperations } from "../../src/db/operations.js";
import type { Connection } from "../../src/db/pool.js";
import { applyRowWipe } from "../../src/wipe/rows-apply.js";
import type { RowConditions } from "../../src/wipe/rows-choice.js";
import type { ListedRows } from "../../src/wipe/rows-list.js";
import { planRowWipe } from "../../src/wipe/rows-plan.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { tableCounts, useReferenceDatabase } from "../support/wipe.js";
import { idsIn, rowOptions, rowsOf } from "../support/wipe-rows.js";

const cloneReference = useReferenceDatabase();
const month = { text: "30d", ms: 30 * 86_400_000 };

const family = `
  CREATE TABLE people (id int PRIMARY KEY, created_at timestamptz DEFAULT now());
  CREATE TABLE posts (id int PRIMARY KEY, person int REFERENCES people ON DELETE CASCADE);
  CREATE TABLE notes (id int PRIMARY KEY, person int REFERENCES people ON DELETE SET NULL);
  CREATE TABLE bills (id int PRIMARY KEY, person int REFERENCES people ON DELETE RESTRICT);
  CREATE TABLE lines (id int PRIMARY KEY, bill int REFERENCES bills ON DELETE CASCADE);
  INSERT INTO people SELECT n, now() - n * interval '10 days' FROM generate_series(1, 9) AS n;
  INSERT INTO posts SELECT n, n FROM generate_series(1, 9) AS n;
  INSERT INTO notes SELECT n, n FROM generate_series(1, 9) AS n`;

describe.each(serverNames)("on %s", (server) => {
  test("rows older than a period go with those that refer to them, and others lose their reference", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(family);
    const request = rowsOf(["people"], { olderThan: month });
    const plan = await planRowWipe(database, request);
    expect(plan).toMatchObject({
      kind: "rows",
      rows: 14,
      tables: [{ table: "people", rows: 7, reason: "chosen by --table, older than 30d by created_at" }],
      cascades: [
        { table: "posts", rows: 7, path: ["posts(person) → people"], onDelete: "CASCADE", needsConsent: false },
      ],
      detached: [
        { table: "notes", columns: ["person"], onDelete: "SET NULL", rows: 7, reason: "notes(person) → people" },
      ],
      sequences: [],
      resets: [],
    });
    let saved: ListedRows | undefined;
    const copied = new Map<string, number>();
    const beforeDelete = async (connection: Connection, rows: ListedRows) => {
      saved = rows;
      for (const [name, condition] of rows.conditions) {
        const found = await connection.query(`SELECT FROM ONLY ${name} WHERE ${condition}`);
        copied.set(name, found.length);
      }
      return { id: "the-backup" };
    };
    const result = await applyRowWipe(database, plan, { ...rowOptions(request), beforeDelete });
    expect(result).toMatchObject({
      state: "done",
      receipt: "the-backup",
      detached: [{ table: "notes", rowsChanged: 7 }],
    });
    expect(result.tables).toEqual(
      expect.arrayContaining([
        { table: "people", rowsDeleted: 7, rowsLeft: 0 },
        { table: "posts", rowsDeleted: 7, rowsLeft: 0 },
      ]),
    );
    expect(saved?.tables.map(quoteName).sort()).toEqual([...copied.keys()].sort());
    expect(Object.fromEntries(copied)).toEqual({
      '"public"."people"': 7,
      '"public"."posts"': 7,
      '"public"."notes"': 7,
    });
    expect(await idsIn(database, "people")).toEqual([1, 2]);
    expect(await idsIn(database, "posts")).toEqual([1, 2]);
    expect(await idsIn(database, "notes WHERE person IS NULL")).toEqual([3, 4, 5, 6, 7, 8, 9]);
    const [operation] = await readOperations(database, 1);
    expect(operation).toMatchObject({
      id: result.operation,
      kind: "wipe",
      plan: { kind: "rows", token: plan.token },
      result: { receipt: "the-backup", tables: result.tables, epoch: result.epoch },
    });
  });

  test("rows that RESTRICT protects stand in the way until they are accepted, with all that goes with them", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(
      `${family}; INSERT INTO bills VALUES (1, 5), (2, 1); INSERT INTO lines VALUES (1, 1), (2, 2)`,
    );
    const request = rowsOf(["people"], { where: "id = 5" });
    const plan = await planRowWipe(database, request);
    expect(plan.cascades).toMatchObject([
      { table: "lines", rows: 1, path: ["lines(bill) → bills", "bills(person) → people"], needsConsent: true },
      { table: "bills", rows: 1, onDelete: "RESTRICT", needsConsent: true },
      { table: "posts", rows: 1, needsConsent: false },
    ]);
    const refusing = { ...rowOptions(request), acceptsCascade: false };
    await expect(applyRowWipe(database, plan, refusing)).rejects.toMatchObject({
      code: "E_CASCADE_REQUIRED",
      message: expect.stringContaining("bills (1 row, bills(person) → people, RESTRICT)"),
      hint: `if they may go too: roomctl wipe --table people --where 'id = 5' --cascade --confirm`,
    });
    expect(await idsIn(database, "people")).toHaveLength(9);
    await applyRowWipe(database, plan, rowOptions(request));
    expect([await idsIn(database, "bills"), await idsIn(database, "lines")]).toEqual([[2], [2]]);
  });

  test("rows of tables that nobody chose have to be accepted, unless a subject stands for them", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`${family}; INSERT INTO posts VALUES (90, 5)`);
    const chosen = rowsOf(["people"], { where: "id = 5" });
    const refusing = { ...rowOptions(chosen), acceptsCascade: false };
    await expect(applyRowWipe(database, await planRowWipe(database, chosen), refusing)).rejects.toMatchObject({
      code: "E_CASCADE_REQUIRED",
      message: expect.stringContaining("posts ("),
    });
    const person = { name: "user", summary: "a person", rows: [{ table: "people", where: "id = {value}" }] } as const;
    const subject = rowsOf([], { subject: { name: "user", value: "5" } }, { app: { subjects: [person] } });
    await applyRowWipe(database, await planRowWipe(database, subject), {
      ...rowOptions(subject),
      acceptsCascade: false,
    });
    expect(await idsIn(database, "people")).not.toContain(5);
  });

  test("the token stays while no further row crosses the line, and no longer", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(family);
    const now = new Date();
    const tokenAt = async (ms: number, conditions: RowConditions = { olderThan: month }) =>
      (await planRowWipe(database, rowsOf(["people"], conditions, { now: new Date(now.getTime() + ms) }))).token;
    const token = await tokenAt(0);
    expect(await tokenAt(3_600_000)).toBe(token);
    expect(await tokenAt(10 * 86_400_000)).not.toBe(token);
    expect(await tokenAt(0, { olderThan: { text: "29d", ms: 29 * 86_400_000 } })).not.toBe(token);
  });

  test.each([
    [
      "a chosen row came",
      "INSERT INTO people VALUES (20, now() - interval '60 days')",
      "1 row of people came into the plan",
    ],
    ["a chosen row was written again", "UPDATE people SET id = id WHERE id = 9", "rows of people changed"],
    ["a chosen row went", "DELETE FROM people WHERE id = 9", "1 row of people left the plan"],
    [
      "one came for another",
      "UPDATE people SET created_at = CASE id WHEN 1 THEN now() - interval '40 days' ELSE now() END WHERE id IN (1, 9)",
      "rows of people changed",
    ],
    ["a row came that refers to one", "INSERT INTO posts VALUES (20, 9)", "1 row of posts came into the plan"],
    [
      "a reference would be lost that was not",
      "INSERT INTO notes VALUES (20, 9)",
      "1 row of notes(person) came into the plan",
    ],
    ["a foreign key came", "CREATE TABLE more (person int REFERENCES people)", "the structure of people changed"],
  ])("nothing is deleted when %s since the plan", async (_what, sql, message) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(family);
    const request = rowsOf(["people"], { olderThan: month });
    const plan = await planRowWipe(database, request);
    await database.execute(sql);
    await expect(applyRowWipe(database, plan, rowOptions(request))).rejects.toMatchObject({
      code: "E_PLAN_STALE",
      message: expect.stringContaining(message),
      hint: "roomctl wipe --table people --older-than 30d",
    });
    expect((await planRowWipe(database, request)).rows).toBeGreaterThan(10);
  });

  test("no row is a plan too", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(family);
    const request = rowsOf(["people"], { where: "id > 100" });
    const plan = await planRowWipe(database, request);
    expect(plan).toMatchObject({ rows: 0, sizeBytes: 0, tables: [{ table: "people", rows: 0 }], cascades: [] });
    expect(await applyRowWipe(database, plan, rowOptions(request))).toMatchObject({ state: "done", tables: [] });
  });

  test.each([
    ["nothing = 1", `column "nothing" does not exist`],
    ["count(*) > 1", "aggregate functions are not allowed in WHERE"],
    ["id = 'x'", "invalid input syntax for type integer"],
    ["1 / (id - id) = 1", "division by zero"],
    ["nextval('ids') > 0", "read-only transaction"],
  ])("a condition that the server refuses is a wrong usage: %s", async (where, message) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`${family}; CREATE SEQUENCE ids`);
    await expect(planRowWipe(database, rowsOf(["people"], { where }))).rejects.toMatchObject({
      code: "E_USAGE",
      message: expect.stringContaining(message),
    });
  });

  test("one room, one user and test users of the reference app go with what is theirs", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    const [room] = await database.query<{ id: string; owner: string }>(
      "SELECT room_id AS id, user_1 AS owner FROM active_rooms JOIN text_room_activity USING (room_id) ORDER BY 1 LIMIT 1",
    );
    const of = (name: "room" | "user" | "test-users", value: string) =>
      rowsOf([], { subject: { name, value } }, { app: referenceApp });
    const before = await tableCounts(database);

    const roomRequest = of("room", room?.id ?? "");
    await applyRowWipe(database, await planRowWipe(database, roomRequest), rowOptions(roomRequest));
    const afterRoom = await tableCounts(database);
    expect(afterRoom["active_rooms"]).toBe((before["active_rooms"] ?? 0) - 1);
    expect(afterRoom["text_room_activity"]).toBe((before["text_room_activity"] ?? 0) - 1);
    expect(afterRoom["users"]).toBe(before["users"]);

    const userRequest = of("user", room?.owner ?? "");
    const plan = await planRowWipe(database, userRequest);
    expect(plan.tables).toMatchObject([{ table: "users", rows: 1, reason: `user "${room?.owner}"` }]);
    await applyRowWipe(database, plan, rowOptions(userRequest));
    const changed = Object.entries(afterRoom).map(([table, rows]) => [table, rows] as const);
    const afterUser = await tableCounts(database);
    const gone = changed.filter(([table, rows]) => rows !== afterUser[table]).map(([table]) => table);
    expect(gone.sort()).toEqual(
      [...new Set([...plan.tables, ...plan.cascades].filter(({ rows }) => rows > 0).map(({ table }) => table))].sort(),
    );

    await database.execute("INSERT INTO users (name, email) VALUES ('one', 'one@try.example'), ('try 100%', NULL)");
    expect((await planRowWipe(database, of("test-users", "%@try.example"))).tables).toMatchObject([{ rows: 1 }]);
    expect((await planRowWipe(database, of("test-users", "try 100\\%"))).tables).toMatchObject([{ rows: 1 }]);
    await expect(planRowWipe(database, of("user", "x' OR true --"))).rejects.toMatchObject({
      code: "E_USAGE",
      message: expect.stringContaining("invalid input syntax for type uuid"),
    });
  });

  test("every table of the reference app's scopes says how old its rows are", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    const none = { text: "36500d", ms: 36_500 * 86_400_000 };
    const request = { ...rowsOf([], { olderThan: none }, { app: referenceApp }) };
    expect(await planRowWipe(database, request)).toMatchObject({ rows: 0, scopes: ["all"] });
  });
});
