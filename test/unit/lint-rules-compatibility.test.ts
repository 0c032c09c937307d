import { expect, test } from "vitest";
import { lintRules } from "../../src/lint/rules.js";
import { lintExample } from "../support/lint.js";
import { foundBy } from "../support/lint-found.js";

const before = `CREATE TABLE users (id bigint PRIMARY KEY, nick text);
  CREATE VIEW online AS SELECT id FROM users;
  CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
  CREATE TYPE mood AS ENUM ('sad');
  CREATE SCHEMA app;`;
const found = (sql: string | readonly string[]) => foundBy(["compatibility", "data"], { before, sql });

test.each([
  ["DROP TABLE users", ["drop-table error"]],
  ["DROP TABLE IF EXISTS users CASCADE", ["drop-table error", "drop-cascade warning"]],
  ["DROP TABLE IF EXISTS users; CREATE TABLE users (id int)", ["drop-table error"]],
  ["ALTER TABLE users DROP COLUMN IF EXISTS nick, DROP id", ["drop-column error", "drop-column error"]],
  ["DROP VIEW online", ["drop-view error"]],
  ["DROP FUNCTION twice", ["drop-function error"]],
  ["DROP TYPE mood", ["drop-type error"]],
  ["DROP SCHEMA app", ["drop-schema error"]],
  ["ALTER TABLE users RENAME TO members", ["rename-table error"]],
  ["ALTER TABLE users SET SCHEMA app", ["rename-table error"]],
  ["ALTER TABLE users RENAME nick TO nickname", ["rename-column error"]],
  ["ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'", ["rename-object error"]],
  ["ALTER FUNCTION twice(int) RENAME TO double", ["rename-object error"]],
  ["DO $$ BEGIN IF true THEN DROP TABLE users; END IF; END $$", ["drop-table error"]],
  ["TRUNCATE users", ["truncate error"]],
  ["DELETE FROM users", ["delete-without-where error"]],
  ["DELETE FROM users WHERE true", ["delete-without-where error"]],
  ["UPDATE users SET nick = 'x'", ["update-without-where warning"]],
  ["SET session_replication_role = replica", ["triggers-disabled error"]],
  ["ALTER TABLE users DISABLE TRIGGER ALL", ["triggers-disabled error"]],
])("%s breaks the running release or its data: %j", async (sql, expected) => {
  expect(await found(sql)).toEqual(expected);
});

test.each([
  "CREATE TABLE helper (id int, a int); ALTER TABLE helper DROP COLUMN a; DROP TABLE helper",
  "CREATE TABLE helper (id int); UPDATE helper SET id = 1; DELETE FROM helper; TRUNCATE helper",
  "CREATE TEMP TABLE helper (id int); DELETE FROM helper",
  "DROP TABLE IF EXISTS unknown; CREATE TABLE unknown (id int)",
  "DROP VIEW online; CREATE VIEW online AS SELECT nick FROM users",
  "DROP FUNCTION twice(int); CREATE FUNCTION twice(n bigint) RETURNS bigint LANGUAGE sql AS 'SELECT n * 2'",
  "ALTER TABLE users RENAME TO members; CREATE VIEW users AS SELECT id, nick FROM members",
  "ALTER TABLE users RENAME CONSTRAINT users_pkey TO users_key",
  "CREATE FUNCTION wipe() RETURNS void LANGUAGE plpgsql AS 'BEGIN DELETE FROM users; DROP TABLE users; END'",
  "DELETE FROM users WHERE id = 1; UPDATE users SET nick = 'x' WHERE nick IS NULL",
])("%s hurts nobody", async (sql) => {
  expect(await found(sql)).toEqual([]);
});

test("what one file of the set makes, the next may drop", async () => {
  expect(await found(["CREATE TABLE helper (id int)", "DROP TABLE helper"])).toEqual([]);
});

test("the safer form of a rename leaves a view behind, with the names quoted", async () => {
  const [rule] = lintRules.filter(({ id }) => id === "rename-table");
  const [finding] = await lintExample(rule === undefined ? [] : [rule], {
    before: 'CREATE TABLE "My Users" (id bigint PRIMARY KEY)',
    sql: 'ALTER TABLE "My Users" RENAME TO "order"',
  });
  expect(finding?.saferSql).toBe(
    'ALTER TABLE "My Users" RENAME TO "order";\nCREATE VIEW "My Users" AS SELECT * FROM "order";',
  );
});
