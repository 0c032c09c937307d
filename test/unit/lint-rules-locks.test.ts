import { expect, test } from "vitest";
import { loadParser } from "../../src/db/parse.js";
import { constraintRules } from "../../src/lint/rules-constraints.js";
import { validationRules } from "../../src/lint/rules-constraints-validate.js";
import { foreignKeyRules } from "../../src/lint/rules-foreign-keys.js";
import { foreignKeyShapeRules } from "../../src/lint/rules-foreign-keys-shape.js";
import { concurrentlyRules } from "../../src/lint/rules-locks-concurrently.js";
import { indexLockRules } from "../../src/lint/rules-locks-indexes.js";
import { transactionLockRules } from "../../src/lint/rules-locks-transaction.js";
import { notNullRules } from "../../src/lint/rules-not-null.js";
import { objectLockRules } from "../../src/lint/rules-objects-locks.js";
import { partitionRules } from "../../src/lint/rules-partitions.js";
import { columnRewriteRules } from "../../src/lint/rules-rewrites-columns.js";
import { tableRewriteRules } from "../../src/lint/rules-rewrites-tables.js";
import { typeRewriteRules } from "../../src/lint/rules-rewrites-type.js";
import { lintExample } from "../support/lint.js";

const rules = [
  ...indexLockRules,
  ...concurrentlyRules,
  ...columnRewriteRules,
  ...typeRewriteRules,
  ...tableRewriteRules,
  ...notNullRules,
  ...constraintRules,
  ...validationRules,
  ...foreignKeyRules,
  ...foreignKeyShapeRules,
  ...partitionRules,
  ...objectLockRules,
  ...transactionLockRules,
];

for (const rule of rules) {
  test(`${rule.id} finds its bad example and leaves its good one alone`, async () => {
    const { before, bad, good } = rule.example;
    expect((await lintExample(rule, { before, sql: bad })).length).toBeGreaterThan(0);
    // Each good file is a migration of its own, released one after the other.
    for (const [index, sql] of good.entries()) {
      const earlier = [before ?? "", ...good.slice(0, index)].join("\n");
      expect(await lintExample(rule, { before: earlier, sql })).toEqual([]);
    }
  });

  test(`${rule.id} writes safer SQL that PostgreSQL's grammar takes`, async () => {
    const parser = await loadParser();
    const { before, bad } = rule.example;
    for (const { saferSql } of await lintExample(rule, { before, sql: bad })) {
      // What only a person can fill in is left as an ellipsis.
      const sql = (saferSql ?? "").replaceAll("…", "NULL");
      expect(parser.parse(sql).filter(({ problem }) => problem !== null)).toEqual([]);
    }
  });
}

const users =
  'CREATE TABLE users (id bigint PRIMARY KEY, email varchar(100) NOT NULL, age integer, "user" text, seen timestamp);';

async function found(sql: string | readonly string[], before = users): Promise<readonly string[]> {
  return (await lintExample(rules, { before, sql })).map(({ rule }) => rule);
}

test("a table that the same pending set makes is nobody's yet", async () => {
  expect(
    await found([
      "CREATE TABLE logs (id bigint);",
      "CREATE INDEX i ON logs (id); ALTER TABLE logs ADD COLUMN n bigserial;",
    ]),
  ).toEqual([]);
});

test("statements in a DO block count, and those in a function's body do not", async () => {
  expect(await found("DO $$ BEGIN IF true THEN CREATE INDEX i ON users (age); END IF; END $$")).toEqual([
    "index-not-concurrent",
  ]);
  const body = "BEGIN CREATE INDEX i ON users (age); ALTER TABLE users ALTER age TYPE bigint; LOCK TABLE users; END";
  expect(await found(`CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ ${body} $$`)).toEqual([]);
});

test("places are those of the file, also after text of more bytes than characters and inside of a body", async () => {
  const [outside] = await lintExample(indexLockRules, {
    before: users,
    sql: "-- äöü\nSELECT 'é';\n  CREATE INDEX i ON users (age);",
  });
  expect(outside).toMatchObject({ line: 3, column: 21 });
  const [inside] = await lintExample(indexLockRules, {
    before: users,
    sql: "DO $$\nBEGIN\n  CREATE INDEX i ON users (age);\nEND $$",
  });
  expect(inside).toMatchObject({ line: 3, column: 21 });
});

async function safer(sql: string, before = users): Promise<readonly (string | null)[]> {
  return (await lintExample(rules, { before, sql })).map(({ saferSql }) => saferSql);
}

test("the safer form is the statement's own, with its names quoted where they must be", async () => {
  expect(await safer('CREATE UNIQUE INDEX i ON users ("user") WHERE age > 5')).toEqual([
    'CREATE UNIQUE INDEX CONCURRENTLY i ON users ("user") WHERE age > 5;',
  ]);
  expect(
    await safer('-- é\nALTER TABLE users ADD CONSTRAINT c CHECK (age IN (1, 2)), ALTER COLUMN "user" SET NOT NULL'),
  ).toEqual([
    [
      'ALTER TABLE users ADD CONSTRAINT users_user_not_null CHECK ("user" IS NOT NULL) NOT VALID;',
      "-- in the next migration:",
      "ALTER TABLE users VALIDATE CONSTRAINT users_user_not_null;",
      'ALTER TABLE users ALTER COLUMN "user" SET NOT NULL;',
      "ALTER TABLE users DROP CONSTRAINT users_user_not_null;",
    ].join("\n"),
    "ALTER TABLE users ADD CONSTRAINT c CHECK (age IN (1, 2)) NOT VALID;\n-- in the next migration:\nALTER TABLE users VALIDATE CONSTRAINT c;",
  ]);
  expect(
    await safer("ALTER TABLE users ADD COLUMN code text DEFAULT coalesce(random()::text, ',') NOT NULL, ADD b int"),
  ).toEqual([
    expect.stringContaining("ALTER TABLE users ALTER COLUMN code SET DEFAULT coalesce(random()::text, ',');"),
  ]);
  expect(await safer("ALTER TABLE users ADD UNIQUE (email, age) DEFERRABLE")).toEqual([
    "CREATE UNIQUE INDEX CONCURRENTLY users_email_age_key ON users (email, age);\n-- in the next migration:\nALTER TABLE users ADD CONSTRAINT users_email_age_key UNIQUE USING INDEX users_email_age_key DEFERRABLE;",
  ]);
});

test("a default of a function that is not known only may rewrite", async () => {
  const known = "CREATE FUNCTION make_code() RETURNS text LANGUAGE sql AS 'SELECT 1::text';";
  const findings = await lintExample(columnRewriteRules, {
    before: users + known,
    sql: "ALTER TABLE users ADD COLUMN code text DEFAULT make_code();",
  });
  expect(findings).toMatchObject([{ rule: "add-column-volatile-default", severity: "warning" }]);
  expect(findings[0]?.message).toContain("may rewrite");
});

test("a type change from a column that is not known only may rewrite", async () => {
  const findings = await lintExample(typeRewriteRules, { sql: "ALTER TABLE users ALTER COLUMN email TYPE text;" });
  expect(findings).toMatchObject([{ rule: "alter-column-type", severity: "warning" }]);
});

test("SET NOT NULL is free after a validated CHECK, however it is written", async () => {
  const set = "ALTER TABLE users ALTER COLUMN age SET NOT NULL;";
  const withCheck = (check: string) => found(set, `${users} ALTER TABLE users ADD CONSTRAINT c CHECK (${check});`);
  expect(await withCheck("age IS NOT NULL")).toEqual([]);
  expect(await withCheck('("age" IS NOT NULL) AND age > 5')).toEqual([]);
  for (const check of [
    "age > 5",
    "age IS NOT NULL OR email <> ''",
    "NOT (age IS NOT NULL)",
    "email IS NOT NULL",
    "age IS NOT NULL) NOT VALID --",
  ])
    expect(await withCheck(check)).toEqual(["set-not-null"]);
});

test("VALIDATE is told of a lock that the transaction holds, and not of another table's", async () => {
  const before = `${users} CREATE TABLE rooms (id bigint, n int); ALTER TABLE rooms ADD CONSTRAINT c CHECK (n > 0) NOT VALID;`;
  const validate = "ALTER TABLE rooms VALIDATE CONSTRAINT c;";
  expect(await found(validate, before)).toEqual([]);
  expect(await found(`ALTER TABLE rooms ADD COLUMN a int; ${validate}`, before)).toEqual(["validate-in-same-tx"]);
  expect(await found(`-- roomctl:no-transaction\nALTER TABLE rooms ADD COLUMN a int; ${validate}`, before)).toEqual([]);
  expect(await found(`CREATE TABLE x (id bigint); ALTER TABLE x ADD COLUMN a int; ${validate}`, before)).toEqual([]);
});

test("an index serves a foreign key when it begins with its columns, is valid for every row, and comes in time", async () => {
  const before = `${users} CREATE TABLE rooms (id bigint PRIMARY KEY, a bigint, b bigint);`;
  const key = "ALTER TABLE rooms ADD CONSTRAINT k FOREIGN KEY (a, b) REFERENCES users ON DELETE CASCADE NOT VALID;";
  const withIndex = (index: string) => found(key, `${before} CREATE INDEX i ON rooms ${index};`);
  expect(await withIndex("(b, a, id)")).toEqual([]);
  expect(await withIndex("(a)")).toEqual(["fk-without-index"]);
  expect(await withIndex("(id, a, b)")).toEqual(["fk-without-index"]);
  expect(await withIndex("(a, b) WHERE id > 5")).toEqual(["fk-without-index"]);
  const make = "CREATE TABLE logs (id bigint, person bigint REFERENCES users ON DELETE CASCADE";
  expect(await found(`${make}); CREATE INDEX ON logs (person) WHERE person IS NOT NULL;`)).toEqual([]);
  expect(await found(`${make}, UNIQUE (person, id));`)).toEqual([]);
  expect(await found(`${make}, UNIQUE (id, person));`)).toEqual(["fk-without-index"]);
});

test("ON DELETE NO ACTION that is written out is an answer", async () => {
  const make = (end: string) =>
    found(`CREATE TABLE logs (person bigint PRIMARY KEY REFERENCES users ${end}, "on delete" int);`);
  expect(await make("")).toEqual(["fk-no-on-delete"]);
  expect(await make("ON UPDATE CASCADE ON DELETE NO ACTION")).toEqual([]);
});

test("locks on several old tables in one transaction are told once for each", async () => {
  const before = `${users} CREATE TABLE rooms (id bigint); CREATE TABLE logs (id bigint);`;
  const add = (table: string) => `ALTER TABLE ${table} ADD COLUMN a int;`;
  expect(await found(add("users") + add("rooms") + add("logs") + add("rooms"), before)).toEqual([
    "multiple-locks-one-tx",
    "multiple-locks-one-tx",
  ]);
  expect(await found(add("users") + add("users"), before)).toEqual([]);
  expect(await found([add("users"), add("rooms")], before)).toEqual([]);
  expect(await found(`-- roomctl:no-transaction\n${add("users")}${add("rooms")}`, before)).toEqual([]);
  expect(await found(`CREATE TABLE x (id int); DROP TABLE x; ${add("users")}`, before)).toEqual([]);
});

test("whatever takes away the lock timeout is told, and a short one is not", async () => {
  const loose = [
    "SET lock_timeout = 0",
    "SET LOCAL lock_timeout TO '10min'",
    "SET lock_timeout TO DEFAULT",
    "RESET lock_timeout",
    "RESET ALL",
    "SELECT set_config('lock_timeout', '0', true)",
    "DO $$ BEGIN PERFORM set_config('lock_timeout', '0', true); END $$",
    "DO $$ BEGIN SET LOCAL lock_timeout = 0; END $$",
  ];
  for (const sql of loose) expect([sql, ...(await found(sql))]).toEqual([sql, "missing-lock-timeout"]);
  const tight = [
    "SET LOCAL lock_timeout = '2s'",
    "SET lock_timeout = 500",
    "RESET search_path",
    "SET statement_timeout = 0",
  ];
  for (const sql of tight) expect([sql, ...(await found(sql))]).toEqual([sql]);
});

test("what IF [NOT] EXISTS will skip is not told to rewrite or to scan", async () => {
  const before = `${users} CREATE INDEX i ON users (age);`;
  expect(await found("ALTER TABLE users ADD COLUMN IF NOT EXISTS age bigserial;", before)).toEqual([]);
  expect(await found("CREATE INDEX IF NOT EXISTS i ON users (age);", before)).toEqual([]);
  expect(await found("ALTER TABLE users ADD COLUMN IF NOT EXISTS n bigserial;", before)).toEqual(["add-column-serial"]);
});

test("a primary key of an index that is there is free only when its columns are NOT NULL", async () => {
  const before =
    "CREATE TABLE rooms (id bigint NOT NULL, n int); CREATE UNIQUE INDEX a ON rooms (id); CREATE UNIQUE INDEX b ON rooms (n);";
  expect(await found("ALTER TABLE rooms ADD PRIMARY KEY USING INDEX a;", before)).toEqual([]);
  expect(await found("ALTER TABLE rooms ADD PRIMARY KEY USING INDEX b;", before)).toEqual(["set-not-null"]);
});
