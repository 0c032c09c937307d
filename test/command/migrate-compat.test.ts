import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { CompatResult } from "../../src/commands/migrate-compat.js";
import { runRoomctl } from "../support/cli.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const migrations = {
  "0001_add-users.up.sql": "CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, score int)",
  "0002_add-posts.up.sql": "CREATE TABLE posts (id int PRIMARY KEY, author int REFERENCES users)",
  "0003_rename-name.up.sql": "ALTER TABLE users RENAME name TO nick",
};

const queries = `-- name: GetUser :one
SELECT id, name FROM users WHERE id = $1;

-- name: ListPosts :many
SELECT * FROM posts;
`;

interface Workplace extends Disposable {
  run(...words: string[]): ReturnType<typeof runRoomctl>;
  write(name: string, text: string): void;
}

function createWorkplace(databaseUrl?: string): Workplace {
  const workingDirectory = mkdtempSync(join(tmpdir(), "roomctl-compat-"));
  return {
    run: (...words) => runRoomctl(words, { workingDirectory, ...(databaseUrl === undefined ? {} : { databaseUrl }) }),
    write(name, text) {
      mkdirSync(join(workingDirectory, name, ".."), { recursive: true });
      writeFileSync(join(workingDirectory, name), text);
    },
    [Symbol.dispose]: () => rmSync(workingDirectory, { recursive: true, force: true }),
  };
}

test("compat without a database names the query, what broke it and since when, and exits with 3", async () => {
  using folder = createMigrationFolder(migrations);
  using place = createWorkplace();
  place.write("queries.sql", queries);
  const words = ["migrate", "compat", "--dir", folder.directory, "--queries", "queries.sql"];
  const run = await place.run(...words, "--from", "1");
  expect([run.status, run.stderr]).toEqual([3, ""]);
  expect(run.stdout).toBe(
    [
      'error: broken column "name" does not exist [42703]',
      "  since: 0003_rename-name",
      "  query: GetUser (queries.sql:2)",
      "  next: expand first (keep the old name and shape beside the new), contract when no old release runs any more",
      'warning: did-not-work-before it does not work on the old schema either: relation "posts" does not exist [42P01]',
      "  query: ListPosts (queries.sql:5)",
      "  next: is this the old release's query, and --from the last migration that it knows?",
      "2 queries from 0001_add-users to 0003_rename-name (2 migrations)",
      "1 error, 1 warning",
      "",
    ].join("\n"),
  );
  const earlier = await place.run(...words, "--from", "1", "--to", "2");
  expect([earlier.status, earlier.stdout]).toEqual([0, expect.stringContaining("1 warning")]);
});

test.each(serverNames)("compat takes the old schema from what %s has applied, and only reads there", async (server) => {
  using folder = createMigrationFolder(migrations);
  await using scratch = await createScratchDatabase({ server });
  using place = createWorkplace(scratch.url);
  place.write("queries/users.sql", queries);
  place.write("queries/more/posts.sql", "INSERT INTO posts VALUES ($1, $2)");
  const words = ["--dir", folder.directory];
  expect((await place.run("migrate", "up", "--to", "2", ...words)).status).toBe(0);
  const run = await place.run("migrate", "compat", ...words, "--queries", "queries", "--json");
  expect(run.status).toBe(3);
  expect(run.json<CompatResult>()).toMatchObject({
    ok: false,
    from: "0002_add-posts",
    to: "0003_rename-name",
    searchPath: expect.stringContaining("public"),
    migrations: ["0003_rename-name"],
    checkedCount: 3,
    counts: { error: 1, warning: 0, info: 0 },
    findings: [{ kind: "broken", query: "GetUser", line: 2, sqlState: "42703", migration: "0003_rename-name" }],
  });
  const { warnings } = run.json<{ warnings: readonly string[] }>();
  expect(warnings.join()).toContain(server === "postgres15" ? "the target is PostgreSQL 15, which cannot plan" : "");
  await using database = await scratch.open();
  expect(await database.query("SELECT name FROM roomctl.migrations ORDER BY id")).toHaveLength(2);
  await place.run("migrate", ...words);
  const late = await place.run("migrate", "compat", ...words, "--queries", "queries");
  expect(late.stderr).toContain("--from");
});

test("compat's wrong usage says what to type", async () => {
  using folder = createMigrationFolder(migrations);
  using place = createWorkplace();
  place.write("queries.sql", "SELECT 1");
  place.write("tables.sql", "CREATE TABLE t (n int)");
  const cases = [
    [["--queries", "nowhere.sql", "--from", "1"], 1, "cannot read nowhere.sql"],
    [["--queries", "tables.sql", "--from", "1"], 2, "there is no query to check"],
    [["--queries", "queries.sql", "--from", "2", "--to", "1"], 2, "comes before"],
    [["--queries", "queries.sql", "--from", "9"], 2, "is no migration"],
    [["--queries", "queries.sql"], 2, "E_NO_DATABASE"],
    [["--from", "1"], 2, "E_NO_DATABASE"],
    [["--from", "1", "--limit", "none"], 2, "--limit is not a number"],
  ] as const;
  for (const [words, status, text] of cases) {
    const run = await place.run("migrate", "compat", "--dir", folder.directory, ...words);
    expect([words, run.status, run.stderr]).toEqual([words, status, expect.stringContaining(text)]);
  }
});

test("compat without queries asks for pg_stat_statements", async () => {
  using folder = createMigrationFolder(migrations);
  await using scratch = await createScratchDatabase();
  using place = createWorkplace(scratch.url);
  const run = await place.run("migrate", "compat", "--dir", folder.directory);
  expect([run.status, run.stderr]).toEqual([2, expect.stringContaining("pg_stat_statements is not installed")]);
});
