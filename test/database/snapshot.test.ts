import { describe, expect, test } from "vitest";
import { openDatabase } from "../../src/db/pool.js";
import {
  compareSnapshots,
  readSchema,
  readSchemaSnapshot,
  type SchemaSnapshot,
  schemaFingerprint,
  snapshotLines,
  snapshotOf,
} from "../../src/db/snapshot.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { richRoles, richSchema } from "../support/rich-schema.js";

/** Statements that do not need each other, so that any order makes the same schema. */
const independent = Array.from({ length: 8 }, (_, n) => [
  `CREATE TABLE t${n} (a int PRIMARY KEY, b text DEFAULT 'x', c serial); CREATE INDEX ON t${n} (b); COMMENT ON TABLE t${n} IS 'n'`,
  `CREATE TYPE e${n} AS ENUM ('a', 'b'); CREATE DOMAIN d${n} AS e${n} NOT NULL`,
  `CREATE FUNCTION f${n}(n int) RETURNS int LANGUAGE sql AS 'SELECT ${n}'; GRANT EXECUTE ON FUNCTION f${n} TO rich_reader`,
  `CREATE SCHEMA s${n}; CREATE VIEW s${n}.v AS SELECT ${n} AS n; GRANT SELECT, UPDATE ON s${n}.v TO rich_other, rich_reader`,
  `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ${["SELECT", "INSERT", "UPDATE", "DELETE"][n % 4]} ON TABLES TO rich_other`,
]).flat();

/** The same sequence every time: a failure can be run again. */
function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  let state = seed;
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

describe.each(serverNames)("a schema snapshot on %s", (server) => {
  test("is the same in whatever of 120 orders the objects were made", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    await connection.execute(richRoles);
    const fingerprints = new Set<string>();
    for (let seed = 1; seed <= 120; seed++) {
      await connection.execute("BEGIN");
      // Privileges by default depend on what was there before: not with these.
      const statements = shuffled(
        independent.filter((sql) => !sql.startsWith("ALTER DEFAULT")),
        seed,
      );
      const defaults = shuffled(
        independent.filter((sql) => sql.startsWith("ALTER DEFAULT")),
        seed,
      );
      await connection.execute([...statements, ...defaults].join(";"));
      fingerprints.add(schemaFingerprint(await readSchemaSnapshot(connection)));
      await connection.execute("ROLLBACK");
    }
    expect(fingerprints.size).toBe(1);
  });

  test("is the same of two databases built alike, by roles of other names", async () => {
    const snapshots: SchemaSnapshot[] = [];
    for (const role of ["rich_builder_a", "rich_builder_b"]) {
      await using scratch = await createScratchDatabase({ server });
      await using administration = await scratch.open();
      await administration.execute(richRoles);
      await administration.execute(
        `DO $$ BEGIN IF to_regrole('${role}') IS NULL THEN CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD 'pass'; END IF; END $$`,
      );
      await using database = await openDatabase({ ...scratch.target, user: role, password: "pass" });
      await database.execute(richSchema);
      snapshots.push(await readSchemaSnapshot(database));
      // Whoever reads, when told who migrated.
      expect(await readSchemaSnapshot(administration, { migrators: [role] })).toEqual(snapshots.at(-1));
      expect(await readSchemaSnapshot(administration)).not.toEqual(snapshots.at(-1));
    }
    const [first = {}, second = {}] = snapshots;
    expect(compareSnapshots(first, second)).toEqual([]);
  });

  test("is read whole by a role that may do nothing, and never shows a password", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using administration = await scratch.open();
    await administration.execute(richRoles);
    await administration.execute(richSchema);
    await administration.execute(`
      DO $$ BEGIN IF to_regrole('rich_nobody') IS NULL THEN CREATE ROLE rich_nobody LOGIN PASSWORD 'pass'; END IF; END $$;
      REVOKE ALL ON SCHEMA public FROM PUBLIC`);
    await administration.execute(`ALTER DATABASE "${scratch.target.database}" SET app.jwt_secret = 'third'`);
    const migrators = [administration.target.user];
    const whole = await readSchema(administration, { migrators });
    expect(whole.unread).toEqual([]);
    await using database = await openDatabase({ ...scratch.target, user: "rich_nobody", password: "pass" });
    const seen = await readSchema(database, { migrators });
    expect(seen.unread).toEqual(["options of user mappings"]);
    const differing = compareSnapshots(snapshotOf(whole), snapshotOf(seen)).map((line) => line.split(": ")[0]);
    expect(differing).toEqual([
      "- user mapping for rich_reader server far",
      "+ user mapping for rich_reader server far",
    ]);
    const text = snapshotLines(snapshotOf(whole)).join("\n");
    expect(text).toContain("server far: wrapper files options host 'a', password (hidden)");
    expect(text).toContain("setting app.jwt_secret of the database: (hidden)");
    expect(text).not.toMatch(/'first'|'second'|third/);
  });

  test("leaves out what a revoked catalog would say, and says which", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using administration = await scratch.open();
    await administration.execute(richRoles);
    await administration.execute(
      `${richSchema}; REVOKE SELECT ON pg_catalog.pg_publication, pg_catalog.pg_cast FROM PUBLIC`,
    );
    await administration.execute(
      "DO $$ BEGIN IF to_regrole('rich_nobody') IS NULL THEN CREATE ROLE rich_nobody LOGIN PASSWORD 'pass'; END IF; END $$",
    );
    await using database = await openDatabase({ ...scratch.target, user: "rich_nobody", password: "pass" });
    const { facts, unread } = await readSchema(database);
    expect(unread).toEqual(["pg_cast", "pg_publication", "options of user mappings"]);
    const kinds = new Set(facts.map(({ key }) => key.split(" ")[0]));
    expect([kinds.has("table"), kinds.has("cast"), kinds.has("publication")]).toEqual([true, false, false]);
    // The same view of the database for somebody who could see more.
    const leftOut = await readSchema(administration, { leftOut: unread });
    expect(leftOut.unread).toEqual(["pg_cast", "pg_publication"]);
  });

  test("tells of subscriptions, without where they connect to", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    await connection.execute("BEGIN");
    await connection.execute(
      "CREATE SUBSCRIPTION incoming CONNECTION 'host=far password=fourth' PUBLICATION feed WITH (connect = false, slot_name = 'slot')",
    );
    const before = await readSchemaSnapshot(connection);
    expect(before["subscription incoming"]).toMatch(/^disabled publications feed slot slot/);
    expect(JSON.stringify(before)).not.toMatch(/fourth|host/);
    for (const change of [
      "SET (binary = true)",
      "SET PUBLICATION other WITH (refresh = false)",
      "SET (slot_name = NONE)",
    ]) {
      await connection.execute(`SAVEPOINT s; ALTER SUBSCRIPTION incoming ${change}`);
      expect(compareSnapshots(before, await readSchemaSnapshot(connection)), change).toHaveLength(2);
      await connection.execute("ROLLBACK TO s");
    }
    await connection.execute("ROLLBACK");
  });

  test("leaves the session as it was, after a failure too", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    const settings =
      "SELECT current_setting('search_path') AS path, current_setting('quote_all_identifiers') AS quote, current_setting('jit') AS jit";
    await connection.execute("SET search_path = a, b; SET quote_all_identifiers = on; SET jit = on");
    const before = await connection.query(settings);
    await readSchemaSnapshot(connection);
    expect(await connection.query(settings)).toEqual(before);
    await expect(readSchemaSnapshot(connection, { schemas: ["\0"] })).rejects.toThrow();
    expect(await connection.query(settings)).toEqual(before);
  });
});
