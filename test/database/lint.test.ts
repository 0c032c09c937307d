import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { quoteIdentifier } from "../../src/db/identifier.js";
import { lintFiles } from "../../src/lint/run.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const pending = { all: false };
const applied = "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text)";
const folderOf = (sql: string) => createMigrationFolder({ "0001_users.up.sql": applied, "0002_next.up.sql": sql });
const pgDump = "/usr/lib/postgresql/15/bin/pg_dump";

describe.each(serverNames)("%s", (server) => {
  test("an index on a table with many rows is an error, on one with few a warning, each with its size", async () => {
    using folder = folderOf("CREATE INDEX users_email ON users (email)");
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(
      `${applied}; INSERT INTO users (email) SELECT 'a' FROM generate_series(1, 100); ANALYZE users`,
    );
    const files = readMigrationFiles(folder.directory);
    const since = { since: "1", all: false };
    const hit = async () =>
      (await lintFiles(files, since, database)).findings.find(({ rule }) => rule === "index-not-concurrent");

    expect(await hit()).toMatchObject({ severity: "warning", message: expect.stringContaining("(100 rows, ") });
    await database.execute("UPDATE pg_class SET reltuples = 12e6 WHERE oid = 'users'::regclass");
    const big = await hit();
    expect(big).toMatchObject({ severity: "error", table: { name: "users", rows: 12_000_000 } });
    expect(big?.message).toMatch(/\(12\.0M rows, \d+ kB\)$/);
  });

  test("partitions count for the partitioned table", async () => {
    using folder = folderOf("CREATE INDEX log_at ON log (at)");
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`CREATE TABLE log (at int) PARTITION BY RANGE (at);
      CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (10); CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM (10) TO (20);
      UPDATE pg_class SET reltuples = 3e6 WHERE oid IN ('log_1'::regclass, 'log_2'::regclass)`);
    const { findings } = await lintFiles(readMigrationFiles(folder.directory), pending, database);
    expect(findings.filter(({ table }) => table?.name === "log")).toContainEqual(
      expect.objectContaining({ table: expect.objectContaining({ rows: 6_000_000 }) }),
    );
  });

  test("it writes nothing: a read-only database is linted, and has the same dump before and after", async () => {
    using folder = folderOf("CREATE INDEX users_email ON users (email)");
    await using scratch = await createScratchDatabase({ server });
    {
      await using database = await scratch.open();
      await database.execute(applied);
      const name = quoteIdentifier(scratch.target.database);
      await database.execute(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    }
    const dump = () => (server === "postgres15" && existsSync(pgDump) ? dumpOf(scratch.url) : undefined);
    const before = dump();
    await using database = await scratch.open();
    const { findings, basis } = await lintFiles(readMigrationFiles(folder.directory), pending, database);
    expect(basis).toBe("pending");
    expect(findings.length).toBeGreaterThan(0);
    expect(dump()).toBe(before);
    expect(await database.query("SELECT FROM pg_namespace WHERE nspname = 'roomctl'")).toEqual([]);
  });

  test("tables that the pending files make are new, those of the target are old", async () => {
    using folder = createMigrationFolder({
      "0001_fresh.up.sql": "CREATE TABLE fresh (id bigint PRIMARY KEY, a int)",
      "0002_next.up.sql": "CREATE INDEX ON fresh (a); CREATE INDEX ON users (email)",
    });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(applied);
    const { findings } = await lintFiles(readMigrationFiles(folder.directory), pending, database);
    const indexes = findings.filter(({ rule }) => rule === "index-not-concurrent");
    expect(indexes.map(({ table }) => table?.name)).toEqual(["users"]);
  });

  test("a table that somebody has locked is not waited for", async () => {
    using folder = folderOf("CREATE INDEX users_email ON users (email)");
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`${applied}; ALTER TABLE users ADD CHECK (email <> '')`);
    await using holder = await database.connect();
    await holder.execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
    const { findings } = await lintFiles(readMigrationFiles(folder.directory), pending, database);
    await holder.execute("ROLLBACK");
    const index = findings.find(({ rule }) => rule === "index-not-concurrent");
    // How large it is could not be seen, so nothing speaks for a milder word.
    expect(index).toMatchObject({ severity: "error", table: { name: "users", sizeBytes: null } });
  });
});

function dumpOf(url: string): string {
  // Newer releases of pg_dump write a random word into \restrict.
  return execFileSync(pgDump, [url], { encoding: "utf8" }).replace(/^\\(un)?restrict .*$/gm, "");
}
