import { expect, test } from "vitest";
import { splitStatements } from "../../src/db/statements.js";

const textsOf = (sql: string) => splitStatements(sql).map(({ text }) => text);

test.each([
  ["SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]],
  ["SELECT ';' ; SELECT 2;", ["SELECT ';'", "SELECT 2"]],
  ["SELECT 'it''s; fine'; SELECT 2", ["SELECT 'it''s; fine'", "SELECT 2"]],
  [String.raw`SELECT E'a\'; b'; SELECT 2`, [String.raw`SELECT E'a\'; b'`, "SELECT 2"]],
  [String.raw`SELECT '\'; SELECT 2`, [String.raw`SELECT '\'`, "SELECT 2"]],
  ['CREATE TABLE "a;b" (n int); SELECT 2', ['CREATE TABLE "a;b" (n int)', "SELECT 2"]],
  ["DO $$ BEGIN PERFORM 1; END $$; SELECT 2", ["DO $$ BEGIN PERFORM 1; END $$", "SELECT 2"]],
  ["DO $a$ BEGIN PERFORM '$$;'; END $a$; SELECT 2", ["DO $a$ BEGIN PERFORM '$$;'; END $a$", "SELECT 2"]],
  ["SELECT $1; SELECT a$b$ FROM c", ["SELECT $1", "SELECT a$b$ FROM c"]],
  ["-- not; this\nSELECT 1 /* nor; /* nested; */ this; */; SELECT 2 -- end", ["SELECT 1", "SELECT 2"]],
  [
    "CREATE RULE r AS ON INSERT TO a DO (DELETE FROM b; DELETE FROM c); SELECT 2",
    ["CREATE RULE r AS ON INSERT TO a DO (DELETE FROM b; DELETE FROM c)", "SELECT 2"],
  ],
  [
    "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3",
    [
      "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
      "SELECT 3",
    ],
  ],
  ["", []],
  [" -- only a comment\n;; ", []],
  ["SELECT 'never closed", ["SELECT 'never closed"]],
])("%j is split where a statement ends", (sql, expected) => {
  expect(textsOf(sql)).toEqual(expected);
});

test("a statement knows its line and its offset", () => {
  const sql = "-- first\nSELECT 1;\n\n  SELECT\n 2;";
  const statements = splitStatements(sql);
  expect(statements.map(({ line }) => line)).toEqual([2, 4]);
  for (const { text, offset } of statements) expect(sql.slice(offset, offset + text.length)).toBe(text);
});

test("a megabyte of one string is split without trouble", () => {
  const sql = `INSERT INTO a VALUES ('${"x''".repeat(400_000)}'); SELECT E'${"y\\'".repeat(400_000)}'; SELECT 1`;
  expect(splitStatements(sql)).toHaveLength(3);
});
