import { expect, test } from "vitest";
import { loadParser } from "../../src/db/parse.js";
import { ignoreRules } from "../../src/lint/ignore-rules.js";
import { lintMigrations } from "../../src/lint/lint.js";
import type { LintHit, LintRule, LintStatement } from "../../src/lint/rule.js";
import { lintExample } from "../support/lint.js";

/** Finds every DELETE, points at its table and says how it came to be seen. */
const deletes: LintRule = {
  id: "any-delete",
  topic: "locks",
  severity: "error",
  title: "A DELETE",
  why: ["It is there."],
  safer: "Leave it out.",
  example: { bad: "DELETE FROM a", good: ["SELECT 1"] },
  exemptsNewTables: true,
  check(statement, { model }): readonly LintHit[] {
    if (!("DeleteStmt" in statement.node)) return [];
    const { relation } = statement.node.DeleteStmt;
    const table = model.resolve(relation ?? {});
    return [{ message: `${table.schema}.${table.name} ${wayTo(statement)}`, location: relation?.location ?? 0, table }];
  },
};

function wayTo({ runs, isGuarded, isInBody }: LintStatement): string {
  return [runs, ...(isGuarded ? ["guarded"] : []), ...(isInBody ? ["body"] : [])].join(" ");
}

/** `2:13 public.a now`. */
async function found(sql: string): Promise<readonly string[]> {
  const findings = await lintExample(deletes, { sql });
  return findings.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

async function gapsIn(sql: string): Promise<readonly string[]> {
  const parser = await loadParser();
  const { unanalysed } = lintMigrations(parser, [{ name: "0001_a", up: { path: "a.sql", sql } }], {
    rules: [deletes],
    sets: "one",
  });
  return unanalysed.map(({ line, why }) => `${line} ${why}`);
}

test("statements are found at the top level with line and column, wide characters before them included", async () => {
  expect(await found("/* ü 🎉 */ DELETE FROM a;\n\n  DELETE FROM app.b")).toEqual([
    "1:23 public.a now",
    "3:15 app.b now",
  ]);
});

test("every branch of a DO block is looked into and placed in the file", async () => {
  const sql = `SELECT 1;
DO $block$
DECLARE r record; x int := (SELECT 1);
BEGIN
  DELETE FROM a;
  IF NOT EXISTS (SELECT 1) THEN
    DELETE FROM b;
  ELSIF true THEN DELETE FROM c;
  ELSE DELETE FROM d;
  END IF;
  CASE x WHEN 1 THEN DELETE FROM e; ELSE DELETE FROM f; END CASE;
  FOR r IN SELECT 1 LOOP DELETE FROM g; END LOOP;
  WHILE true LOOP
    BEGIN DELETE FROM h; END;
  END LOOP;
  BEGIN
    DELETE FROM i;
  EXCEPTION WHEN others THEN DELETE FROM j;
  END;
  DELETE FROM k RETURNING 1 INTO STRICT x;
END $block$;`;
  expect(await found(sql)).toEqual([
    "5:15 public.a now body",
    "7:17 public.b now guarded body",
    "8:31 public.c now guarded body",
    "9:20 public.d now guarded body",
    "11:34 public.e now guarded body",
    "11:54 public.f now guarded body",
    "12:38 public.g now guarded body",
    "14:23 public.h now guarded body",
    "17:17 public.i now guarded body",
    "18:42 public.j now guarded body",
    // INTO is taken out of what PostgreSQL keeps: the place is the statement's.
    "20:3 public.k now body",
  ]);
});

test("the conditions around a statement are told from the outside in", async () => {
  const seen: (readonly string[])[] = [];
  const spy: LintRule = {
    ...deletes,
    check(statement) {
      if ("DeleteStmt" in statement.node) seen.push(statement.conditions);
      return [];
    },
  };
  await lintExample(spy, {
    sql: "DO $$ BEGIN IF a THEN IF b THEN DELETE FROM t; END IF; ELSE DELETE FROM u; END IF; END $$",
  });
  expect(seen).toEqual([["a", "b"], ["NOT (a)"]]);
});

test("EXECUTE of a constant is looked into, one put together at run time is named", async () => {
  const sql = `DO $$
BEGIN
  EXECUTE 'DELETE FROM a';
  EXECUTE 'DELETE ' || 'FROM b';
  EXECUTE $q$DELETE FROM c$q$;
  EXECUTE format('DELETE FROM %I', 'd');
  EXECUTE 'DELETE FROM it''s';
END $$`;
  expect(await found(sql)).toEqual(["3:24 public.a now body", "4:11 public.b now body", "5:26 public.c now body"]);
  expect(await gapsIn(sql)).toEqual([
    "6 EXECUTE of a statement that is put together at run time",
    '7 the parser does not know this statement: unterminated quoted string at or near "\'s"',
  ]);
});

test("bodies of functions are called, not run: in PL/pgSQL, in SQL, quoted, in dollars or ATOMIC", async () => {
  const sql = `CREATE FUNCTION a() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM a; RETURN NEW; END $$;
CREATE FUNCTION b() RETURNS void LANGUAGE sql AS 'SELECT ''x''; DELETE FROM b';
CREATE FUNCTION c() RETURNS void LANGUAGE sql AS $$
  DELETE FROM c $$;
CREATE PROCEDURE d() LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; DELETE FROM d; END;
CREATE FUNCTION e() RETURNS int LANGUAGE sql RETURN 1;
DO $$ BEGIN CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM f'; END $$;`;
  expect(await found(sql)).toEqual([
    "1:78 public.a called body",
    expect.stringMatching(/^2:.* public\.b called body$/),
    "4:15 public.c called body",
    "5:94 public.d called body",
    "7:75 public.f called body",
  ]);
  expect(await gapsIn(sql)).toEqual([]);
});

test("what could not be looked at is named with its line", async () => {
  const sql = `CREATE FUNCTION a() RETURNS void LANGUAGE plpython3u AS 'x';
DELETE FROM a;

FROBNICATE everything;
DO $$ BEGIN undeclared := 1; END $$;`;
  expect(await gapsIn(sql)).toEqual([
    "1 the body is written in plpython3u",
    '4 the parser does not know this statement: syntax error at or near "FROBNICATE"',
    expect.stringMatching(/^5 the parser does not know this body: .*undeclared/),
  ]);
  expect(await found(sql)).toEqual(["2:13 public.a now"]);
});

test("tables that the pending set makes are exempt, those of the migrations before are not", async () => {
  const findings = await lintExample(deletes, {
    before: "CREATE TABLE old ()",
    sql: ["CREATE TABLE young (); DELETE FROM young; DELETE FROM old", "DELETE FROM young"],
  });
  expect(findings.map(({ message }) => message)).toEqual(["public.old now"]);
});

test("where each file is a set of its own, another file's table is old", async () => {
  const parser = await loadParser();
  const files = ["CREATE TABLE t (); DELETE FROM t", "DELETE FROM t"].map((sql, index) => ({
    name: `000${index}_x`,
    up: { path: `${index}.sql`, sql },
  }));
  const { findings } = lintMigrations(parser, files, { rules: [deletes], sets: "each" });
  expect(findings.map(({ path }) => path)).toEqual(["1.sql"]);
});

test("a search_path holds to the end of its file, and a function's body changes no schema", async () => {
  const findings = await lintExample(deletes, {
    sql: [
      "SET search_path = app, public; DELETE FROM a; SELECT set_config('search_path', 'b', true); DELETE FROM b;",
      "DELETE FROM c; CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'CREATE TABLE d ()'; DELETE FROM d",
    ],
  });
  expect(findings.map(({ message }) => message)).toEqual(["app.a now", "b.b now", "public.c now", "public.d now"]);
});

const reason = 'reason="it is tiny"';

/** What is said of a text: the line, the rule, and `ignored` where a reason is given. */
async function judged(sql: string): Promise<readonly string[]> {
  const findings = await lintExample([deletes, ...ignoreRules], { sql });
  return findings.map(({ line, rule, ignoredBecause }) => `${line} ${rule}${ignoredBecause ? " ignored" : ""}`);
}

test("an ignore works before its statement, inside it, and behind it on its line", async () => {
  const ignore = `roomctl-ignore any-delete ${reason}`;
  expect(await judged(`-- ${ignore}\n-- and a remark\nDELETE FROM a;\nDELETE FROM b;`)).toEqual([
    "3 any-delete ignored",
    "4 any-delete",
  ]);
  expect(await judged(`DELETE FROM a; -- ${ignore}\nDELETE FROM b;`)).toEqual(["1 any-delete ignored", "2 any-delete"]);
  expect(await judged(`DELETE -- ${ignore}\nFROM a;\nDELETE FROM b;`)).toEqual([
    "2 any-delete ignored",
    "3 any-delete",
  ]);
  expect(await judged(`DELETE FROM a; /* ${ignore} */ DELETE FROM b;`)).toEqual([
    "1 any-delete ignored",
    "1 any-delete",
  ]);
});

test("an ignore in a body is about its statement, one before the block about the whole block", async () => {
  const ignore = `-- roomctl-ignore any-delete ${reason}`;
  expect(await judged(`DO $$ BEGIN\n DELETE FROM a;\n ${ignore}\n DELETE FROM b;\nEND $$`)).toEqual([
    "2 any-delete",
    "4 any-delete ignored",
  ]);
  expect(await judged(`${ignore}\nDO $$ BEGIN\n DELETE FROM a;\n DELETE FROM b;\nEND $$; DELETE FROM c`)).toEqual([
    "3 any-delete ignored",
    "4 any-delete ignored",
    "5 any-delete",
  ]);
});

test("an ignore without a reason has no effect and is a finding, as are unknown and unused ones", async () => {
  expect(await judged("-- roomctl-ignore any-delete\nDELETE FROM a")).toEqual([
    "1 ignore-without-reason",
    "2 any-delete",
  ]);
  expect(await judged('-- roomctl-ignore any-delete reason="  "\nDELETE FROM a')).toEqual([
    "1 ignore-without-reason",
    "2 any-delete",
  ]);
  expect(await judged(`-- roomctl-ignore any-delte, any-delete ${reason}\nDELETE FROM a`)).toEqual([
    "1 ignore-unknown-rule",
    "2 any-delete ignored",
  ]);
  expect(await judged(`-- roomctl-ignore any-delete ${reason}\nSELECT 1`)).toEqual(["1 ignore-unused"]);
  expect(await judged(`SELECT 1;\n-- roomctl-ignore any-delete ${reason}\n`)).toEqual(["2 ignore-unused"]);
  expect(await judged(`-- roomctl-ignore ${reason}\nSELECT 1`)).toEqual(["1 ignore-unknown-rule"]);
});

test("the word in a string is no ignore", async () => {
  expect(await judged(`DELETE FROM a WHERE b = '-- roomctl-ignore any-delete ${reason}'`)).toEqual(["1 any-delete"]);
});
