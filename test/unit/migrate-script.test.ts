import { expect, test } from "vitest";
import { loadParser } from "../../src/db/parse.js";
import { positionsIn } from "../../src/db/position.js";
import { assertNoOwnControl, parseScript } from "../../src/migrate/script.js";

const parser = await loadParser();
const scriptOf = (sql: string) => parseScript(parser, { path: "/m/1_a.up.sql", sql });

test.each([
  "BEGIN",
  "begin;",
  "START TRANSACTION",
  "COMMIT AND CHAIN",
  "END",
  "ROLLBACK",
  "ABORT",
  "PREPARE TRANSACTION 'x'",
])("%j is transaction control, and refused with its line", (sql) => {
  const word = sql.split(/[ ;]/)[0]?.toUpperCase();
  expect(() => assertNoOwnControl(scriptOf(`SELECT 1;\n\n/* now */ ${sql}`))).toThrow(
    `/m/1_a.up.sql:3 has its own ${word},`,
  );
});

test.each([
  "DO $$ BEGIN COMMIT; END $$",
  "SELECT 'COMMIT'",
  "-- COMMIT;\nSELECT 1",
  "SAVEPOINT a; ROLLBACK TO a; ROLLBACK TO SAVEPOINT a; ROLLBACK WORK TO a; RELEASE a",
  "PREPARE q AS SELECT 1",
  'CREATE TABLE "begin" (n int)',
])("%j is no transaction control", (sql) => {
  expect(scriptOf(sql).ownControl).toBeUndefined();
});

test.each([
  "CREATE INDEX CONCURRENTLY i ON t (a)",
  "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
  "DROP INDEX CONCURRENTLY i",
  "REINDEX INDEX CONCURRENTLY i",
  "REINDEX (CONCURRENTLY) TABLE t",
  "REINDEX SCHEMA public",
  "VACUUM t",
  "ALTER SYSTEM SET work_mem = '1MB'",
  "CREATE DATABASE d",
  "DROP DATABASE d",
  "CREATE TABLESPACE s LOCATION '/x'",
  "ALTER TABLE p DETACH PARTITION c CONCURRENTLY",
  "CLUSTER",
  "DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; END $$",
  "DISCARD ALL",
  "-- roomctl:no-transaction\nSELECT 1",
])("%j runs outside of a transaction", (sql) => {
  expect(scriptOf(`SELECT 1;\n${sql}`).isTransactional).toBe(false);
});

test.each([
  "CREATE INDEX i ON t (a)",
  "REINDEX TABLE t",
  "ANALYZE t",
  "CLUSTER t USING i",
  "ALTER TABLE p DETACH PARTITION c",
  "ALTER TABLE p DETACH PARTITION c FINALIZE",
  "DO $$ BEGIN RAISE NOTICE 'commit'; END $$",
  "ALTER TYPE e ADD VALUE 'x'",
  "SELECT '-- roomctl:no-transaction'",
])("%j runs inside one", (sql) => {
  expect(scriptOf(sql).isTransactional).toBe(true);
});

test("offsets are right behind characters of several bytes, with and without what the parser knows", () => {
  for (const unknown of ["", "FROBNICATE 7;\n"]) {
    const sql = `-- größer 😀\nSELECT 'é';\n${unknown}  /* ü */ ALTER TABLE t ADD COLUMN a int;\nSELECT 2`;
    const { statements } = scriptOf(sql);
    for (const { text, offset } of statements) expect(sql.slice(offset, offset + text.length)).toBe(text);
    const alter = statements.find(({ text }) => text.startsWith("ALTER"));
    expect(alter?.node).toHaveProperty("AlterTableStmt");
    const { relation } =
      alter?.node && "AlterTableStmt" in alter.node ? alter.node.AlterTableStmt : { relation: undefined };
    expect(sql.slice(alter?.offsetOf(relation?.location ?? 0))).toMatch(/^t ADD/);
    expect(statements.filter(({ node }) => node === undefined).map(({ text }) => text)).toEqual(
      unknown === "" ? [] : ["FROBNICATE 7"],
    );
  }
});

test("the comments before a statement are in its region, whether the parser knows all of the file or not", () => {
  for (const last of ["SELECT 3", "FROBNICATE"]) {
    const sql = `-- one\nSELECT 1; -- after one\n/* two */ SELECT 2;\n-- three\n${last}`;
    const regions = scriptOf(sql).statements.map(({ regionOffset, offset }) => sql.slice(regionOffset, offset));
    expect(regions).toEqual(["-- one\n", " -- after one\n/* two */ ", "\n-- three\n"]);
  }
});

test("a position counts characters, not UTF-16 units", () => {
  expect(positionsIn("a\n😀x").at(4)).toEqual({ line: 2, column: 2 });
});

test("fifty thousand statements, one of them unknown, are split in seconds", () => {
  const sql = `${Array.from({ length: 50_000 }, (_, index) => `INSERT INTO t VALUES (${index}, 'some text of a believable length');`).join("\n")}\nFROBNICATE`;
  expect(scriptOf(sql).statements).toHaveLength(50_001);
});
