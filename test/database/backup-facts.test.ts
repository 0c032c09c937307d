import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { readDatabaseProperties } from "../../src/backup/database-properties.js";
import { largeObjectPageBytes, largeObjectPages, readLargeObjects } from "../../src/backup/large-objects.js";
import { readMaterializedViews } from "../../src/backup/materialized-views.js";
import { readNeeds } from "../../src/backup/needs.js";
import { applyReadSettings } from "../../src/backup/settings.js";
import { quoteIdentifier } from "../../src/db/identifier.js";
import { type Database, openDatabase, type Queryable } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { createScratchDatabase, type ScratchDatabase, serverNames } from "../support/postgres.js";

const suffix = process.pid;
const role = (name: string) => `roomctl_${name}_${suffix}`;

/** Runs `work` with roles of the test's own, which own nothing in the end. */
async function withRoles(
  scratch: ScratchDatabase,
  names: readonly string[],
  work: (database: Database) => Promise<void>,
) {
  await using database = await scratch.open();
  await database.execute(names.map((name) => `CREATE ROLE ${quoteIdentifier(name)} LOGIN PASSWORD 'pass';`).join(" "));
  try {
    await work(database);
  } finally {
    await database.execute("RESET SESSION AUTHORIZATION");
    for (const name of names) {
      const quoted = quoteIdentifier(name);
      await database.execute(
        `REASSIGN OWNED BY ${quoted} TO CURRENT_USER; DROP OWNED BY ${quoted}; DROP ROLE ${quoted}`,
      );
    }
  }
}

/** As the backup reads: in one snapshot, with fixed settings. */
function asBackup<T>(database: Database, work: (queryable: Queryable) => Promise<T>): Promise<T> {
  return withTransaction(database, { isolation: "REPEATABLE READ", readOnly: true }, async (connection) => {
    await applyReadSettings(connection, "transaction");
    return work(connection);
  });
}

test.each(serverNames)("every role that SQL would name is needed, and no other (%s)", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  const odd = `odd "role' ${suffix}`;
  const kinds = [
    "owner",
    "reader",
    "column",
    "policy",
    "default",
    "grantee",
    "mapped",
    "setting",
    "function",
    "grantor",
    "unused",
  ];
  await withRoles(scratch, [odd, ...kinds.map(role)], async (database) => {
    await database.execute(`
      CREATE TABLE things (id int, secret int);
      CREATE TABLE owned (id int); ALTER TABLE owned OWNER TO ${role("owner")};
      CREATE SCHEMA odd; ALTER SCHEMA odd OWNER TO ${quoteIdentifier(odd)};
      GRANT SELECT ON things TO ${role("reader")};
      GRANT SELECT (secret) ON things TO ${role("column")};
      CREATE POLICY own ON things TO ${role("policy")} USING (true);
      ALTER DEFAULT PRIVILEGES FOR ROLE ${role("default")} GRANT SELECT ON TABLES TO ${role("grantee")};
      CREATE FOREIGN DATA WRAPPER files; CREATE SERVER far FOREIGN DATA WRAPPER files;
      CREATE USER MAPPING FOR ${role("mapped")} SERVER far;
      ALTER ROLE ${role("setting")} IN DATABASE ${quoteIdentifier(scratch.target.database)} SET work_mem = '8MB';
      GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() TO ${role("function")};
      GRANT SELECT ON things TO ${role("grantor")} WITH GRANT OPTION;
      GRANT pg_monitor TO ${role("unused")};
      GRANT SELECT ON things TO pg_monitor;
    `);
    const named = kinds.filter((kind) => kind !== "unused").map(role);
    const expected = [odd, scratch.target.user, ...named].sort();
    expect((await asBackup(database, readNeeds)).roles).toEqual(expected);
    // The same for a role that owns nothing and may read nothing.
    await using poor = await openDatabase({ ...scratch.target, user: role("unused"), password: "pass" });
    expect((await asBackup(poor, readNeeds)).roles).toEqual(expected);
  });
});

test.each(serverNames)("the role that initdb made is needed only where something is its own (%s)", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  const alone = role("alone");
  await withRoles(scratch, [alone], async (database) => {
    const initial = scratch.target.user;
    const roles = async () => (await asBackup(database, readNeeds)).roles;
    await database.execute(`ALTER DATABASE ${quoteIdentifier(scratch.target.database)} OWNER TO ${alone}`);
    expect(await roles()).toEqual([alone]);
    await database.execute(`CREATE TABLE things (id int); ALTER TABLE things OWNER TO ${alone}`);
    expect(await roles()).toEqual([alone]);
    for (const [make, drop] of [
      [`GRANT SELECT ON things TO ${initial}`, `REVOKE SELECT ON things FROM ${initial}`],
      [`CREATE POLICY own ON things TO ${initial} USING (true)`, "DROP POLICY own ON things"],
      ["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION f()"],
      ["SELECT lo_create(77)", "SELECT lo_unlink(77)"],
      ["CREATE PUBLICATION feed", "DROP PUBLICATION feed"],
      [`ALTER SCHEMA public OWNER TO ${initial}`, "ALTER SCHEMA public OWNER TO pg_database_owner"],
      [
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC",
      ],
    ] as const) {
      await database.execute(make);
      expect([make, await roles()]).toEqual([make, [alone, initial].sort()]);
      await database.execute(drop);
      expect([drop, await roles()]).toEqual([drop, [alone]]);
    }
  });
});

test.each(serverNames)(
  "extensions are needed with version and schema, and what they made is not named (%s)",
  async (server) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const [available] = await database.query<{ name: string }>(
      "SELECT name FROM pg_available_extensions WHERE name <> 'plpgsql' ORDER BY name = 'citext' DESC, name LIMIT 1",
    );
    expect((await asBackup(database, readNeeds)).extensions).toEqual([]);
    if (available === undefined) return;
    const extension = quoteIdentifier(available.name);
    await database.execute(`CREATE SCHEMA "odd schema"; CREATE EXTENSION ${extension} SCHEMA "odd schema"`);
    const { extensions, roles } = await asBackup(database, readNeeds);
    expect(extensions).toEqual([{ name: available.name, version: expect.stringMatching(/^\d/), schema: "odd schema" }]);
    expect(roles).toEqual([scratch.target.user]);
  },
);

test.each(serverNames)("the database's own properties and settings are read (%s)", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  const name = scratch.target.database;
  const quoted = quoteIdentifier(name);
  await withRoles(scratch, [role("with settings")], async (database) => {
    expect(await asBackup(database, readDatabaseProperties)).toEqual({
      owner: scratch.target.user,
      encoding: "UTF8",
      collate: expect.any(String),
      ctype: expect.any(String),
      localeProvider: "c",
      locale: null,
      connectionLimit: -1,
      comment: null,
      settings: [],
    });
    await database.execute(`
      ALTER DATABASE ${quoted} SET "app.words" = 'a=b, ''c''';
      ALTER DATABASE ${quoted} SET search_path = "odd, schema", public;
      ALTER ROLE ${quoteIdentifier(role("with settings"))} IN DATABASE ${quoted} SET work_mem = '8MB';
      ALTER DATABASE ${quoted} CONNECTION LIMIT 7;
      ALTER DATABASE ${quoted} OWNER TO ${quoteIdentifier(role("with settings"))};
      COMMENT ON DATABASE ${quoted} IS 'it''s mine';
    `);
    expect(await asBackup(database, readDatabaseProperties)).toMatchObject({
      owner: role("with settings"),
      connectionLimit: 7,
      comment: "it's mine",
      settings: [
        { role: null, name: "app.words", value: "a=b, 'c'" },
        { role: null, name: "search_path", value: '"odd, schema", public' },
        { role: role("with settings"), name: "work_mem", value: "8MB" },
      ],
    });
  });
});

test.each(serverNames)("a database with a locale of ICU tells it (%s)", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  const name = `${scratch.target.database}_icu`;
  await using administration = await scratch.open();
  await administration.execute(
    `CREATE DATABASE ${name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' LOCALE 'C' ENCODING 'UTF8'`,
  );
  try {
    await using database = await openDatabase({ ...scratch.target, database: name });
    expect(await asBackup(database, readDatabaseProperties)).toMatchObject({
      localeProvider: "i",
      locale: "de-AT",
      collate: "C",
      ctype: "C",
    });
  } finally {
    await administration.execute(`DROP DATABASE ${name} WITH (FORCE)`);
  }
});

interface Page {
  readonly oid: number;
  readonly number: number;
  readonly bytes: Buffer;
}

/** The bytes of each object as the pages give them, by number. */
function reassemble(pages: readonly Page[]): Readonly<Record<number, string>> {
  const objects: Record<number, Buffer> = {};
  for (const { oid, number, bytes } of pages) {
    const before = objects[oid] ?? Buffer.alloc(0);
    const start = number * largeObjectPageBytes;
    expect(start).toBeGreaterThanOrEqual(before.length);
    objects[oid] = Buffer.concat([before, Buffer.alloc(start - before.length), bytes]);
  }
  return Object.fromEntries(Object.entries(objects).map(([oid, bytes]) => [oid, `${bytes.length} ${md5(bytes)}`]));
}

const md5 = (bytes: Buffer) => createHash("md5").update(bytes).digest("hex");

const objects = `
  SELECT lo_create(1000);
  SELECT lo_from_bytea(1001, '\\x00');
  SELECT lo_from_bytea(1002, convert_to(repeat('0123456789abcdef', 65536), 'UTF8'));
  SELECT lo_from_bytea(1003, convert_to(repeat('0123456789abcdef', 65536) || 'x', 'UTF8'));
  SELECT lo_from_bytea(1004, convert_to(repeat('0123456789abcdef', 200000), 'UTF8'));
  SELECT lo_create(1005), lo_put(1005, 5 * 1048576 + 17, 'after a hole');
  SELECT lo_create(1006), lo_put(1006, 3, 'early'), lo_put(1006, 7 * 1048576 - 1, '\\x0100');
  SELECT lo_from_bytea(1007, decode(repeat('00', 2097152), 'hex'));
  SELECT lo_create(4294967295), lo_put(4294967295, 0, 'the last');
`;

test.each(serverNames)("pages of large objects are exactly their bytes, for their owner too (%s)", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  const owner = role("objects");
  await withRoles(scratch, [owner], async () => {
    await using database = await openDatabase({ ...scratch.target, user: owner, password: "pass" });
    await database.execute(objects);
    const expected = await database.query<{ oid: number; facts: string }>(
      "SELECT oid, length(lo_get(oid)) || ' ' || md5(lo_get(oid)) AS facts FROM pg_largeobject_metadata",
    );
    const pages = await asBackup(database, (queryable) => queryable.query<Page>(largeObjectPages()));
    expect(reassemble(pages)).toEqual(Object.fromEntries(expected.map(({ oid, facts }) => [oid, facts])));
    // Holes are left out, so that they stay holes; the page at the end says how long the object is.
    expect(pages.filter(({ oid }) => oid === 1005).map(({ number }) => number)).toEqual([5]);
    expect(pages.filter(({ oid }) => oid === 1006).map(({ number }) => number)).toEqual([0, 6, 7]);
    expect(pages.filter(({ oid }) => oid === 1007).map(({ number, bytes }) => [number, bytes.length])).toEqual([
      [1, 1048576],
    ]);
    expect(pages.filter(({ oid }) => oid === 1000).map(({ number, bytes }) => [number, bytes.length])).toEqual([
      [0, 0],
    ]);
  });
});

test.each(serverNames)("pages are those of the snapshot, and no descriptor stays open (%s)", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  // More than a session may have open at once, all alike, so that a result kept for another object would show.
  await database.execute(
    "SELECT lo_from_bytea(n, convert_to(repeat('x', n % 7), 'UTF8')) FROM generate_series(20000, 22999) AS n",
  );
  const sizes = await withTransaction(
    database,
    { isolation: "REPEATABLE READ", readOnly: true },
    async (connection) => {
      await applyReadSettings(connection, "transaction");
      await database.execute("SELECT lo_unlink(20003), lo_put(20004, 0, 'changed'), lo_create(30000)");
      const pages = await connection.query<Page>(largeObjectPages());
      await expect(connection.query("SELECT lo_tell(0)")).rejects.toThrow("invalid large-object descriptor");
      return new Map(pages.map(({ oid, bytes }) => [oid, bytes.length]));
    },
  ).catch((error: unknown) => {
    throw error;
  });
  expect(sizes.size).toBe(3000);
  expect([...sizes].filter(([oid, length]) => length !== oid % 7)).toEqual([]);
});

test.each(serverNames)("owner, privileges and comment of large objects come back as they were (%s)", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  const odd = `o"dd ' role ${suffix}`;
  const [keeper, friend] = [role("keeper"), role("friend")];
  await withRoles(scratch, [odd, keeper, friend], async (database) => {
    const quoted = quoteIdentifier(odd);
    await database.execute(`
      SELECT lo_create(n) FROM generate_series(500, 505) AS n;
      ALTER LARGE OBJECT 501 OWNER TO ${quoted};
      COMMENT ON LARGE OBJECT 501 IS E'it''s\\n\\\\ mine';
      ALTER LARGE OBJECT 502 OWNER TO ${keeper};
      GRANT SELECT ON LARGE OBJECT 502 TO PUBLIC;
      GRANT SELECT, UPDATE ON LARGE OBJECT 502 TO ${quoted} WITH GRANT OPTION;
      SET SESSION AUTHORIZATION ${quoted}; GRANT UPDATE ON LARGE OBJECT 502 TO ${friend}; RESET SESSION AUTHORIZATION;
      ALTER LARGE OBJECT 503 OWNER TO ${keeper}; REVOKE ALL ON LARGE OBJECT 503 FROM ${keeper};
      ALTER LARGE OBJECT 504 OWNER TO ${keeper}; REVOKE UPDATE ON LARGE OBJECT 504 FROM ${keeper};
      GRANT UPDATE ON LARGE OBJECT 504 TO ${friend};
      GRANT SELECT ON LARGE OBJECT 504 TO ${friend} WITH GRANT OPTION;
    `);
    const facts = () =>
      database.query(`SELECT oid, pg_get_userbyid(lomowner) AS owner, obj_description(oid, 'pg_largeobject') AS comment,
                             (SELECT array_agg(entry::text ORDER BY entry::text) FROM unnest(lomacl) AS entry) AS acl
                        FROM pg_largeobject_metadata ORDER BY oid`);
    const before = await facts();
    const read = await asBackup(database, readLargeObjects);
    expect(read.map(({ oid, owner }) => [oid, owner])).toEqual([
      [500, scratch.target.user],
      [501, odd],
      [502, keeper],
      [503, keeper],
      [504, keeper],
      [505, scratch.target.user],
    ]);
    await database.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata");
    for (const { oid, statements } of read)
      await database.execute([`SELECT lo_create(${oid})`, ...statements].join(";\n"));
    expect(await facts()).toEqual(before);
  });
});

test.each(serverNames)(
  "large objects that this role may not read are refused by number, before any byte (%s)",
  async (server) => {
    await using scratch = await createScratchDatabase({ server });
    const [reader, group, other] = [role("lo_reader"), role("lo_group"), role("lo_other")];
    await withRoles(scratch, [reader, group, other], async (database) => {
      await using poor = await openDatabase({ ...scratch.target, user: reader, password: "pass" });
      const read = () =>
        asBackup(poor, async (queryable) => {
          await readLargeObjects(queryable);
          return (await queryable.query(largeObjectPages())).length;
        });
      await database.execute("SELECT lo_create(600), lo_create(601)");
      await expect(read()).rejects.toMatchObject({
        code: "E_PRIVILEGE",
        message: `large object 600 of ${scratch.target.user} and 1 more cannot be read`,
      });
      await database.execute(`ALTER LARGE OBJECT 600 OWNER TO ${group}; GRANT ${group} TO ${reader}`);
      await expect(read()).rejects.toThrow(`large object 601 of ${scratch.target.user} cannot be read`);
      // What PUBLIC or a role that it is in may read, it may read.
      await database.execute("GRANT SELECT ON LARGE OBJECT 601 TO PUBLIC");
      expect(await read()).toBe(2);
      await database.execute(
        `REVOKE SELECT ON LARGE OBJECT 601 FROM PUBLIC; GRANT SELECT ON LARGE OBJECT 601 TO ${group}`,
      );
      expect(await read()).toBe(2);
      // An owner without the right is refused like anybody.
      await database.execute(
        `ALTER LARGE OBJECT 601 OWNER TO ${reader}; REVOKE ALL ON LARGE OBJECT 601 FROM ${reader}, ${group}`,
      );
      await expect(read()).rejects.toThrow(`large object 601 of ${reader} cannot be read`);
    });
  },
);

test.each(serverNames)("materialized views come in an order in which they can be refreshed (%s)", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  await database.execute(`
    CREATE SCHEMA "odd ""schema";
    CREATE TABLE base (n int);
    CREATE MATERIALIZED VIEW z_first AS SELECT n FROM base;
    CREATE VIEW between_ AS SELECT n FROM z_first;
    CREATE VIEW again AS SELECT n FROM between_;
    CREATE MATERIALIZED VIEW y_second AS SELECT n FROM again;
    CREATE FUNCTION through() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM y_second; END;
    CREATE FUNCTION further() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT through(); END;
    CREATE MATERIALIZED VIEW "odd ""schema"."x third" AS SELECT further() AS n;
    CREATE MATERIALIZED VIEW a_last AS SELECT a.n FROM "odd ""schema"."x third" AS a, z_first WITH NO DATA;
    CREATE MATERIALIZED VIEW alone AS SELECT 1 AS n;
    CREATE FUNCTION loop(n int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;
    CREATE OR REPLACE FUNCTION loop(n int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN n = 0 THEN 0 ELSE loop(n - 1) END; END;
    CREATE MATERIALIZED VIEW looping AS SELECT loop(2) AS n;
  `);
  expect(await asBackup(database, readMaterializedViews)).toEqual([
    { schema: "public", name: "alone", isPopulated: true },
    { schema: "public", name: "looping", isPopulated: true },
    { schema: "public", name: "z_first", isPopulated: true },
    { schema: "public", name: "y_second", isPopulated: true },
    { schema: 'odd "schema', name: "x third", isPopulated: true },
    { schema: "public", name: "a_last", isPopulated: false },
  ]);
});
