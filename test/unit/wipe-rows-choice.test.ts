import { describe, expect, test } from "vitest";
import type { Relation, RelationGraph } from "../../src/wipe/relations.js";
import { chooseRows, rowWipeCommand } from "../../src/wipe/rows-choice.js";
import { assertCondition } from "../../src/wipe/rows-where.js";

const now = new Date("2026-03-31T12:00:00Z");
const month = { text: "30d", ms: 30 * 86_400_000 };

function graphOf(...tables: readonly (readonly [string, Readonly<Record<string, string>>])[]): RelationGraph {
  const relations = tables.map(
    ([name, columns], index): Relation => ({
      oid: index + 1,
      schema: name.includes(".") ? (name.split(".")[0] ?? "") : "public",
      name: name.split(".").at(-1) ?? "",
      kind: "table",
      isPartition: false,
      parents: [],
      columns: Object.entries(columns).map(([column, type]) => ({ name: column, type })),
    }),
  );
  return { relations: new Map(relations.map((relation) => [relation.oid, relation])), foreignKeys: [] };
}

const timed = { id: "integer", created_at: "timestamp with time zone", seen: "date" };
const graph = graphOf(
  ["rooms", timed],
  ["notes", { id: "integer", at: "timestamp(3) without time zone" }],
  ["plain", { id: "integer" }],
);

describe("a choice of rows", () => {
  test("by age is a fixed moment in SQL and the period alone in words", async () => {
    const app = { scopes: [{ name: "rooms", summary: "", tables: ["rooms"] }] };
    const [rooms] = await chooseRows(
      app,
      { scopes: ["rooms"], tables: [], conditions: { olderThan: month }, now },
      graph,
    );
    expect(rooms).toEqual({
      oid: 1,
      table: "rooms",
      condition: `("created_at" < TIMESTAMPTZ '2026-03-01T12:00:00.000Z'\n)`,
      reason: "scope rooms, older than 30d by created_at",
    });
  });

  test("by age takes the configured column", async () => {
    const app = { scopes: [], ages: { notes: "at", rooms: "seen" } };
    const chosen = await chooseRows(
      app,
      { scopes: [], tables: ["rooms", "notes"], conditions: { olderThan: month }, now },
      graph,
    );
    expect(chosen.map(({ reason }) => reason)).toEqual([
      "chosen by --table, older than 30d by seen",
      "chosen by --table, older than 30d by at",
    ]);
  });

  test.each([
    ["notes", {}, "its columns of a time are at", `app.ages: { "notes": "at" }`],
    ["plain", {}, "it has no column of a time at all", "--table"],
    ["rooms", { rooms: "id" }, `no column "id" of a time`, "app.ages"],
    ["rooms", { rooms: "gone" }, `no column "gone" of a time`, "app.ages"],
  ])("by age is refused for %s with ages %j, naming what there is", async (table, ages, message, hint) => {
    const choice = { scopes: [], tables: [table], conditions: { olderThan: month }, now };
    await expect(chooseRows({ scopes: [], ages }, choice, graph)).rejects.toMatchObject({
      code: "E_USAGE",
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
  });

  test("by a subject quotes the value, whatever it holds, and joins two conditions of one table", async () => {
    const rows = [
      { table: "rooms", where: "id = {value}" },
      { table: "rooms", where: "owner = {value}" },
    ];
    const app = { scopes: [], subjects: [{ name: "room" as const, summary: "", rows }] };
    const value = "x' OR true --$&\\";
    const [rooms, ...others] = await chooseRows(
      app,
      { scopes: [], tables: [], conditions: { subject: { name: "room", value } }, now },
      graph,
    );
    expect(others).toEqual([]);
    const literal = String.raw`E'x'' OR true --$&\\'`;
    expect(rooms?.condition).toBe(`((id = ${literal}\n) OR (owner = ${literal}\n)\n)`);
  });

  test("by a subject that the app does not have says how to configure it", async () => {
    const choice = { scopes: [], tables: [], conditions: { subject: { name: "user" as const, value: "1" } }, now };
    await expect(chooseRows({ scopes: [] }, choice, graph)).rejects.toMatchObject({
      code: "E_USAGE",
      hint: expect.stringContaining(`app.subjects: [{ name: "user"`),
    });
  });

  test("never means roomctl's own tables, nor those of another server", async () => {
    const own = graphOf(["roomctl.operations", timed]);
    const choice = { scopes: [], conditions: { where: "true" }, now };
    await expect(chooseRows({ scopes: [] }, { ...choice, tables: ["roomctl.operations"] }, own)).rejects.toMatchObject({
      code: "E_PROTECTED",
    });
    const [first] = graph.relations.values();
    const foreign = { ...graph, relations: new Map([[1, { ...(first as Relation), kind: "foreign" as const }]]) };
    await expect(chooseRows({ scopes: [] }, { ...choice, tables: ["rooms"] }, foreign)).rejects.toMatchObject({
      code: "E_PROTECTED",
    });
  });

  test("without any table to choose from is refused", async () => {
    const app = { scopes: [{ name: "posts", summary: "", tables: [] }] };
    const choice = { scopes: ["posts"], tables: [], conditions: { where: "true" }, now };
    await expect(chooseRows(app, choice, graph)).rejects.toMatchObject({ code: "E_USAGE" });
  });

  test("has a command that a shell reads back as it was", () => {
    const conditions = { olderThan: month, where: "name = 'x'" };
    expect(rowWipeCommand({ scopes: ["rooms"], tables: ["a.b"], conditions })).toBe(
      String.raw`roomctl wipe --scope rooms --table a.b --older-than 30d --where 'name = '\''x'\'''`,
    );
  });
});

describe("--where", () => {
  test.each([
    "id = 1",
    "name = 'a;b -- no comment' AND NOT (id > 3 OR id IS NULL)",
    "id IN (SELECT id FROM rooms GROUP BY id HAVING count(*) > 1 LIMIT 3)",
    "true -- the whole of it",
    "created_at < now() - interval '1 day' /* old */",
    `"Odd ""Column""" = $$a) OR (true$$`,
  ])("takes %j", async (where) => {
    await expect(assertCondition(where)).resolves.toBeUndefined();
  });

  test.each([
    ["", "syntax error at end of input"],
    ["   ", "syntax error at end of input"],
    ["id = 1; DROP TABLE rooms", "more than"],
    ["id = 1;", "syntax error"],
    ["true) OR (true", "syntax error"],
    ["true) UNION (SELECT", "syntax error"],
    ["true GROUP BY id", "more than a condition"],
    ["true ORDER BY id LIMIT 1", "more than a condition"],
    ["true FOR UPDATE", "more than a condition"],
    ["true UNION SELECT FROM rooms", "more than a condition"],
    ["true HAVING count(*) > 1", "more than a condition"],
    ["true WINDOW w AS ()", "more than a condition"],
    ["id = $1", "no value for a parameter"],
    ["'unended", "unterminated quoted string"],
    ["true /* unended", "is not a condition"],
    ["id = ", "syntax error at end of input"],
    ["true\\; SELECT 1", "syntax error"],
  ])("refuses %j", async (where, problem) => {
    await expect(assertCondition(where)).rejects.toMatchObject({
      code: "E_USAGE",
      message: expect.stringContaining(problem),
    });
  });
});
