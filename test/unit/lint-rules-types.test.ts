import { expect, test } from "vitest";
import { foundBy } from "../support/lint-found.js";

const found = (sql: string) => foundBy(["types"], { sql });
const column = (definition: string) => `CREATE TABLE t (key text PRIMARY KEY, c ${definition})`;

test.each([
  [column("json"), "type-json warning"],
  [column("json[]"), "type-json warning"],
  [column("timestamp"), "type-timestamp warning"],
  [column("timestamp(3) without time zone"), "type-timestamp warning"],
  [column("char(3)"), "type-char warning"],
  [column("varchar(20)"), "type-varchar info"],
  [column("money"), "type-money warning"],
  [column("bigserial"), "type-serial info"],
  ["ALTER TABLE t ADD COLUMN c json", "type-json warning"],
  ["ALTER TABLE t ALTER COLUMN c TYPE timestamp", "type-timestamp warning"],
  ["CREATE TABLE t (id int PRIMARY KEY)", "int-primary-key warning"],
  ["CREATE TABLE t (id smallint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (id))", "int-primary-key warning"],
  ["CREATE TABLE t (a text)", "table-without-primary-key warning"],
  ["CREATE UNLOGGED TABLE t (a text)", "table-without-primary-key info"],
  ["CREATE TABLE t (a text) PARTITION BY LIST (a)", "table-without-primary-key warning"],
])("%s is found as %s", async (sql, expected) => {
  expect(await found(sql)).toEqual([expected]);
});

test.each([
  column("jsonb"),
  column("timestamptz"),
  column("text"),
  column("varchar"),
  column('"char"'),
  column("numeric(12, 2)"),
  "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)",
  "CREATE TABLE t (user_id int PRIMARY KEY REFERENCES users)",
  "CREATE TABLE t (a int, b int, PRIMARY KEY (a, b))",
  "CREATE TEMP TABLE t (a json)",
  "CREATE TABLE t (a text); ALTER TABLE t ADD PRIMARY KEY (a)",
  "CREATE TABLE t (LIKE other INCLUDING ALL)",
  "CREATE TABLE t PARTITION OF log DEFAULT",
])("%s is let through", async (sql) => {
  expect(await found(sql)).toEqual([]);
});

test("names are measured in bytes, and those that become one are an error", async () => {
  const [short, long] = ["ö".repeat(31), "ö".repeat(32)];
  const table = (name: string) => `CREATE TABLE "${name}" (id bigint PRIMARY KEY);`;
  expect(await found(table(short))).toEqual([]);
  expect(await found(table(long))).toEqual(["identifier-too-long warning"]);
  expect(await found(table(`${long}1`) + table(`${long}2`))).toEqual([
    "identifier-too-long error",
    "identifier-too-long error",
  ]);
  expect(await found(`SELECT '${long}', $$${long}$$ -- ${long}`)).toEqual([]);
});
