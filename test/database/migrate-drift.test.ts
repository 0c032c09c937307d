import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RoomctlError } from "../../src/core/errors.js";
import { referenceApp } from "../../src/core/reference-app.js";
import { quoteIdentifier } from "../../src/db/identifier.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { openScratch, type ScratchServer } from "../../src/db/scratch.js";
import { applyMigrations } from "../../src/migrate/apply.js";
import { type DriftOptions, type DriftReport, findDrift } from "../../src/drift/drift.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, type ScratchDatabase, type ServerName, serverNames } from "../support/postgres.js";

const stateDirectory = mkdtempSync(join(tmpdir(), "roomctl-drift-"));
const scratchServers = new Map<number, ScratchServer>();

beforeAll(async () => {
  for (const major of serverNames.map(majorOf)) {
    scratchServers.set(major, await openScratch({ directory: stateDirectory, majorVersion: major }));
  }
}, 120_000);
afterAll(async () => {
  for (const server of scratchServers.values()) await server[Symbol.asyncDispose]();
  rmSync(stateDirectory, { recursive: true, force: true });
});

function majorOf(server: ServerName): number {
  return Number(/\d+/.exec(server)?.[0]);
}

/** One scratch server for all tests of this file, so that it must not be closed by them. */
function openShared(major: number): ScratchServer {
  const server = scratchServers.get(major);
  if (server === undefined) throw new Error(`no scratch server of ${major}`);
  return { ...server, async [Symbol.asyncDispose]() {} };
}

function drift(database: Database, directory: string, options: Partial<DriftOptions> = {}): Promise<DriftReport> {
  return findDrift(database, {
    directory,
    openScratch: async (major) => openShared(major),
    mayCreateRoles: true,
    ...options,
  });
}

async function migrate(database: Database, directory: string): Promise<void> {
  const result = await applyMigrations(database, { directory, environment: "development", lockWaitMs: 5000 });
  expect(result.failure).toBeNull();
}

const namesOf = ({ findings }: DriftReport) => findings.map(({ kind, object }) => `${kind} ${object}`);

/** Logs in as another role, made for this test, that owns the database and is no superuser. */
async function asRole(scratch: ScratchDatabase, role: string): Promise<Database> {
  await using administration = await scratch.open();
  await administration.execute(`
    DO $$ BEGIN IF to_regrole('${role}') IS NULL THEN CREATE ROLE ${role} LOGIN PASSWORD 'pass'; END IF; END $$`);
  await administration.execute(`ALTER DATABASE ${quoteIdentifier(scratch.target.database)} OWNER TO ${role}`);
  return openDatabase({ ...scratch.target, user: role, password: "pass" });
}

const chat = {
  "0001_rooms.up.sql": `CREATE TABLE rooms (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL DEFAULT '', note text);
    CREATE INDEX rooms_title ON rooms (title);
    GRANT SELECT ON rooms TO drift_reader;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO drift_reader;`,
  "0002_messages.up.sql": `CREATE TABLE messages (id serial PRIMARY KEY, room bigint REFERENCES rooms, body text);
    CREATE FUNCTION shout(t text) RETURNS text LANGUAGE sql AS 'SELECT upper(t)';
    CREATE VIEW long_messages AS SELECT id FROM messages WHERE length(body) > 100;`,
};
const makeReader = `
  DO $$ BEGIN
    PERFORM pg_advisory_xact_lock(7302);
    IF to_regrole('drift_reader') IS NULL THEN CREATE ROLE drift_reader; CREATE ROLE drift_other; END IF;
  END $$`;

describe.each(serverNames)("drift on %s", (server) => {
  test("of the reference app, freshly migrated, is none; five changes by hand are the five that are named", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(makeReader);
    const directory = referenceApp.migrationsDirectory;
    await migrate(database, directory);
    expect(namesOf(await drift(database, directory))).toEqual([]);
    await database.execute(`
      DROP INDEX public.sessions_user_id_idx;
      ALTER TABLE users ALTER COLUMN name SET DEFAULT 'Nobody';
      GRANT UPDATE ON users TO drift_reader;
      ALTER TABLE friendships OWNER TO drift_other;
      ALTER TABLE direct_messages ALTER COLUMN body SET STORAGE EXTERNAL;`);
    const report = await drift(database, directory);
    expect(namesOf(report)).toEqual([
      "changed column public.direct_messages body",
      "changed column public.users name",
      "files-only index public.sessions_user_id_idx",
      "changed owner of table public.friendships",
      "live-only privileges on table public.users to drift_reader",
    ]);
    // What is proposed, done, leaves nothing to propose.
    await using connection = await database.connect();
    for (const { repair, object } of report.findings) {
      expect(repair, object).not.toBeNull();
      await connection.execute(repair ?? "");
    }
    expect(namesOf(await drift(database, directory))).toEqual([]);
  });

  test("is none where the migrator is no superuser and the scratch server's role another", async () => {
    using folder = createMigrationFolder(chat);
    await using scratch = await createScratchDatabase({ server });
    await using administration = await scratch.open();
    await administration.execute(makeReader);
    await using database = await asRole(scratch, "drift_app");
    await migrate(database, folder.directory);
    const report = await drift(database, folder.directory);
    expect([report.migrator, namesOf(report)]).toEqual(["drift_app", []]);
    await administration.execute(
      "ALTER TABLE messages OWNER TO drift_other; ALTER FUNCTION shout(text) OWNER TO drift_other",
    );
    const changed = await drift(database, folder.directory);
    expect(changed.findings.map(({ object, live, files, repair }) => [object, live, files, repair])).toEqual([
      [
        "owner of function public.shout(t text)",
        "drift_other",
        "drift_app",
        'ALTER FUNCTION public.shout(t text) OWNER TO "drift_app";',
      ],
      [
        "owner of table public.messages",
        "drift_other",
        "drift_app",
        'ALTER TABLE public.messages OWNER TO "drift_app";',
      ],
    ]);
  });

  test("is none on a scratch server where no role may be made, either", async () => {
    using folder = createMigrationFolder(chat);
    await using scratch = await createScratchDatabase({ server });
    await using administration = await scratch.open();
    await administration.execute(makeReader);
    await using database = await asRole(scratch, "drift_app");
    await migrate(database, folder.directory);
    expect(namesOf(await drift(database, folder.directory, { mayCreateRoles: false }))).toEqual([]);
    await administration.execute("ALTER TABLE messages OWNER TO drift_other");
    expect(namesOf(await drift(database, folder.directory, { mayCreateRoles: false }))).toEqual([
      "changed owner of table public.messages",
    ]);
  });

  test("names an object once, not with all that is part of it, and leaves out what is ignored", async () => {
    using folder = createMigrationFolder(chat);
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(makeReader);
    await migrate(database, folder.directory);
    await database.execute(`
      DROP VIEW long_messages;
      CREATE TABLE extra_1 (id serial PRIMARY KEY, room bigint REFERENCES rooms); COMMENT ON COLUMN extra_1.id IS 'x';
      CREATE TABLE extra_2 (LIKE extra_1 INCLUDING ALL);
      ALTER TABLE rooms DROP COLUMN title;
      ALTER TABLE rooms ADD UNIQUE (note);
      CREATE OR REPLACE FUNCTION shout(t text) RETURNS text LANGUAGE sql AS 'SELECT lower(t)';`);
    const report = await drift(database, folder.directory);
    expect(namesOf(report)).toEqual([
      "files-only column public.rooms title",
      "live-only constraint public.rooms rooms_note_key",
      "changed function public.shout(t text)",
      "files-only index public.rooms_title",
      "live-only table public.extra_1",
      "live-only table public.extra_2",
      "files-only view public.long_messages",
    ]);
    const ignored = await drift(database, folder.directory, {
      ignore: ["table public.extra_?", "public.rooms", "view *"],
    });
    expect([namesOf(ignored), ignored.ignoredCount]).toEqual([["changed function public.shout(t text)"], 6]);
  });

  test("tells of columns in another order", async () => {
    using folder = createMigrationFolder({ "1_t.up.sql": "CREATE TABLE t (a int, b int, c int)" });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await migrate(database, folder.directory);
    await database.execute("ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a int");
    const { findings } = await drift(database, folder.directory);
    expect(findings).toMatchObject([{ object: "order of columns of public.t", live: "b, c, a", files: "a, b, c" }]);
  });

  test("is read without writing anything, by a role that may only read roomctl's tables", async () => {
    using folder = createMigrationFolder(chat);
    await using scratch = await createScratchDatabase({ server });
    await using administration = await scratch.open();
    await administration.execute(makeReader);
    await migrate(administration, folder.directory);
    await administration.execute(`
      CREATE FOREIGN DATA WRAPPER files; CREATE SERVER far FOREIGN DATA WRAPPER files;
      CREATE USER MAPPING FOR drift_reader SERVER far OPTIONS (user 'u', password 'topsecret');
      REVOKE SELECT ON pg_catalog.pg_event_trigger FROM PUBLIC;
      DO $$ BEGIN IF to_regrole('drift_looker') IS NULL THEN CREATE ROLE drift_looker LOGIN PASSWORD 'pass'; END IF; END $$;
      GRANT USAGE ON SCHEMA roomctl TO drift_looker; GRANT SELECT ON ALL TABLES IN SCHEMA roomctl TO drift_looker;`);
    // The server refuses this role anything that writes.
    await administration.execute("ALTER ROLE drift_looker SET default_transaction_read_only = on");
    await using database = await openDatabase({ ...scratch.target, user: "drift_looker", password: "pass" });
    await expect(database.execute("CREATE TEMPORARY SEQUENCE s; SELECT nextval('rooms_id_seq')")).rejects.toThrow();
    const report = await drift(database, folder.directory);
    expect(namesOf(report)).toEqual([
      "live-only foreign data wrapper files",
      "live-only server far",
      "live-only user mapping for drift_reader server far",
    ]);
    expect(report.unread).toEqual(["pg_event_trigger", "options of user mappings"]);
    expect(JSON.stringify(report)).not.toContain("topsecret");
  });

  test("needs an applied migration and the files of all of them, and says which were edited", async () => {
    using folder = createMigrationFolder({
      "1_a.up.sql": "CREATE TABLE a (n int)",
      "2_b.up.sql": "CREATE TABLE b (n int)",
    });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await expect(drift(database, folder.directory)).rejects.toMatchObject({
      code: "E_SCHEMA",
      message: expect.stringContaining("no migration was ever applied"),
    } satisfies Partial<RoomctlError>);
    await migrate(database, folder.directory);
    folder.write("1_a.up.sql", "CREATE TABLE a (n bigint)");
    const edited = await drift(database, folder.directory);
    expect(edited.notes).toEqual(["1_a was edited after it was applied: compared with the file as it is now"]);
    expect(edited.findings).toMatchObject([{ object: "column public.a n", live: "integer", files: "bigint" }]);
    folder.remove("2_b.up.sql");
    await expect(drift(database, folder.directory)).rejects.toMatchObject({
      code: "E_SCHEMA",
      message: expect.stringContaining("2_b is applied, but not in"),
    });
  });
});

test.skipIf(serverNames.length < 2)(
  "on a scratch server of another major version, names and columns are compared",
  async () => {
    using folder = createMigrationFolder(chat);
    await using scratch = await createScratchDatabase({ server: "postgres15" });
    await using database = await scratch.open();
    await database.execute(makeReader);
    await migrate(database, folder.directory);
    const other = { openScratch: async () => openShared(18) };
    const report = await drift(database, folder.directory, other);
    expect([report.liveMajorVersion, report.scratchMajorVersion, namesOf(report)]).toEqual([15, 18, []]);
    await database.execute(
      "ALTER TABLE rooms ALTER COLUMN note SET NOT NULL, ALTER COLUMN note SET DEFAULT 'x'; DROP INDEX rooms_title",
    );
    expect(namesOf(await drift(database, folder.directory, other))).toEqual([
      "changed column public.rooms note",
      "files-only index public.rooms_title",
    ]);
  },
);
