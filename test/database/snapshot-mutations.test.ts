import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { mapParallel } from "../../src/core/parallel.js";
import { compareSnapshots, readSchemaSnapshot, schemaFingerprint } from "../../src/db/snapshot.js";
import { makeTablespace } from "../support/catalog.js";
import { createScratchDatabase, type ScratchDatabase, serverNames } from "../support/postgres.js";
import { richRoles, richSchema } from "../support/rich-schema.js";
import { mutations, mutations18, sameAgain } from "../support/schema-mutations.js";

async function buildRich(scratch: ScratchDatabase): Promise<void> {
  await using database = await scratch.open();
  await using connection = await database.connect();
  await connection.execute(richRoles);
  await makeTablespace(scratch);
  await connection.execute(richSchema);
}

const forDatabase = (sql: string, scratch: ScratchDatabase) => sql.replaceAll("%database%", scratch.target.database);

describe.each(serverNames)("a schema snapshot on %s", (server) => {
  const cases = server === "postgres18" ? [...mutations, ...mutations18] : mutations;

  test(`names what each of ${cases.length} changes changed`, async () => {
    await using scratch = await createScratchDatabase({ server });
    await buildRich(scratch);
    await using database = await scratch.open();
    await using connection = await database.connect();
    const before = await readSchemaSnapshot(connection);
    const missed: string[] = [];
    for (const [sql, key] of cases) {
      await connection.execute("BEGIN");
      await connection.execute(forDatabase(sql, scratch)).catch((error: unknown) => missed.push(`${sql}: ${error}`));
      const lines = compareSnapshots(before, await readSchemaSnapshot(connection));
      if (!lines.some((line) => line.slice(2).startsWith(`${key}: `))) missed.push(`${sql}: ${lines.join(" | ")}`);
      await connection.execute("ROLLBACK");
    }
    expect(missed).toEqual([]);
    expect(compareSnapshots(before, await readSchemaSnapshot(connection))).toEqual([]);
  });

  test("is the same after changes that were taken back, and after data", async () => {
    await using scratch = await createScratchDatabase({ server });
    await buildRich(scratch);
    await using database = await scratch.open();
    await using connection = await database.connect();
    const before = await readSchemaSnapshot(connection);
    for (const sql of sameAgain) {
      await connection.execute("BEGIN");
      await connection.execute(sql);
      expect(compareSnapshots(before, await readSchemaSnapshot(connection)), sql).toEqual([]);
      await connection.execute("ROLLBACK");
    }
  });
});

const programs = "/usr/lib/postgresql/15/bin";

describe.skipIf(!serverNames.includes("postgres15"))("beside pg_dump -s of PostgreSQL 15", () => {
  const changes = [...mutations, ...sameAgain.map((sql) => [sql, "", undefined] as const)];
  test(`a fingerprint is equal exactly when the dump is, over ${changes.length} changes`, async () => {
    await using rich = await createScratchDatabase({ server: "postgres15" });
    await buildRich(rich);
    const first = { dump: await dumpSchema(rich), fingerprint: await fingerprintOf(rich) };
    const disagreements: string[] = [];
    // Most of it is waiting for pg_dump and for copies of the database.
    await mapParallel(changes, 3, async ([sql, , notInDump]) => {
      await using copy = await createScratchDatabase({ server: "postgres15", template: rich.target.database });
      await execute(copy, forDatabase(sql, copy));
      const isDumpEqual = (await dumpSchema(copy)) === first.dump;
      const isEqual = (await fingerprintOf(copy)) === first.fingerprint;
      // What the dump is known not to show, it must not show: a reason that no longer holds would hide a fault.
      const isAsExpected = notInDump === undefined ? isDumpEqual === isEqual : isDumpEqual && !isEqual;
      if (!isAsExpected) disagreements.push(`${sql}: dump ${isDumpEqual}, fingerprint ${isEqual}`);
    });
    expect(disagreements).toEqual([]);
  });
});

async function execute(scratch: ScratchDatabase, sql: string): Promise<void> {
  await using database = await scratch.open({ maxConnections: 1 });
  await database.execute(sql);
}

async function fingerprintOf(scratch: ScratchDatabase): Promise<string> {
  await using database = await scratch.open({ maxConnections: 1 });
  return schemaFingerprint(await readSchemaSnapshot(database));
}

async function dumpSchema({ target }: ScratchDatabase): Promise<string> {
  const { host, port, user, database, password } = target;
  const words = ["-s", "-h", host, "-p", String(port), "-U", user, database];
  const { stdout } = await promisify(execFile)(`${programs}/pg_dump`, words, {
    env: { PGPASSWORD: password, PGSSLMODE: "disable" },
    maxBuffer: 1 << 26,
  });
  // A random word against injection, in newer minor versions.
  return stdout.replace(/^\\(?:un)?restrict .*$/gm, "");
}
