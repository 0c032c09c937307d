import { afterAll, beforeAll, expect, test } from "vitest";
import type { FilledTable } from "../../src/migrate/rows.js";
import { type OwnScratch, openOwnScratch, trace } from "../support/trace.js";

let own: OwnScratch;
beforeAll(async () => {
  own = await openOwnScratch("postgres18");
});
afterAll(() => own[Symbol.asyncDispose]());

function rowsOf(tables: readonly FilledTable[]): Readonly<Record<string, number>> {
  return Object.fromEntries(tables.map(({ table, rows }) => [table, rows]));
}

test("rows are made up for every type, and foreign keys, checks and unique columns are honoured", async () => {
  const base = `
    CREATE DOMAIN percent AS int NOT NULL CHECK (VALUE BETWEEN 0 AND 100);
    CREATE TABLE pairs (low uuid NOT NULL REFERENCES people, high uuid NOT NULL REFERENCES people, PRIMARY KEY (low, high), CHECK (low < high));
    CREATE TABLE tokens (token text PRIMARY KEY CHECK (token ~ '^[0-9a-f]{64}$'), mail varchar(40) NOT NULL CHECK (mail LIKE '_%@_%'),
      kind text NOT NULL CHECK (kind IN ('it''s', 'b')), begins timestamptz NOT NULL DEFAULT now(), ends timestamptz NOT NULL, CHECK (ends > begins));
    CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree, share percent);
    CREATE TABLE "Odd ""one" (id smallserial PRIMARY KEY, "a b" char(3) UNIQUE);`;
  // Referenced before it is made in the file: order follows the keys, not the file.
  const people = `CREATE TYPE mood AS ENUM ('fine', 'bad'); CREATE TABLE people (id uuid PRIMARY KEY, m mood NOT NULL, a int[] NOT NULL, n numeric(4,2) NOT NULL, b bytea NOT NULL,
      t time NOT NULL, d date NOT NULL, i interval NOT NULL, ip inet NOT NULL, j jsonb NOT NULL, ok bool NOT NULL, r int4range NOT NULL,
      p point NOT NULL, v varchar(5) NOT NULL UNIQUE, g int GENERATED ALWAYS AS (1) STORED, always int GENERATED ALWAYS AS IDENTITY);`;
  const { tables } = await trace(own.server, { base: people + base, pending: ["SELECT 1"], rows: 500 });
  expect(tables.filter(({ reason }) => reason !== null)).toEqual([]);
  expect(rowsOf(tables)).toEqual({
    people: 500,
    pairs: 499,
    tokens: 500,
    tree: 500,
    '"Odd ""one"': 500,
  });
});

test("a table for which no rows can be made stays empty, and why is told", async () => {
  const base = `
    CREATE TABLE odd (n int NOT NULL CHECK (n < 0));
    CREATE TABLE child (id int REFERENCES keyless NOT NULL);`;
  const keyless = "CREATE TABLE keyless (id int PRIMARY KEY CHECK (id < 0));";
  const { tables, migrations } = await trace(own.server, {
    base: keyless + base,
    pending: ["ALTER TABLE odd ALTER n TYPE bigint; CREATE INDEX ON odd (n); ALTER TABLE child ADD a int"],
  });
  expect(rowsOf(tables)).toEqual({ keyless: 0, odd: 0, child: 0 });
  expect(tables.map(({ reason }) => reason)).toEqual([
    expect.stringMatching(/odd_n_check/),
    expect.stringMatching(/keyless_id_check/),
    expect.stringMatching(/not-null|foreign key/),
  ]);
  // The scan is seen all the same: it is counted, with no rows.
  expect(migrations[0]?.statements[1]?.scans).toMatchObject([{ name: "odd", times: 1, rows: 0 }]);
});

test("rows that a migration put there are kept, and their table is not filled", async () => {
  const base = "CREATE TABLE kinds (name text PRIMARY KEY); INSERT INTO kinds VALUES ('a'), ('b')";
  const { tables } = await trace(own.server, { base, pending: ["SELECT 1"] });
  expect(tables).toEqual([{ table: "kinds", rows: 2, isMadeUp: false, reason: null }]);
});

test.each([
  ["in a transaction", "ALTER TABLE t ADD CONSTRAINT small CHECK (n < 3); CREATE INDEX ON t (n)"],
  ["one by one", "ALTER TABLE t ADD COLUMN other int; CREATE UNIQUE INDEX CONCURRENTLY t_same ON t (same)"],
])("a migration that made-up rows break is run on empty tables, and that is told (%s)", async (_, sql) => {
  const base = "CREATE TABLE t (n int, same bool); CREATE TABLE kept (k int); INSERT INTO kept VALUES (1)";
  const pending = [sql, "CREATE INDEX ON kept (k); CREATE INDEX ON t (n)"];
  const { migrations } = await trace(own.server, { base, pending });
  expect(migrations[0]?.emptied).toMatch(/made-up rows do not fit it: .*(small|t_same)/);
  expect(migrations[0]?.statements).toHaveLength(2);
  expect(migrations[1]?.emptied).toBeNull();
  expect(migrations[1]?.statements[0]?.scans).toMatchObject([{ name: "kept", rows: 1 }]);
});

test("a migration that fails on empty tables too fails", async () => {
  const pending = ["CREATE TABLE u (n int PRIMARY KEY); INSERT INTO u VALUES (1), (1)"];
  await expect(trace(own.server, { base: "CREATE TABLE t (n int)", pending })).rejects.toMatchObject({
    code: "E_MIGRATION_FAILED",
  });
});

test("without rows nothing is filled and scans are still seen", async () => {
  const { tables, migrations } = await trace(own.server, {
    base: "CREATE TABLE t (n int)",
    pending: ["CREATE INDEX ON t (n)"],
    rows: 0,
  });
  expect(tables).toEqual([]);
  expect(migrations[0]?.statements[0]?.scans).toMatchObject([{ name: "t", rows: 0 }]);
});

test("only tables that pending statements touch get rows, with those on the other side of a key", async () => {
  const base = `CREATE TABLE parents (id int PRIMARY KEY); CREATE TABLE wanted (id int PRIMARY KEY REFERENCES parents);
    CREATE TABLE children (id int REFERENCES wanted); CREATE TABLE aside (id int); CREATE VIEW seen AS SELECT id FROM aside;`;
  const filled = async (sql: string) =>
    rowsOf((await trace(own.server, { base, pending: [sql, "COMMENT ON TABLE wanted IS 'w'"], rows: 10 })).tables);
  const touched = { parents: 10, wanted: 10, children: 10 };
  expect(await filled("ALTER TABLE wanted ADD a int")).toEqual(touched);
  for (const sql of ["SELECT 1", "DO $$ BEGIN END $$", "INSERT INTO wanted SELECT id + 10 FROM seen WHERE id > 10"]) {
    expect(await filled(sql)).toEqual({ ...touched, aside: 10 });
  }
});

test("rows that were taken away again are told all the same", async () => {
  const base = "CREATE TABLE words (n int, m int)";
  const pending = ["ALTER TABLE words ADD CHECK (n < 0)"];
  const { tables, migrations } = await trace(own.server, { base, pending, rows: 10 });
  expect(migrations[0]?.emptied).toMatch(/made-up rows/);
  expect(tables).toMatchObject([{ table: "words", rows: 10, isMadeUp: true }]);
});
