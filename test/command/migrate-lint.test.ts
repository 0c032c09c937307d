import { join } from "node:path";
import { expect, test } from "vitest";
import type { LintResult } from "../../src/lint/run.js";
import { runRoomctl } from "../support/cli.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase } from "../support/postgres.js";

const files = {
  "0001_users.up.sql": "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text);\n",
  "0002_index.up.sql":
    "-- first\nCREATE INDEX users_email ON users (email);\nDO $$ BEGIN EXECUTE format('x'); END $$;\n",
};

const lint = (words: readonly string[], directory: string) =>
  runRoomctl(["migrate", "lint", "--dir", directory, ...words], { workingDirectory: directory });

test("without a database every file is linted, the place of each finding is told, and the exit is 3", async () => {
  using folder = createMigrationFolder(files);
  const { stdout, status } = await lint([], folder.directory);
  expect(status).toBe(3);
  expect(stdout).toMatch(
    /^0002_index\.up\.sql:2:29: error: .*users.* \[index-not-concurrent\]\n {4}why: {3}.*\n {4}safer: .*CONCURRENTLY/m,
  );
  expect(stdout).toContain(
    "0002_index.up.sql:3: not looked at: EXECUTE of a statement that is put together at run time",
  );
  expect(stdout).toMatch(
    /\d+ statements of 2 migrations \(every file; no database: .*1 place not looked at; \d+ errors?, .*: fails on error\n$/,
  );
});

test("--fail-on decides the exit, and --since what is linted", async () => {
  using folder = createMigrationFolder(files);
  expect((await lint(["--fail-on", "none"], folder.directory)).status).toBe(0);
  const since = await lint(["--since", "1", "--json"], folder.directory);
  expect(since.status).toBe(3);
  expect(since.json()).toMatchObject({ ok: false, basis: "since", migrations: ["0002_index"], database: null });
  const nothing = await lint(["--since", "0002_index"], folder.directory);
  expect(nothing.status).toBe(0);
  expect(nothing.stdout).toMatch(/^0 statements of 0 migrations/);
});

test("an ignored finding fails nothing, is counted, and keeps its reason in JSON and SARIF", async () => {
  using folder = createMigrationFolder({
    "0001_users.up.sql": files["0001_users.up.sql"],
    "0002_index.up.sql":
      '-- roomctl-ignore index-not-concurrent, create-without-guard reason="built before the app starts"\nCREATE INDEX users_email ON users (email);\n',
  });
  const text = await lint(["--since", "1"], folder.directory);
  expect(text.stdout).not.toContain("[index-not-concurrent]");
  expect(text.stdout).toMatch(/, [12] ignored/);
  expect((await lint(["--since", "1", "--verbose"], folder.directory)).stdout).toMatch(
    /^0002_index\.up\.sql:2:29: ignored: .* \[index-not-concurrent\]\n {4}reason: built before the app starts$/m,
  );
  const ignored = expect.objectContaining({
    rule: "index-not-concurrent",
    ignoredBecause: "built before the app starts",
  });
  expect((await lint(["--since", "1", "--json"], folder.directory)).json()).toMatchObject({
    findings: expect.arrayContaining([ignored]),
  });
  const sarif = await lint(["--since", "1", "--format", "sarif"], folder.directory);
  expect(JSON.parse(sarif.stdout).runs[0].results).toContainEqual(
    expect.objectContaining({
      ruleId: "index-not-concurrent",
      suppressions: [{ kind: "inSource", justification: "built before the app starts" }],
    }),
  );
});

test("with a database what is pending is linted, what it makes is new, and the size of what is there is told", async () => {
  using folder = createMigrationFolder({
    ...files,
    "0003_fresh.up.sql": "CREATE TABLE fresh (id bigint PRIMARY KEY);\n",
    "0004_index.up.sql": "CREATE INDEX fresh_id ON fresh (id);\n",
  });
  await using scratch = await createScratchDatabase();
  const run = (words: readonly string[]) =>
    runRoomctl(["migrate", ...words, "--dir", folder.directory], { databaseUrl: scratch.url });
  const applied = await run(["up", "--to", "1"]);
  expect(applied).toMatchObject({ status: 0 });
  const { status, json } = await run(["lint", "--json"]);
  const answer = json<LintResult>();
  expect(answer).toMatchObject({ basis: "pending", migrations: ["0002_index", "0003_fresh", "0004_index"] });
  expect(answer.database).not.toContain(scratch.target.password);
  const indexes = answer.findings.filter(({ rule }) => rule === "index-not-concurrent");
  expect(indexes).toMatchObject([{ migration: "0002_index", severity: "warning", table: { name: "users" } }]);
  expect(indexes[0]?.message).toMatch(/\(\d+ kB\)$|\(0 rows, \d+ kB\)$/);
  expect(status).toBe(answer.findings.some(({ severity }) => severity === "error") ? 3 : 0);
});

test("words tell only of those migrations, which know the files before them; a path of the folder is one of them", async () => {
  using folder = createMigrationFolder({ ...files, "0002_index.down.sql": "DROP INDEX users_email;\n" });
  const answer = async (...words: string[]) => (await lint([...words, "--json"], folder.directory)).json<LintResult>();
  expect(await answer("1")).toMatchObject({ migrations: ["0001_users"], basis: "every file", statementCount: 1 });
  for (const word of ["2", "0002_index.up.sql", join(folder.directory, "0002_index.up.sql")]) {
    const { migrations, findings } = await answer(word);
    expect(migrations).toEqual(["0002_index"]);
    expect(findings).toContainEqual(
      expect.objectContaining({ rule: "index-not-concurrent", path: expect.any(String) }),
    );
    expect(findings.every(({ migration }) => migration === "0002_index")).toBe(true);
  }
  expect(await lint(["3"], folder.directory)).toMatchObject({ status: 2 });
  const down = await lint(["0002_index.down.sql"], folder.directory);
  expect(down.status).toBe(0);
  expect(down.stderr).toContain("0002_index.down.sql is not linted");
});

test("a SQL file outside of the folder is linted by itself, and needs no folder", async () => {
  using folder = createMigrationFolder({ "other.txt": "" });
  using elsewhere = createMigrationFolder({ "fix.sql": "\nDROP TABLE old_scores;\n" });
  const path = join(elsewhere.directory, "fix.sql");
  const { status, stdout } = await lint([path], folder.directory);
  expect(status).toBe(3);
  expect(stdout).toMatch(/fix\.sql:2:1: error: .*\[drop-table\]/);
  expect(stdout).toMatch(/^1 statement of 1 file \(by themselves, no database\)/m);
  expect(await lint([join(elsewhere.directory, "gone.sql")], folder.directory)).toMatchObject({
    status: 1,
    stdout: "",
  });
});

test("with a database a named migration is linted whether it is applied or not, a loose file on its schema", async () => {
  using folder = createMigrationFolder(files);
  using elsewhere = createMigrationFolder({ "fix.sql": "CREATE INDEX IF NOT EXISTS users_id ON users (id);" });
  await using scratch = await createScratchDatabase();
  const run = async (...words: string[]) =>
    runRoomctl(["migrate", ...words, "--dir", folder.directory, "--json"], { databaseUrl: scratch.url });
  expect(await run("up", "--to", "1")).toMatchObject({ status: 0 });
  expect((await run("lint", "1")).json()).toMatchObject({ basis: "every file", migrations: ["0001_users"] });
  expect((await run("lint", "2")).json()).toMatchObject({ basis: "pending", migrations: ["0002_index"] });
  const loose = await run("lint", join(elsewhere.directory, "fix.sql"));
  expect(loose.json()).toMatchObject({ basis: "file", findings: [{ table: { name: "users", sizeBytes: 16_384 } }] });
});

test("annotations name the file as the repository does", async () => {
  using folder = createMigrationFolder(files);
  const { stdout } = await lint(["--format", "github"], folder.directory);
  expect(stdout).toMatch(/^::error file=0002_index\.up\.sql,line=2,col=29,title=index-not-concurrent::/m);
  expect(stdout).toMatch(/^::notice file=0002_index\.up\.sql,line=3,col=1,title=not looked at::/m);
});

test("a database that is configured and does not answer is an error, not a lint of files alone", async () => {
  using folder = createMigrationFolder(files);
  const { status, stdout } = await runRoomctl(["migrate", "lint", "--dir", folder.directory], {
    databaseUrl: "postgresql://nobody:x@127.0.0.1:1/nothing",
  });
  expect({ status, stdout }).toEqual({ status: 10, stdout: "" });
});

test("wrong words are usage errors that name the right ones", async () => {
  using folder = createMigrationFolder(files);
  for (const [words, hint] of [
    [["--format", "xml"], "text, sarif, github"],
    [["--fail-on", "all"], "error, warning, info, none"],
    [["--since", "1", "--all"], "give one of them"],
    [["--explain", "no-such-rule"], "migrate lint --rules"],
    [["--since", "no-such"], "0002_index"],
  ] as const) {
    const { status, stderr } = await lint(words, folder.directory);
    expect({ words, status }).toEqual({ words, status: 2 });
    expect(stderr).toContain(hint);
  }
});

test("--rules lists every rule, --explain prints the page of one", async () => {
  using folder = createMigrationFolder({});
  const list = await lint(["--rules"], folder.directory);
  expect(list.stdout).toMatch(/^index-not-concurrent\terror\tlocks\t/m);
  expect((await lint(["--rules", "--json"], folder.directory)).json()).toMatchObject({
    rules: expect.arrayContaining([expect.objectContaining({ id: "index-not-concurrent" })]),
  });
  const page = await lint(["--explain", "index-not-concurrent"], folder.directory);
  expect(page.stdout).toMatch(/^# index-not-concurrent\n/);
});
