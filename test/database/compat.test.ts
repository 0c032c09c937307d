import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type CompatReport, checkCompatibility } from "../../src/compat/compat.js";
import { readQueryFiles } from "../../src/compat/queries.js";
import { chooseStates } from "../../src/compat/states.js";
import { loadParser } from "../../src/db/parse.js";
import { openScratch } from "../../src/db/scratch.js";
import { parseMigration } from "../../src/migrate/build.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import { createMigrationFolder } from "../support/migrations.js";
import { serverTarget } from "../support/postgres.js";

const oldSchema = `
  CREATE TYPE mood AS ENUM ('happy', 'sad', 'angry');
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, score int NOT NULL DEFAULT 0, mood mood);
  CREATE TABLE posts (id int PRIMARY KEY, author int REFERENCES users, title text, note text);
  CREATE VIEW titles AS SELECT id, title FROM posts;
  CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';`;

interface Case {
  /** Migrations after the old schema, each with a number of its own. */
  readonly migrations: readonly string[];
  /** Query files' text. */
  readonly queries: string;
  readonly old?: string;
  readonly searchPath?: string;
  readonly role?: string;
}

async function check({
  migrations,
  queries,
  old = oldSchema,
  searchPath = "public",
  role,
}: Case): Promise<CompatReport> {
  const files = Object.fromEntries([old, ...migrations].map((sql, index) => [`${index + 1}_step.up.sql`, sql]));
  using folder = createMigrationFolder(files);
  const directory = mkdtempSync(join(tmpdir(), "roomctl-compat-"));
  try {
    const path = join(directory, "queries.sql");
    writeFileSync(path, queries);
    const parser = await loadParser();
    const { before, after } = chooseStates(readMigrationFiles(folder.directory), { from: "1" }, undefined);
    await using server = await openScratch({ directory, target: await serverTarget() });
    return await checkCompatibility(server, {
      before: before.map((file) => parseMigration(parser, file)),
      after: after.map((file) => parseMigration(parser, file)),
      set: readQueryFiles(parser, [path]),
      migrationPath: "public",
      queryPath: searchPath,
      role,
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What was found, short enough to compare: `error broken 42703 @2_step`. */
function short({ findings }: CompatReport): readonly string[] {
  return findings.map(({ kind, severity, sqlState, migration }) =>
    [severity, kind, ...(sqlState === null ? [] : [sqlState]), `@${migration}`].join(" "),
  );
}

test.each([
  ["a dropped column", "ALTER TABLE users DROP COLUMN score", "SELECT score FROM users", "error broken 42703"],
  ["a renamed column", "ALTER TABLE users RENAME name TO nick", "UPDATE users SET name = $1", "error broken 42703"],
  ["a renamed table", "ALTER TABLE users RENAME TO people", "DELETE FROM users WHERE id = $1", "error broken 42P01"],
  ["a dropped function", "DROP FUNCTION double", "SELECT double(score) FROM users", "error broken 42883"],
  [
    "a function with another parameter",
    "DROP FUNCTION double; CREATE FUNCTION double(n int, m int) RETURNS int LANGUAGE sql AS 'SELECT n * m'",
    "SELECT double($1)",
    "error broken 42883",
  ],
  [
    "a function with another parameter type",
    "DROP FUNCTION double; CREATE FUNCTION double(n text) RETURNS int LANGUAGE sql AS 'SELECT length(n)'",
    "SELECT double($1)",
    "error parameter-type",
  ],
  [
    "a function with another result type",
    "DROP FUNCTION double; CREATE FUNCTION double(n int) RETURNS bigint LANGUAGE sql AS 'SELECT n::bigint'",
    "SELECT double($1)",
    "error result-type",
  ],
  [
    "a primary key dropped under ON CONFLICT, which PREPARE does not see",
    "ALTER TABLE posts DROP CONSTRAINT posts_pkey",
    "INSERT INTO posts (id) VALUES ($1) ON CONFLICT (id) DO NOTHING",
    "error broken 42P10",
  ],
  [
    "int to bigint in a result",
    "ALTER TABLE users ALTER score TYPE bigint",
    "SELECT score FROM users",
    "error result-type",
  ],
  [
    "int to bigint in a parameter",
    "ALTER TABLE users ALTER score TYPE bigint",
    "SELECT name FROM users WHERE score = $1",
    "error parameter-type",
  ],
  [
    "a column more under SELECT *",
    "ALTER TABLE users ADD nick text",
    "SELECT * FROM users",
    "warning result-column-added",
  ],
  [
    "a column more under RETURNING *",
    "ALTER TABLE users ADD nick text",
    "INSERT INTO users (id, name) VALUES (1, 'a') RETURNING *",
    "warning result-column-added",
  ],
  [
    "a column less under SELECT *",
    "ALTER TABLE posts DROP COLUMN note",
    "SELECT * FROM posts",
    "error result-column-removed",
  ],
  [
    "a column renamed under SELECT *",
    "ALTER TABLE posts RENAME note TO remark",
    "SELECT * FROM posts",
    "error result-column-renamed",
  ],
  [
    "a column that comes in between under a join's *",
    "ALTER TABLE users ADD nick text",
    "SELECT * FROM users JOIN posts ON author = users.id",
    "error result-columns-moved",
  ],
  [
    "a column that makes another one ambiguous",
    "ALTER TABLE posts ADD score int",
    "SELECT score FROM users JOIN posts ON author = users.id",
    "error broken 42702",
  ],
  [
    "a view that lost a column",
    "DROP VIEW titles; CREATE VIEW titles AS SELECT id FROM posts",
    "SELECT title FROM titles",
    "error broken 42703",
  ],
  [
    "a view whose columns changed places",
    "DROP VIEW titles; CREATE VIEW titles AS SELECT title, id FROM posts",
    "SELECT * FROM titles",
    "error result-columns-moved",
  ],
  [
    "an enum value that is gone",
    `ALTER TYPE mood RENAME TO old_mood; CREATE TYPE mood AS ENUM ('happy', 'sad');
     ALTER TABLE users ALTER mood TYPE mood USING mood::text::mood; DROP TYPE old_mood`,
    "SELECT id FROM users WHERE mood = 'angry'",
    "error broken 22P02",
  ],
  [
    "a new column that must have a value, left out of a column list",
    "ALTER TABLE users ADD email text NOT NULL",
    "INSERT INTO users (id, name) VALUES ($1, $2)",
    "error missing-value",
  ],
  [
    "a new column that must have a value, without a column list",
    "ALTER TABLE users ADD email text NOT NULL",
    "INSERT INTO users VALUES ($1, $2)",
    "error missing-value",
  ],
  [
    "a new column that must have a value, in a WITH query",
    "ALTER TABLE users ADD email text NOT NULL",
    "WITH fresh AS (INSERT INTO users (id, name) SELECT n, 'a' FROM generate_series(1, $1) AS n RETURNING id) SELECT count(*) FROM fresh",
    "error missing-value",
  ],
  [
    "a new column that must have a value, in MERGE",
    "ALTER TABLE users ADD email text NOT NULL",
    "MERGE INTO users USING (SELECT $1::int AS id) AS new ON users.id = new.id WHEN NOT MATCHED THEN INSERT (id, name) VALUES (new.id, 'a')",
    "error missing-value",
  ],
  [
    "a new column that must have a value, behind a view",
    "DROP VIEW titles; ALTER TABLE posts ADD slug text NOT NULL; CREATE VIEW titles AS SELECT id, title FROM posts",
    "INSERT INTO titles (id, title) VALUES ($1, $2)",
    "error missing-value",
  ],
  [
    "a default that is gone",
    "ALTER TABLE users ALTER score DROP DEFAULT",
    "INSERT INTO users (id, name) VALUES ($1, $2)",
    "error missing-value",
  ],
  ["a new CHECK", "ALTER TABLE users ADD CHECK (score >= 0)", "UPDATE users SET score = $1", "info new-check"],
  [
    "a value that lands in another column, for want of a column list",
    "ALTER TABLE posts DROP COLUMN note, ADD slug text",
    "INSERT INTO posts VALUES ($1, $2, $3, $4)",
    "error value-moved",
  ],
  ["a new UNIQUE", "ALTER TABLE users ADD UNIQUE (name)", "UPDATE users SET name = $1", "info new-check"],
  ["a new unique index", "CREATE UNIQUE INDEX ON users (name)", "UPDATE users SET name = $1", "info new-check"],
  [
    "a new foreign key to a table",
    "CREATE TABLE likes (who int REFERENCES users)",
    "DELETE FROM users WHERE id = $1",
    "info new-check",
  ],
  [
    "NOT NULL on a column that there was",
    "ALTER TABLE posts ALTER title SET NOT NULL",
    "UPDATE posts SET title = $1",
    "info new-check",
  ],
  ["row security", "ALTER TABLE posts ENABLE ROW LEVEL SECURITY", "UPDATE posts SET title = $1", "info new-check"],
])("finds %s", async (_, migration, query, expected) => {
  expect(short(await check({ migrations: [migration], queries: query }))).toEqual([`${expected} @2_step`]);
});

test("a column renamed and one added under SELECT * are told apart", async () => {
  const report = await check({
    migrations: ["ALTER TABLE posts RENAME note TO remark; ALTER TABLE posts ADD slug text"],
    queries: "SELECT * FROM posts",
  });
  expect(short(report)).toEqual(["error result-column-renamed @2_step", "warning result-column-added @2_step"]);
});

test("a new column with the name of another result column hides it from drivers that key rows by name", async () => {
  const report = await check({
    migrations: ["ALTER TABLE posts ADD score numeric"],
    queries: "SELECT users.score, posts.* FROM users JOIN posts ON author = users.id",
  });
  expect(short(report)).toEqual(["error result-column-repeated @2_step", "warning result-column-added @2_step"]);
});

test("a new column that a trigger may fill is a warning only", async () => {
  const report = await check({
    migrations: [
      `ALTER TABLE users ADD email text NOT NULL;
       CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.email := ''-''; RETURN NEW; END';
       CREATE TRIGGER fill BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION fill()`,
    ],
    queries: "INSERT INTO users (id, name) VALUES ($1, $2)",
  });
  expect(short(report)).toEqual(["warning missing-value @2_step", "info new-check @2_step"]);
  expect(report.counts).toEqual({ error: 0, warning: 1, info: 1 });
});

test("migrations that only expand leave nothing to find", async () => {
  const report = await check({
    migrations: [
      "ALTER TABLE users ADD email text; CREATE INDEX ON users (email)",
      "CREATE TABLE likes (id bigint PRIMARY KEY, who int REFERENCES users ON DELETE CASCADE); ALTER TYPE mood ADD VALUE 'calm'",
      "ALTER TABLE posts ADD slug text NOT NULL DEFAULT ''; CREATE FUNCTION double(n bigint, m bigint) RETURNS bigint LANGUAGE sql AS 'SELECT n * m'",
      // The old name lives on as a view.
      "ALTER TABLE posts RENAME TO articles; CREATE VIEW posts AS SELECT id, author, title, note FROM articles",
    ],
    queries: `
      SELECT id, name, score, mood FROM users WHERE id = $1;
      INSERT INTO users (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id;
      SELECT double(score) FROM users WHERE mood = 'angry';
      INSERT INTO posts (id, title) VALUES ($1, $2);
      SELECT * FROM posts;
      UPDATE users SET score = $1 WHERE id = $2;
      DELETE FROM users WHERE id = $1;
      SELECT p.title FROM posts p JOIN users u ON u.id = p.author;
      VALUES (1), (2)`,
  });
  expect(report.findings).toEqual([]);
  expect([report.checkedCount, report.skipped, report.from, report.to]).toEqual([9, [], "1_step", "5_step"]);
});

test("says since which of several migrations a query fails, and what failed for a while only", async () => {
  const report = await check({
    migrations: [
      "CREATE TABLE t2 (n int)",
      "ALTER TABLE users DROP COLUMN score",
      "DROP VIEW titles",
      "CREATE VIEW titles AS SELECT id, title FROM posts",
      "DROP TABLE users CASCADE",
    ],
    queries: "SELECT score FROM users; SELECT title FROM titles; SELECT id FROM users;",
  });
  expect(short(report)).toEqual([
    "error broken 42P01 @3_step",
    "warning broken-in-between 42P01 @4_step",
    "error broken 42P01 @6_step",
  ]);
  expect(report.findings[1]?.message).toContain("until 5_step mends it");
});

test("a query that never worked is no fault of the migrations", async () => {
  const report = await check({
    migrations: ["ALTER TABLE users DROP COLUMN score"],
    queries: "SELECT nothing FROM users;\nSELECT score, nothing FROM users",
  });
  expect(short(report)).toEqual(["warning did-not-work-before 42703 @null", "warning did-not-work-before 42703 @null"]);
});

test("nothing but queries is tried, and what is tried is never run", async () => {
  const report = await check({
    migrations: ["ALTER TABLE users ADD nick text"],
    queries: `
      DROP TABLE users; BEGIN; COMMIT; DO $$ BEGIN DELETE FROM users; END $$; COPY users TO STDOUT;
      SELECT 1 AS one INTO made; TRUNCATE users; SET search_path = nowhere; EXPLAIN ANALYZE DELETE FROM users;
      CALL nothing(); PREPARE p AS SELECT 1; LOCK users;
      DELETE FROM users; SELECT pg_sleep(3600); SELECT name FROM users; INSERT INTO users (id, name) VALUES (1, 'a');
      SELECT set_config('search_path', 'nowhere', false); SELECT name FROM users`,
  });
  expect(report.findings).toEqual([]);
  expect(report.checkedCount).toBe(6);
  expect(report.skipped.map(({ reason }) => reason.split(" ").slice(0, 2).join(" "))).toEqual([
    "DROP is",
    "BEGIN is",
    "COMMIT is",
    "DO is",
    "COPY is",
    "SELECT INTO",
    "TRUNCATE is",
    "SET is",
    "EXPLAIN is",
    "CALL is",
    "PREPARE is",
    "LOCK is",
  ]);
});

test("names, lines and the parameters of generators are read from the files", async () => {
  const report = await check({
    migrations: ["ALTER TABLE users DROP COLUMN score, ADD nick text"],
    queries: [
      "-- name: GetScore :one",
      "SELECT score FROM users WHERE id = $1;",
      "",
      "/* @name ListScores */",
      "SELECT score /* @name wrong */ FROM users;",
      "SELECT 'ü', score FROM users;",
      "SELECT score FROM users WHERE id = :id AND name::text = 'x';",
      "-- name: ByName",
      "SELECT id FROM users WHERE name = @name;",
      "SELECT id FROM users WHERE name = sqlc.arg(name);",
    ].join("\n"),
  });
  expect(report.findings.map(({ query, line }) => [query.replace(/.*\//, ""), line])).toEqual([
    ["GetScore", 2],
    ["ListScores", 5],
    ["queries.sql:6", 6],
  ]);
  expect(
    report.skipped.map(({ name, line, reason }) => [name.replace(/.*\//, ""), line, reason.split(" ")[0]]),
  ).toEqual([
    ["queries.sql:7", 7, ":id"],
    ["ByName", 9, "@name"],
    ["queries.sql:10", 10, "sqlc.arg()"],
  ]);
});

test("names are read from files that parse as a whole, too", async () => {
  const report = await check({
    migrations: ["ALTER TABLE users DROP COLUMN score"],
    queries:
      "-- name: First :one\nSELECT score FROM users;\n/* @name Second */\nSELECT score FROM users; SELECT score FROM users",
  });
  expect(report.findings.map(({ query }) => query.replace(/.*\//, ""))).toEqual(["First", "Second", "queries.sql:4"]);
});

test("a parameter whose type nothing says is taken as text", async () => {
  const report = await check({
    migrations: ["ALTER TABLE users DROP COLUMN score"],
    queries:
      "SELECT id FROM users WHERE $1 IS NULL OR ($2 IS NOT NULL AND name = $3);\nSELECT score, $1 IS NULL FROM users",
  });
  expect(short(report)).toEqual(["error broken 42703 @2_step"]);
  expect(report.checkedCount).toBe(2);
});

test("queries of another search_path find their tables, and tables of the same name are told apart", async () => {
  const old = "CREATE SCHEMA app; CREATE TABLE app.users (id int, name text); CREATE TABLE public.users (id int)";
  const migrations = ["ALTER TABLE app.users ALTER id TYPE bigint"];
  const queries = "SELECT id FROM users";
  expect(short(await check({ old, migrations, queries, searchPath: "app, public" }))).toEqual([
    "error result-type @2_step",
  ]);
  expect(short(await check({ old, migrations, queries }))).toEqual([]);
});

test("a view that is made again without its grants is broken for the role that had them", async () => {
  const old = `${oldSchema}; GRANT SELECT ON titles, users TO compat_app`;
  const migrations = [
    "DROP VIEW titles; CREATE VIEW titles AS SELECT id, title FROM posts",
    "GRANT SELECT ON titles TO compat_app",
  ];
  const queries = "SELECT title FROM titles; SELECT name FROM users";
  expect(short(await check({ old, migrations: migrations.slice(0, 1), queries, role: "compat_app" }))).toEqual([
    "error broken 42501 @2_step",
  ]);
  expect(short(await check({ old, migrations, queries, role: "compat_app" }))).toEqual([
    "warning broken-in-between 42501 @2_step",
  ]);
  expect(short(await check({ old, migrations, queries }))).toEqual([]);
  await expect(check({ old, migrations, queries, role: "nobody_here" })).rejects.toMatchObject({ code: "E_USAGE" });
});

test("a type that is made again under its name is the same type to a query", async () => {
  const report = await check({
    migrations: [
      `ALTER TYPE mood RENAME TO old_mood; CREATE TYPE mood AS ENUM ('happy', 'sad', 'angry', 'calm');
       ALTER TABLE users ALTER mood TYPE mood USING mood::text::mood; DROP TYPE old_mood`,
    ],
    queries: "SELECT mood, array_agg(mood) FROM users WHERE mood = $1 OR mood = ANY ($2) GROUP BY mood",
  });
  expect(report.findings).toEqual([]);
});

test("a CHECK is new where it was added, also when a later migration validates it", async () => {
  const added = "ALTER TABLE users ADD CONSTRAINT positive CHECK (score >= 0) NOT VALID";
  const validated = "ALTER TABLE users VALIDATE CONSTRAINT positive";
  const queries = "UPDATE users SET score = $1";
  const report = await check({ migrations: [added, validated], queries });
  expect(short(report)).toEqual(["info new-check @2_step"]);
  const later = await check({ old: `${oldSchema} ${added};`, migrations: [validated], queries });
  expect(short(later)).toEqual([]);
});

test("a file that is gone since its folder was listed is passed over and told", async () => {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-compat-"));
  try {
    writeFileSync(join(directory, "a.sql"), "SELECT 1");
    symlinkSync(join(directory, "nowhere"), join(directory, "b.sql"));
    const parser = await loadParser();
    const { queries, skipped } = readQueryFiles(parser, [directory]);
    expect(queries.map(({ sql }) => sql)).toEqual(["SELECT 1"]);
    expect(skipped).toMatchObject([{ name: join(directory, "b.sql"), reason: expect.stringContaining("is gone") }]);
    expect(() => readQueryFiles(parser, [join(directory, "b.sql")])).toThrow(/cannot read .*b\.sql/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
