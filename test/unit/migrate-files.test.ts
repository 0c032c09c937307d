import { expect, test } from "vitest";
import { isBlank } from "../../src/db/statements.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import { asksForNoTransaction } from "../../src/migrate/layout.js";
import { createMigration } from "../../src/migrate/new.js";
import { createMigrationFolder } from "../support/migrations.js";

function failureOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not throw");
}

test("migrations are ordered by number, not by text", () => {
  using folder = createMigrationFolder({
    "10_ten.up.sql": "SELECT 10",
    "9_nine.up.sql": "SELECT 9",
    "0002_two.up.sql": "SELECT 2",
    "20260101120000001_time.up.sql": "SELECT 1",
  });
  expect(readMigrationFiles(folder.directory).map(({ name }) => name)).toEqual([
    "0002_two",
    "9_nine",
    "10_ten",
    "20260101120000001_time",
  ]);
});

test("a checksum does not see line endings or a byte order mark, but sees every other change", () => {
  using folder = createMigrationFolder({
    "1_a.up.sql": "SELECT 1;\nSELECT 2;\n",
    "2_b.up.sql": "\uFEFFSELECT 1;\r\nSELECT 2;\r\n",
    "3_c.up.sql": "SELECT 1;\nSELECT 2; \n",
  });
  const [a, b, c] = readMigrationFiles(folder.directory).map(({ checksum }) => checksum);
  expect(b).toBe(a);
  expect(c).not.toBe(a);
});

test.each<[string, Record<string, string>, string, string]>([
  ["a folder without migrations", { "README.md": "" }, "E_NO_MIGRATIONS", "no migration in"],
  ["a stray SQL file", { "0001_a.up.sql": "", "fix.sql": "" }, "E_USAGE", "fix.sql is not named like a migration"],
  [
    "a marker of no tool",
    { "0001_a.sql": "-- up\nSELECT 1;\n-- down\nSELECT 2;" },
    "E_USAGE",
    "0001_a.sql:1: -- up is no",
  ],
  ["a migration in code", { "0001_a.up.sql": "", "0002_b.ts": "" }, "E_USAGE", "0002_b.ts is a migration in code"],
  ["a down file alone", { "0001_a.up.sql": "", "0002_b.down.sql": "" }, "E_USAGE", "has no 0002_b.up.sql"],
  ["two of one number", { "0001_a.up.sql": "", "1_b.up.sql": "" }, "E_MIGRATION_ORDER", "have the same number"],
])("%s is refused by name", (_case, files, code, message) => {
  using folder = createMigrationFolder(files);
  expect(failureOf(() => readMigrationFiles(folder.directory))).toMatchObject({
    code,
    message: expect.stringContaining(message),
    hint: expect.any(String),
  });
});

test("a missing folder is no empty success", () => {
  expect(failureOf(() => readMigrationFiles("/no/such/folder"))).toMatchObject({ code: "E_NO_MIGRATIONS" });
});

test("a new migration gets the next number, in as many digits, and both files", () => {
  using folder = createMigrationFolder({ "00009_a.up.sql": "SELECT 1" });
  expect(createMigration(folder.directory, "add-b").name).toBe("00010_add-b");
  expect(createMigration(folder.directory, "add-b").name).toBe("00011_add-b");
  const files = readMigrationFiles(folder.directory);
  expect(files.map(({ down }) => down !== undefined)).toEqual([false, true, true]);
  expect(isBlank(files.at(-1)?.up.sql ?? "SELECT 1")).toBe(true);
});

test("the first migration of a folder that is not there yet is number 0001", () => {
  using folder = createMigrationFolder();
  expect(createMigration(`${folder.directory}/deeper`, "begin").name).toBe("0001_begin");
});

test.each(["", "Add", "add_b", "../b", "a b", "-a", "it's"])("%j is no name for a migration", (title) => {
  using folder = createMigrationFolder();
  expect(failureOf(() => createMigration(folder.directory, title))).toMatchObject({ code: "E_USAGE" });
});

test.each([
  "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;",
  "-- roomctl:no-transaction\n-- Up Migration\nSELECT 1;",
  "-- migrate:up transaction:false\nSELECT 1;",
])("a wish to run outside of a transaction counts above the marker and in it: %j", (sql) => {
  using folder = createMigrationFolder({ "1_a.sql": sql });
  const [file] = readMigrationFiles(folder.directory);
  expect(file && asksForNoTransaction(file.up)).toBe(true);
});

test("a carriage return alone ends a comment, as in PostgreSQL", () => {
  expect(isBlank("-- comment\rCREATE TABLE a (n int)")).toBe(false);
});
