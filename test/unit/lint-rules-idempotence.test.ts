import { expect, test } from "vitest";
import { lintRules } from "../../src/lint/rules.js";
import { lintExample } from "../support/lint.js";
import { foundBy } from "../support/lint-found.js";

/* What PostgreSQL makes of second runs is asked in test/database/lint-idempotence-truth.test.ts. */

const before =
  "CREATE TABLE users (id bigint PRIMARY KEY, email text); CREATE INDEX users_email ON users (email); CREATE VIEW v AS SELECT id FROM users; CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a';";
const found = (sql: string) => foundBy(["idempotence"], { before, sql });

test.each([
  ["CREATE TABLE IF NOT EXISTS users (id bigint, email text)", ["shape-blind-if-not-exists info"]],
  ["CREATE TABLE IF NOT EXISTS users (id int)", ["shape-blind-if-not-exists error"]],
  ["CREATE TABLE IF NOT EXISTS users (id bigint, locale text)", ["shape-blind-if-not-exists error"]],
  ["ALTER TABLE users ADD COLUMN IF NOT EXISTS email int", ["shape-blind-if-not-exists error"]],
  ["CREATE INDEX IF NOT EXISTS users_email ON users (id)", ["shape-blind-if-not-exists error"]],
  ["CREATE UNIQUE INDEX IF NOT EXISTS users_email ON users (email)", ["shape-blind-if-not-exists error"]],
  ["CREATE OR REPLACE VIEW v AS SELECT id, email FROM users", ["replace-view-columns info"]],
  [
    "CREATE OR REPLACE FUNCTION f(a int, b int DEFAULT 0) RETURNS int LANGUAGE sql AS 'SELECT a'",
    ["replace-function-signature warning"],
  ],
  [
    "DROP FUNCTION IF EXISTS f(int); CREATE OR REPLACE FUNCTION f(a int, b int DEFAULT 0) RETURNS int LANGUAGE sql AS 'SELECT a'",
    [],
  ],
  ["CREATE TABLE IF NOT EXISTS t (a int); CREATE TABLE IF NOT EXISTS t (b int)", ["duplicate-name error"]],
  ["CREATE INDEX CONCURRENTLY IF NOT EXISTS users_id ON users (id)", ["concurrent-index-if-not-exists info"]],
  // One statement is done and recorded, or it is not; of several, those before a failure stay.
  ["-- roomctl:no-transaction\nCREATE TABLE t (a int)", ["create-without-guard warning"]],
  ["-- roomctl:no-transaction\nCREATE TABLE t (a int); ANALYZE users", ["create-without-guard error"]],
  ["SELECT pg_create_physical_replication_slot('s')", ["unguarded-catalog-call warning"]],
])("%s is found as %j", async (sql, expected) => {
  expect(await found(sql)).toEqual(expected);
});

test.each([
  ["CREATE TABLE t (a int)", "CREATE TABLE IF NOT EXISTS t (a int);"],
  [
    "CREATE UNIQUE INDEX CONCURRENTLY i ON users (id)",
    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON users (id);",
  ],
  ["ALTER TABLE users ADD locale text", "ALTER TABLE users ADD COLUMN IF NOT EXISTS locale text;"],
  ["ALTER TABLE users RENAME TO members", "ALTER TABLE IF EXISTS users RENAME TO members;"],
  ["DROP INDEX CONCURRENTLY users_email", "DROP INDEX CONCURRENTLY IF EXISTS users_email;"],
  [
    `CREATE POLICY "it's" ON users USING (true)`,
    `DO $guard$\nBEGIN\n  IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = to_regclass('users') AND polname = 'it''s') THEN\n    CREATE POLICY "it's" ON users USING (true);\n  END IF;\nEND\n$guard$;`,
  ],
  ["ALTER TABLE users ADD COLUMN a int, ADD COLUMN b int", null],
])("the safer form of %s is %s", async (sql, safer) => {
  const rules = lintRules.filter(({ id }) => /without-(?:guard|if-not-exists)$/.test(id));
  const [finding] = await lintExample(rules, { before, sql });
  expect(finding?.saferSql).toBe(safer);
});

test("a column that is there makes IF NOT EXISTS a lock for nothing", async () => {
  const rules = lintRules.filter(({ id }) => id === "noop-still-locks");
  const sql =
    "ALTER TABLE users ADD COLUMN IF NOT EXISTS email text; ALTER TABLE users ADD COLUMN IF NOT EXISTS locale text";
  const findings = await lintExample(rules, { before, sql });
  expect(findings.map(({ message }) => message)).toEqual([
    "column users.email is there: nothing happens, but under an AccessExclusiveLock on users",
  ]);
});
