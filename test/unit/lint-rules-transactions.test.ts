import { expect, test } from "vitest";
import { foundBy } from "../support/lint-found.js";

const before = "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE people (id bigint PRIMARY KEY, mood mood);";
const ids = ["enum-value-used", "own-transaction", "block-with-commit", "session-setting", "set-local-outside"];
const found = async (sql: string) =>
  (await foundBy(["transactions"], { before, sql })).filter((one) => ids.some((id) => one.startsWith(id)));

const add = "ALTER TYPE mood ADD VALUE 'fine';";

test.each([
  [`${add} UPDATE people SET mood = 'fine'`, "enum-value-used-in-transaction error"],
  [`${add} INSERT INTO people VALUES (1, 'fine'::mood)`, "enum-value-used-in-transaction error"],
  [`${add} ALTER TABLE people ALTER COLUMN mood SET DEFAULT 'fine'`, "enum-value-used-in-transaction error"],
  [`${add} CREATE TABLE dogs (mood mood DEFAULT 'fine')`, "enum-value-used-in-transaction error"],
  [`${add} DO $$ BEGIN UPDATE people SET mood = 'fine'; END $$`, "enum-value-used-in-transaction error"],
  ["BEGIN", "own-transaction error"],
  ["SELECT 1; COMMIT", "own-transaction error"],
  ["ROLLBACK AND CHAIN", "own-transaction error"],
  ["SELECT 1; DO $$ BEGIN COMMIT; END $$", "block-with-commit warning"],
  ["DO $$ BEGIN COMMIT; END $$", "block-with-commit info"],
  ["SET search_path = app", "session-setting warning"],
  ["SET ROLE app", "session-setting warning"],
  ["SELECT pg_catalog.set_config('search_path', '', false)", "session-setting warning"],
  ["SET LOCAL work_mem = '1GB'; CREATE INDEX CONCURRENTLY i ON people (mood)", "set-local-outside-transaction warning"],
])("%s is found as %s", async (sql, expected) => {
  expect(await found(sql)).toEqual([expected]);
});

test.each([
  add,
  `${add} UPDATE people SET mood = 'sad'`,
  `-- roomctl:no-transaction\n${add} UPDATE people SET mood = 'fine'`,
  "CREATE TYPE other AS ENUM ('a'); ALTER TYPE other ADD VALUE 'b'; CREATE TABLE t (o other DEFAULT 'b')",
  `${add} CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE people SET mood = 'fine'; END $$`,
  "SAVEPOINT a; RELEASE a; ROLLBACK TO a",
  "DO $$ BEGIN RAISE NOTICE 'commit'; END $$",
  "SET LOCAL search_path = app; SELECT set_config('search_path', '', true)",
  "SET work_mem = '1GB'; SELECT 1; RESET work_mem",
  "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = app AS 'SELECT 1'",
])("%s is let through", async (sql) => {
  expect(await found(sql)).toEqual([]);
});
