import { expect, test } from "vitest";
import { runRoomctl } from "../support/cli.js";
import { createMigrationFolder } from "../support/migrations.js";
import { hasPgbouncer, startPgbouncer } from "../support/pgbouncer.js";
import { createScratchDatabase } from "../support/postgres.js";

async function migrate(files: Readonly<Record<string, string>>, words: readonly string[] = []) {
  using folder = createMigrationFolder(files);
  await using scratch = await createScratchDatabase();
  const run = (...more: readonly string[]) =>
    runRoomctl(["migrate", ...more, "--dir", folder.directory], { databaseUrl: scratch.url });
  const result = await run(...words);
  const status = await run("status", "--json");
  await using database = await scratch.open();
  const tables = await database.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1",
  );
  return {
    ...result,
    findings: status.status === 0 ? status.json()["findings"] : [],
    tables: tables.map(({ name }) => name),
  };
}

test("one folder may hold the layouts of four tools", async () => {
  const { status, tables } = await migrate({
    "0001_plain.up.sql": "CREATE TABLE plain (n int)",
    "0002_dbmate.sql": "-- migrate:up\nCREATE TABLE dbmate (n int);\n\n-- migrate:down\nDROP TABLE dbmate;",
    "0003_goose.sql":
      "-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE goose (n int);\n-- +goose StatementEnd\n-- +goose Down\nDROP TABLE goose;",
    "0004-node-pg-migrate.sql": "-- Up Migration\nCREATE TABLE npm (n int);\n-- Down Migration\nDROP TABLE npm;",
    "README.md": "not a migration",
  });
  expect({ status, tables }).toEqual({ status: 0, tables: ["dbmate", "goose", "npm", "plain"] });
});

test("a marker inside a string or a function's body splits nothing", async () => {
  const { status, tables } = await migrate({
    "1_a.sql": "-- migrate:up\nCREATE TABLE a (t text DEFAULT '\n-- migrate:down\n');\nCREATE TABLE b (n int);",
  });
  expect({ status, tables }).toEqual({ status: 0, tables: ["a", "b"] });
});

test.each<[string, Record<string, string>, number, RegExp]>([
  [
    "a transaction of its own",
    { "1_a.up.sql": "CREATE TABLE a (n int);", "2_b.up.sql": "BEGIN;\nCREATE TABLE b (n int);\nCOMMIT;" },
    2,
    /2_b\.up\.sql:1 has its own BEGIN, and would be left half applied/,
  ],
  [
    "a marker that no tool knows",
    { "1_a.sql": "SELECT 1;\n--down\nDROP TABLE x;" },
    2,
    /1_a\.sql:2: --down is no marker/,
  ],
  [
    "two tools' markers",
    { "1_a.sql": "-- migrate:up\nSELECT 1;\n-- +goose Down\nSELECT 2;" },
    2,
    /1_a\.sql:3: it mixes markers of dbmate and goose/,
  ],
  [
    "statements before the marker",
    { "1_a.sql": "SELECT 1;\n-- Up Migration\nSELECT 2;" },
    2,
    /1_a\.sql:1: statements before/,
  ],
  [
    "a migration in code",
    { "1_a.up.sql": "SELECT 1", "2_b.js": "export const up = () => {}" },
    2,
    /2_b\.js is a migration in code/,
  ],
  ["a file without a statement", { "1_a.up.sql": "-- later\n;" }, 2, /holds no statement yet/],
])("%s stops everything before anything is run", async (_case, files, exit, message) => {
  const { status, stderr, tables } = await migrate(files);
  expect({ status, tables }).toEqual({ status: exit, tables: [] });
  expect(stderr).toMatch(message);
});

test("status names a transaction of its own before anybody runs into it", async () => {
  const { findings } = await migrate({ "1_a.up.sql": "CREATE TABLE a (n int);\nCOMMIT" }, ["plan"]);
  expect(findings).toMatchObject([{ kind: "own-transaction", migration: "1_a" }]);
});

test("byte order marks, Windows line endings and quotes in names change nothing", async () => {
  const { status, stdout, tables } = await migrate({
    '1_it\'s "odd".up.sql': "\uFEFFCREATE TABLE a (n int);\r\n-- ü\r\nCREATE TABLE b (n int);\r\n",
  });
  expect({ status, tables }).toEqual({ status: 0, tables: ["a", "b"] });
  expect(stdout).toContain('applied 1_it\'s "odd"');
});

test("SQL that the parser does not know goes to the server, which says where it is wrong", async () => {
  const { status, stdout, stderr, tables } = await migrate({
    "1_a.up.sql": "CREATE TABLE a (n int);\n\nFROBNICATE TABLE a;\nCREATE TABLE b (n int);",
  });
  expect({ status, tables }).toEqual({ status: 1, tables: [] });
  expect(stdout + stderr).toMatch(/1_a\.up\.sql:3:1; it was rolled back/);
  expect(stdout + stderr).toContain('syntax error at or near "FROBNICATE"');
});

test("a file of five megabytes and fifty thousand statements is applied in less than a minute", async () => {
  const filler = "x".repeat(60);
  const inserts = Array.from({ length: 50_000 }, (_, index) => `INSERT INTO a VALUES (${index}, '${filler}');`);
  const { status, stdout } = await migrate({
    "1_a.up.sql": `CREATE TABLE a (n int, t text);\n${inserts.join("\n")}\n`,
  });
  expect(status, stdout).toBe(0);
});

test("plan shows the statements, and --check makes what is pending a finding", async () => {
  const files = { "1_a.up.sql": "CREATE TABLE a (n int);", "2_b.up.sql": "CREATE INDEX CONCURRENTLY ON a (n);" };
  const { status, stdout } = await migrate(files, ["plan", "--sql", "--check"]);
  expect(status).toBe(3);
  expect(stdout.split("\n")).toEqual([
    "would apply 1_a",
    "would apply 2_b (outside of a transaction)",
    "",
    "-- 1_a",
    "CREATE TABLE a (n int);",
    "",
    "-- 2_b",
    "CREATE INDEX CONCURRENTLY ON a (n);",
    "",
  ]);
});

test.runIf(hasPgbouncer)("a pooler is refused, and --direct-url leads past it", async () => {
  using folder = createMigrationFolder({ "1_a.up.sql": "CREATE TABLE a (n int)" });
  await using scratch = await createScratchDatabase();
  await using pooler = await startPgbouncer(scratch.target);
  const pooledUrl = scratch.url.replace(`:${scratch.target.port}/`, `:${pooler.target.port}/`);
  const words = ["migrate", "--dir", folder.directory];
  const refused = await runRoomctl(words, { databaseUrl: pooledUrl });
  expect(refused.status).toBe(4);
  expect(refused.stderr).toContain("--direct-url or ROOMCTL_DIRECT_URL");
  const environment = { ROOMCTL_DIRECT_URL: scratch.url };
  expect((await runRoomctl(words, { databaseUrl: pooledUrl, environment })).status).toBe(0);
  const typed = ["--direct-url", scratch.url.replace(`:${scratch.target.password}@`, "@")];
  const password = { PGPASSWORD: scratch.target.password ?? "" };
  const again = await runRoomctl([...words, ...typed], { databaseUrl: pooledUrl, environment: password });
  expect(again.stdout).toContain("nothing to apply");
});

test("what only shows writes nothing at all: not a byte of the catalog changes", async () => {
  using folder = createMigrationFolder({ "1_a.up.sql": "CREATE TABLE a (n int)", "1_a.down.sql": "DROP TABLE a" });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE before (n int)");
  // Every row of the tables that describe the schema, with the transaction that wrote it.
  const catalog = () =>
    database.query(
      `SELECT 'class' AS "in", xmin::text, relname::text AS name FROM pg_class UNION ALL
       SELECT 'namespace', xmin::text, nspname::text FROM pg_namespace UNION ALL
       SELECT 'attribute', xmin::text, attname::text FROM pg_attribute UNION ALL
       SELECT 'constraint', xmin::text, conname::text FROM pg_constraint ORDER BY 1, 2, 3`,
    );
  const before = await catalog();
  for (const words of [
    ["status"],
    ["plan"],
    ["up", "--dry-run"],
    ["up", "--fake", "--dry-run"],
    ["down", "--dry-run"],
    ["redo", "--dry-run"],
    ["baseline", "1", "--dry-run"],
    ["lint"],
  ]) {
    const { status, stderr } = await runRoomctl(["migrate", ...words, "--dir", folder.directory], {
      databaseUrl: scratch.url,
    });
    expect({ words, status, stderr }).toEqual({
      words,
      status: words[0] === "lint" ? expect.any(Number) : 0,
      stderr: "",
    });
  }
  expect(await catalog()).toEqual(before);
});
