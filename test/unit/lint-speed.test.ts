import { describe, expect, test } from "vitest";
import { loadParser } from "../../src/db/parse.js";
import { lintMigrations } from "../../src/lint/lint.js";
import { lintRules } from "../../src/lint/rules.js";

/** Statements that make rules look at the rest of their file: at what was made, dropped, locked or ignored before. */
const kinds: Readonly<Record<string, (n: number) => string>> = {
  "many kinds": (n) => {
    const table = `t${n - (n % 4)}`;
    const choices = [
      `CREATE TABLE ${table} (id bigint PRIMARY KEY, owner bigint REFERENCES users (id) ON DELETE CASCADE);`,
      `CREATE INDEX i${n} ON ${table} (owner);`,
      `ALTER TABLE ${table} ADD COLUMN c${n} int;`,
      `UPDATE ${table} SET c${n} = 1 WHERE c${n} IS NULL;`,
    ];
    return choices[n % 4] ?? "";
  },
  "dropped and made": (n) => (n % 2 ? `CREATE TABLE t${n - 1} (id bigint);` : `DROP TABLE IF EXISTS t${n};`),
  validated: (n) =>
    n % 2
      ? `ALTER TABLE t${n - 1} VALIDATE CONSTRAINT c;`
      : `ALTER TABLE t${n} ADD CONSTRAINT c CHECK (a > 0) NOT VALID;`,
  functions: (n) => `CREATE OR REPLACE FUNCTION f${n}() RETURNS int LANGUAGE sql AS 'SELECT ${n}';`,
  views: (n) => `CREATE OR REPLACE VIEW v${n} AS SELECT a FROM users;`,
  "filled anew": (n) => (n % 2 ? `INSERT INTO t${n - 1} VALUES (1);` : `DELETE FROM t${n} WHERE id = 1;`),
  ignored: (n) => `DROP TABLE IF EXISTS t${n}; -- roomctl-ignore drop-table reason="unused"`,
};

describe("twice the statements take no more than about twice the time", () => {
  test.each(Object.entries(kinds))("%s", { retry: 2 }, async (_name, kind) => {
    const parser = await loadParser();
    const timeOf = (count: number) => {
      const sql = Array.from({ length: count }, (_, index) => kind(index)).join("\n");
      // Of the processor: what others do meanwhile does not count.
      const before = process.cpuUsage();
      lintMigrations(parser, [{ name: "1_a", up: { path: "1_a.up.sql", sql } }], { rules: lintRules, sets: "one" });
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
    timeOf(500);
    const shorter = Math.min(timeOf(2000), timeOf(2000));
    expect(Math.min(timeOf(4000), timeOf(4000))).toBeLessThan(3 * shorter + 100);
  });
});
