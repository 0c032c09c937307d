import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RoomctlError } from "../../src/core/errors.js";
import { referenceApp } from "../../src/core/reference-app.js";
import { quoteIdentifier } from "../../src/db/identifier.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { openScratch, type ScratchServer } from "../../src/db/scratch.js";
import { type DriftOptions, type DriftReport, findDrift } from "../../src/drift/drift.js";
import { applyMigrations } from "../../src/migrate/apply.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, type ScratchDatabase, type ServerName, serverNames } from "../support/postgres.js";

const stateDirectory = mkdtempSync(join(tmpdir(), "roomctl-drift-"));
const scratchServers = new Map<number, ScratchServer>();

beforeAll(async () => {
  for (const major of serverNames.map(majorOf)) {
    scratchServers.set(major, await openScratch({ directory: stateDirectory, majorVersion: major }));
  }
});
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
        "ALTER ROUTINE public.shout(t text) OWNER TO drift_app;",
      ],
      ["owner of table public.messages", "drift_other", "drift_app", "ALTER TABLE public.messages OWNER TO drift_app;"],
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

  test("compares subscriptions that the files make by name only, and says so", async () => {
    using folder = createMigrationFolder({ "1_t.up.sql": "CREATE TABLE t (a int)" });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await migrate(database, folder.directory);
    const subscribe = (publication: string) =>
      `CREATE SUBSCRIPTION incoming CONNECTION 'host=far' PUBLICATION ${publication} WITH (connect = false, slot_name = NONE)`;
    await database.execute(subscribe("other"));
    expect(namesOf(await drift(database, folder.directory))).toEqual(["live-only subscription incoming"]);
    folder.write("1_t.up.sql", `CREATE TABLE t (a int); ALTER SYSTEM RESET work_mem; ${subscribe("feed")}`);
    const known = await drift(database, folder.directory);
    expect([namesOf(known), known.notes.slice(1)]).toEqual([
      [],
      [
        "subscription incoming: only its name is compared, since nothing subscribes on the scratch server",
        "1_t: ALTER SYSTEM changes the whole server, and is neither built elsewhere nor compared",
      ],
    ]);
    await database.execute("DROP SUBSCRIPTION incoming");
    expect(namesOf(await drift(database, folder.directory))).toEqual(["files-only subscription incoming"]);
  });

  test("proposes repairs that leave nothing, or none at all", async () => {
    using folder = createMigrationFolder({
      "1_t.up.sql": `
        CREATE TABLE t (a text, b text COLLATE "C" DEFAULT 'x', c int NOT NULL DEFAULT 1, d text, e text, f int,
                        g text DEFAULT E'one\\ntwo\\\\', "odd\nname" int);
        ALTER TABLE t ALTER d SET STATISTICS 7, ALTER e SET STORAGE EXTERNAL;
        COMMENT ON COLUMN t."odd\nname" IS 'x';
        CREATE TYPE mood AS ENUM ('sad'); COMMENT ON TYPE mood IS E'line one\\nline ''two'' \\\\ \\t';
        CREATE PROCEDURE tidy() LANGUAGE sql AS 'SELECT 1'; COMMENT ON PROCEDURE tidy() IS 'x'`,
    });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await migrate(database, folder.directory);
    await database.execute(`
      ALTER TABLE t ALTER a TYPE varchar(20), ALTER b DROP DEFAULT, ALTER b TYPE text COLLATE "POSIX", ALTER b SET NOT NULL,
        ALTER c TYPE bigint, ALTER c DROP NOT NULL, ALTER c SET DEFAULT 2, ALTER f SET NOT NULL, ALTER g DROP DEFAULT,
        DROP d, DROP e, DROP "odd\nname";
      ALTER TABLE t ALTER a SET COMPRESSION pglz, ALTER g SET COMPRESSION pglz;
      ALTER TABLE t ALTER f ADD GENERATED ALWAYS AS IDENTITY;
      COMMENT ON TYPE mood IS NULL; COMMENT ON PROCEDURE tidy() IS 'y'`);
    const { findings } = await drift(database, folder.directory);
    const without = findings.filter(({ repair }) => repair === null).map(({ object }) => object);
    expect(without).toEqual(["column public.t f", "sequence public.t_f_seq"]);
    const comment = findings.find(({ object }) => object === "comment on type public.mood");
    expect(comment?.repair).toBe(String.raw`COMMENT ON TYPE public.mood IS E'line one\nline ''two'' \\ \u0009';`);
    for (const { repair } of findings) {
      expect(repair ?? "").not.toMatch(/\p{Cc}/u);
      await database.execute(repair ?? "");
    }
    // What was dropped came back at the end, and what hung on it is told now.
    expect(namesOf(await drift(database, folder.directory))).toEqual([
      "changed column public.t f",
      'files-only comment on column public.t."odd\nname"',
      "live-only sequence public.t_f_seq",
      "changed order of columns of public.t",
    ]);
  });

  test("tells what was taken from PUBLIC beside what PostgreSQL gives, and how to give it back", async () => {
    using folder = createMigrationFolder({
      "1_f.up.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE mood AS ENUM ('a')",
    });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await migrate(database, folder.directory);
    const name = quoteIdentifier(scratch.target.database);
    await database.execute(`
      REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC; REVOKE USAGE ON TYPE mood FROM PUBLIC;
      REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC; ALTER DATABASE ${name} CONNECTION LIMIT 7;
      REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC; REVOKE USAGE ON LANGUAGE sql FROM PUBLIC`);
    const { findings } = await drift(database, folder.directory);
    expect(findings.map(({ kind, object, live, files }) => [kind, object, live, files])).toEqual([
      ["changed", "connection limit of the database", "7", "none"],
      ["changed", "privileges on function public.f() to public", "none", "EXECUTE"],
      ["changed", "privileges on language plpgsql to public", "none", "USAGE"],
      ["changed", "privileges on language sql to public", "none", "USAGE"],
      ["changed", "privileges on the database to public", "TEMPORARY", "CONNECT, TEMPORARY"],
      ["changed", "privileges on type public.mood to public", "none", "USAGE"],
    ]);
    for (const { repair } of findings) await database.execute(repair ?? "");
    expect(namesOf(await drift(database, folder.directory))).toEqual([]);
  });

  test("tells a type with what makes it up, and in words", async () => {
    using folder = createMigrationFolder({ "1_t.up.sql": "CREATE TABLE t (a int)" });
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await migrate(database, folder.directory);
    await database.execute(`
      CREATE TYPE span AS RANGE (subtype = float8);
      CREATE TYPE pair AS (a int, b text);
      CREATE DOMAIN positive AS int CHECK (VALUE > 0);
      CREATE FOREIGN DATA WRAPPER files; CREATE SERVER far FOREIGN DATA WRAPPER files;
      CREATE FOREIGN TABLE away (n int) SERVER far OPTIONS (path '/x');
      CREATE VIEW v AS SELECT 1 AS n;
      CREATE COLLATION plain FROM "C";
      CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int, initcond = '0')`);
    const { findings } = await drift(database, folder.directory);
    expect(findings.map(({ object, live }) => `${object}: ${live}`)).toEqual([
      expect.stringMatching(/^collation public.plain: provider libc lc_collate 'C' lc_ctype 'C' deterministic/),
      expect.stringMatching(/^foreign data wrapper files: /),
      "foreign table public.away: (n integer) server far options path '/x'",
      expect.stringMatching(
        /^function public.total\(integer\): aggregate returning integer state function int4pl state integer start '0'/,
      ),
      "server far: wrapper files",
      "type public.pair: composite (a integer, b text)",
      "type public.positive: domain integer CHECK ((VALUE > 0))",
      expect.stringMatching(/^type public.span: range of double precision/),
      "view public.v:  SELECT 1 AS n;",
    ]);
    expect(JSON.stringify(findings)).not.toMatch(/\{\\"/);
  });

  test("says which relation is locked against reading, and by whom", async () => {
    using folder = createMigrationFolder({ "1_t.up.sql": "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t" });
    await using scratch = await createScratchDatabase({ server });
    await using holding = await scratch.open({ applicationName: "holder" });
    await migrate(holding, folder.directory);
    await using holder = await holding.connect();
    await holder.execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; LOCK TABLE roomctl.migrations");
    await using database = await scratch.open({ lockTimeoutMs: 200 });
    await expect(drift(database, folder.directory)).rejects.toMatchObject({
      code: "E_LOCK_TIMEOUT",
      message: expect.stringMatching(
        /^\S+ \(and \d more\) is locked against reading by session \d+ \(holder as \w+\)$/,
      ),
      hint: expect.stringMatching(/pg_terminate_backend\(\d+\).*: roomctl migrate drift$/),
    });
    await holder.execute("ROLLBACK");
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
