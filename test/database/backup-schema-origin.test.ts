import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { captureSchemaFor } from "../../src/commands/backup-schema.js";
import type { SchemaChoice } from "../../src/commands/backup-schema-options.js";
import type { Settings } from "../../src/commands/command.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { applyMigrations } from "../../src/migrate/apply.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createFakePgDump, pgDump15 } from "../support/pg-dump.js";
import { createScratchDatabase, type ServerName, serverNames } from "../support/postgres.js";

const stateDirectory = mkdtempSync(join(tmpdir(), "roomctl-origin-"));
afterAll(() => rmSync(stateDirectory, { recursive: true, force: true }));

const files = {
  "0001_rooms.up.sql": "CREATE TABLE rooms (id int PRIMARY KEY, title text DEFAULT 'é')",
  "0001_rooms.down.sql": "DROP TABLE rooms",
  "0002_more.sql":
    "-- migrate:up\nCREATE INDEX rooms_title ON rooms (title);\n-- migrate:down\nDROP INDEX rooms_title;\n",
};

const nothing = { searchPath: "", folders: [] };
const major = (server: ServerName) => (server === "postgres18" ? "18" : "15");

function capture(database: Database, directory: string, choice: Partial<SchemaChoice> = {}) {
  const said: string[] = [];
  const setting = <T>(value: T) => ({ value, origin: "test" });
  const settings: Settings = {
    stateDirectory: setting(stateDirectory),
    migrationsDirectory: setting(directory),
    backupRepository: setting(directory),
    environment: setting("development"),
    lockTimeoutMs: setting(3000),
    lockWaitMs: setting(3000),
  };
  const context = {
    settings,
    signal: new AbortController().signal,
    tell: (line: string) => void said.push(line),
    warn: (line: string) => void said.push(`warning: ${line}`),
    onProgress: () => {},
  };
  const schema = captureSchemaFor(context, database, { schema: "auto", programs: nothing, ...choice });
  return { schema, said };
}

async function migrate(database: Database, directory: string): Promise<void> {
  const result = await applyMigrations(database, { directory, environment: "development", lockWaitMs: 5000 });
  expect(result.failure).toBeNull();
}

describe.each(serverNames)("on %s", (server) => {
  test("without pg_dump the migrations that built the database stand for it, as their files are", async () => {
    using folder = createMigrationFolder(files);
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await migrate(database, folder.directory);
    folder.write("0003_later.up.sql", "CREATE TABLE later (id int)");
    const { schema, said } = capture(database, folder.directory);
    expect(await schema()).toEqual({
      origin: "migrations",
      writtenBy: expect.stringMatching(/^roomctl \d/),
      files: Object.entries(files)
        .map(([name, text]) => ({ name, text }))
        .sort((a, b) => (a.name === "0001_rooms.up.sql" ? -1 : b.name === "0001_rooms.up.sql" ? 1 : 0)),
    });
    expect(said[0]).toContain("the schema is kept as migrations, since no pg_dump fits: no pg_dump was found");
    expect(said[0]).toContain(`postgresql-client-${major(server)}`);
    expect(said[1]).toBe("schema: 2 migrations");
  });

  test("migrations that do not describe the database are not used, and asking for them is refused with the reason", async () => {
    using folder = createMigrationFolder(files);
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const reasons: string[] = [];
    const refusal = async () => {
      const { schema } = capture(database, folder.directory, { schema: "migrations" });
      const error = await schema().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "E_SCHEMA", hint: expect.any(String) });
      reasons.push(String(error));
    };
    await refusal();
    await migrate(database, folder.directory);
    await database.execute("CREATE TABLE by_hand (id int); COMMENT ON TABLE rooms IS 'by hand'");
    await refusal();
    await database.execute("DROP TABLE by_hand; COMMENT ON TABLE rooms IS NULL");
    folder.write("0001_rooms.up.sql", `${files["0001_rooms.up.sql"]};`);
    await refusal();
    folder.write("0001_rooms.up.sql", files["0001_rooms.up.sql"]);
    await database.execute("UPDATE roomctl.migrations SET id = 1000 - id");
    await refusal();
    expect(reasons).toEqual([
      expect.stringContaining("no migration was ever applied here"),
      expect.stringMatching(/do not build what is there: .* and 1 more difference/),
      expect.stringContaining("0001_rooms was edited after it was applied"),
      expect.stringContaining("was applied out of the order of the numbers"),
    ]);
  });

  test("what neither pg_dump nor migrations tell is read from the catalog, and the reasons are said", async () => {
    using folder = createMigrationFolder(files);
    await using scratch = await createScratchDatabase({ server });
    await using target = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE by_hand (id int PRIMARY KEY, title text DEFAULT 'é')");
    const { schema, said } = capture(database, folder.directory);
    const captured = await schema();
    if (captured.origin !== "catalog") throw new Error(`not from the catalog: ${captured.origin}`);
    await using copy = await target.open();
    await copy.execute(captured.preData);
    await copy.execute(captured.postData);
    expect(await copy.query("SELECT pg_get_indexdef('public.by_hand_pkey'::regclass) IS NOT NULL AS there")).toEqual([
      { there: true },
    ]);
    expect(said).toEqual([
      expect.stringMatching(/^warning: the schema is kept as roomctl reads it from the catalog.*no pg_dump was found/),
      expect.stringContaining("no migration was ever applied here"),
    ]);
  });

  test("what nothing can tell ends the backup, with every reason and the way out", async () => {
    using folder = createMigrationFolder(files);
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE TABLE hen (id int PRIMARY KEY); CREATE TABLE egg (hen int REFERENCES hen);
      ALTER TABLE egg DISABLE TRIGGER ALL`);
    const error = await capture(database, folder.directory)
      .schema()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "E_UNSUPPORTED",
      message: expect.stringMatching(/unsupported objects: .*no pg_dump fits: .*no migrations: no migration was ever/),
      hint: expect.stringMatching(/postgresql-client-\d+.*--schema none/),
    });
  });

  test("with --schema none nothing is looked at", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const { schema, said } = capture(database, "/nowhere", { schema: "none" });
    expect([await schema(), said]).toEqual([{ origin: "none", why: "--schema none" }, []]);
  });
});

describe.skipIf(!serverNames.includes("postgres15"))("with pg_dump of 15", () => {
  test("it is used on 15 before anything else, and found beside an older one", async () => {
    using older = createFakePgDump("echo 'pg_dump (PostgreSQL) 14.1'");
    await using scratch = await createScratchDatabase({ server: "postgres15" });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE things (id int PRIMARY KEY)");
    const programs = {
      searchPath: join(older.program.path, ".."),
      folders: ["/usr/lib/postgresql/*/bin"],
    };
    const { schema, said } = capture(database, "/nowhere", { programs });
    const captured = await schema();
    if (captured.origin !== "pg_dump") throw new Error(`not from pg_dump: ${captured.origin}`);
    expect(captured.writtenBy).toMatch(/^pg_dump \(PostgreSQL\) 15\.\d+$/);
    expect(captured.preData).toContain("CREATE TABLE public.things");
    expect(captured.postData).toContain("things_pkey");
    expect(said).toEqual([expect.stringMatching(/^schema: pg_dump \(PostgreSQL\) 15\.\d+ \(.*\/15\/bin\/pg_dump\)$/)]);
    // Called again, after a change, it tells of that change.
    await database.execute("ALTER TABLE things RENAME TO renamed");
    const again = await schema();
    expect(again.origin === "pg_dump" && again.preData).toContain("CREATE TABLE public.renamed");
  });

  test("what pg_dump leaves out without a word, since the role may not see it, is warned of", async () => {
    await using scratch = await createScratchDatabase({ server: "postgres15" });
    await using administration = await scratch.open();
    const role = `roomctl_mapper_${process.pid}`;
    await administration.execute(`
      CREATE ROLE ${role} LOGIN PASSWORD 'pass'; CREATE FOREIGN DATA WRAPPER files; CREATE SERVER far FOREIGN DATA WRAPPER files;
      CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (password 'hidden');
      CREATE USER MAPPING FOR ${role} SERVER far OPTIONS (password 'own')`);
    try {
      const warnings = async (database: Database) => {
        const { schema, said } = capture(database, "/nowhere", { pgDump: pgDump15.path });
        const captured = await schema();
        const text = captured.origin === "pg_dump" ? captured.preData : "";
        return [text.includes("'hidden'"), text.includes("'own'"), said.filter((line) => line.startsWith("warning"))];
      };
      expect(await warnings(administration)).toEqual([true, true, []]);
      await using poor = await openDatabase({ ...scratch.target, user: role, password: "pass" });
      expect(await warnings(poor)).toEqual([
        false,
        false,
        [
          `warning: not in the schema, since this role may not read them: options of the user mapping for ${scratch.target.user} at far`,
          `warning: not in the schema, since this role may not read them: options of the user mapping for ${role} at far`,
        ],
      ]);
    } finally {
      await administration.execute(`DROP SERVER far CASCADE; DROP ROLE ${role}`);
    }
  });

  test("one that is too old is refused when it was named or nothing else was wanted", async () => {
    await using scratch = await createScratchDatabase();
    await using database = await scratch.open();
    const outcomes = [
      capture(database, "/nowhere", { pgDump: pgDump15.path }),
      capture(database, "/nowhere", {
        schema: "pg_dump",
        programs: { searchPath: "", folders: ["/usr/lib/postgresql/15/bin"] },
      }),
    ].map(({ schema }) => schema().catch((thrown: unknown) => thrown));
    for (const outcome of outcomes) {
      expect(await outcome).toMatchObject({
        code: "E_CONFIG",
        message: expect.stringMatching(
          /15\/bin\/pg_dump is 15\.\d+, the server is 18\.\d+: pg_dump refuses newer servers/,
        ),
        hint: expect.stringContaining("postgresql-client-18"),
      });
    }
  });
});
