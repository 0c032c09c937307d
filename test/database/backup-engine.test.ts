import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createBackup } from "../../src/backup/create.js";
import { readTableFingerprint } from "../../src/backup/fingerprint.js";
import type { ManifestTable } from "../../src/backup/manifest.js";
import { applyReadSettings } from "../../src/backup/settings.js";
import { openSoundBackup, verifyBackup } from "../../src/backup/verify.js";
import { systemClock } from "../../src/core/clock.js";
import type { Database } from "../../src/db/pool.js";
import { createBackupFolder } from "../support/backup.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const clock = systemClock;

async function tablesOf(repository: string): Promise<Readonly<Record<string, ManifestTable>>> {
  const { manifest } = await openSoundBackup(repository, "latest");
  return Object.fromEntries(manifest.tables.map((table) => [table.name, table]));
}

test.each(serverNames)("a large table on %s is read in parts that together hold each row once", async (server) => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  await database.execute(`CREATE TABLE big (id int, body text);
    INSERT INTO big SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, 20000) AS n;
    UPDATE big SET id = id WHERE id % 3 = 0; DELETE FROM big WHERE id % 7 = 0;
    CREATE TABLE documents (body text); ALTER TABLE documents ALTER body SET STORAGE EXTERNAL;
    INSERT INTO documents SELECT repeat(md5(n::text), 2000) FROM generate_series(1, 200) AS n;
    CREATE TABLE small (id int); INSERT INTO small VALUES (1); CREATE TABLE never_filled (id int)`);
  const receipt = await createBackup(database, {
    repository: folder.directory,
    clock,
    jobs: 3,
    chunkBytes: 512 * 1024,
  });
  const { big, documents, small, never_filled } = await tablesOf(folder.directory);
  expect(big?.chunks.length).toBeGreaterThan(8);
  // Its rows are short: what makes it large lies beside them.
  expect(documents?.chunks.length).toBeGreaterThan(1);
  expect([small?.chunks.length, never_filled?.chunks.length]).toEqual([1, 0]);
  expect(receipt.tables.map(({ name, rows }) => [name, rows])).toEqual([
    ["big", 20000 - Math.floor(20000 / 7)],
    ["documents", 200],
    ["never_filled", 0],
    ["small", 1],
  ]);
  await assertEqualsDatabase(database, [big, documents, small, never_filled]);
});

/** Read whole, in one COPY, and by another session. */
async function assertEqualsDatabase(database: Database, tables: readonly (ManifestTable | undefined)[]): Promise<void> {
  await using connection = await database.connect();
  await applyReadSettings(connection, "session");
  for (const table of tables) {
    if (!table) throw new Error("a table is missing in the manifest");
    const { rows, fingerprint } = table;
    expect(await readTableFingerprint(connection, table)).toEqual({ rows, fingerprint });
  }
  connection.discard();
}

test.each(serverNames)("binary is for types whose bytes mean the same in any database, on %s", async (server) => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  await database.execute(`
    CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pair AS (a int, b mood);
    CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN moods AS mood[]; CREATE DOMAIN deeper AS positive;
    CREATE TYPE span AS RANGE (SUBTYPE = timestamptz); CREATE TYPE mood_range AS RANGE (SUBTYPE = mood);
    CREATE TABLE b1 (a int, b text[], c jsonb, d numeric, e inet, f tsvector, g int4range, h int8multirange, i money, j xml);
    CREATE TABLE b2 (a mood, b positive, c deeper, d span, e mood_range, f positive DEFAULT 1, g oid, h uuid[], i "char");
    CREATE TABLE b3 ();
    CREATE TABLE t1 (a mood[]); CREATE TABLE t2 (a pair); CREATE TABLE t3 (a moods); CREATE TABLE t4 (a regclass);
    CREATE TABLE t5 (a regtype[]); CREATE TABLE t6 (a aclitem); CREATE TABLE t7 (a pair[]); CREATE TABLE t8 (a positive[]);
    CREATE TABLE dropped (a mood[], b int); ALTER TABLE dropped DROP COLUMN a;
    CREATE TABLE generated (a int, b mood[] GENERATED ALWAYS AS (ARRAY['sad'::mood]) STORED)`);
  await createBackup(database, { repository: folder.directory, clock });
  const formats = Object.values(await tablesOf(folder.directory)).map(({ name, format }) => [name, format]);
  const text = ["t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"].map((name) => [name, "text"]);
  expect(formats).toEqual([...["b1", "b2", "b3", "dropped", "generated"].map((name) => [name, "binary"]), ...text]);
});

test.each(["zstd", "gzip", "none"] as const)("blocks packed with %s hold what the database holds", async (codec) => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`CREATE TABLE long (id int, body text);
    INSERT INTO long SELECT n, repeat(md5(n::text), 40000) FROM generate_series(1, 12) AS n`);
  const level = codec === "none" ? 0 : 1;
  await createBackup(database, { repository: folder.directory, clock, compression: { codec, level } });
  const { long } = await tablesOf(folder.directory);
  // Rows of 1.2 MB in blocks of 4 MiB: rows are cut, by blocks and by the socket.
  expect(long?.chunks.flatMap(({ blocks }) => blocks).length).toBe(4);
  await assertEqualsDatabase(database, [long]);
  expect(await verifyBackup(folder.directory, "latest")).toMatchObject({ ok: true, rows: 12 });
});

test("stock tools read a part: zstd and psql", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase({ server: serverNames.at(-1) });
  await using database = await scratch.open();
  await database.execute(`CREATE TABLE words (id int, body text); CREATE TABLE copy_of_words (LIKE words);
    INSERT INTO words SELECT n, repeat(md5(n::text), 300) FROM generate_series(1, 1000) AS n`);
  await createBackup(database, { repository: folder.directory, clock, format: "text" });
  const { words } = await tablesOf(folder.directory);
  const [id] = readdirSync(folder.directory);
  const part = join(folder.directory, id ?? "", words?.chunks[0]?.file ?? "");
  const { host, port, user, password } = scratch.target;
  const url = `host=${host} port=${port} user=${user} dbname=${scratch.target.database}`;
  const command = `zstd -dc '${part}' | psql -X '${url}' -c '\\copy copy_of_words (id, body) from stdin'`;
  const said = execFileSync("sh", ["-c", command], { env: { ...process.env, PGPASSWORD: password }, encoding: "utf8" });
  expect(said.trim()).toBe("COPY 1000");
  expect(await database.query("TABLE words EXCEPT ALL TABLE copy_of_words")).toEqual([]);
});

test.each(serverNames)("transfers that go on during a backup on %s are in it whole or not at all", async (server) => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  await database.execute(`CREATE TABLE left_side (id int PRIMARY KEY, amount int); CREATE TABLE right_side (LIKE left_side INCLUDING ALL);
    INSERT INTO left_side SELECT n, 100 FROM generate_series(1, 2000) AS n; INSERT INTO right_side TABLE left_side`);
  let isOver = false;
  const transfer = async (seed: number) => {
    for (let turn = seed; !isOver; turn += 7) {
      const [from, to] = turn % 2 === 0 ? ["left_side", "right_side"] : ["right_side", "left_side"];
      await database.execute(
        `BEGIN; UPDATE ${from} SET amount = amount - 5 WHERE id = ${1 + (turn % 2000)};
         UPDATE ${to} SET amount = amount + 5 WHERE id = ${1 + ((turn * 13) % 2000)}; COMMIT`,
      );
    }
  };
  const transfers = [1, 2].map(transfer);
  try {
    for (const jobs of [1, 3, 3]) {
      const options = { repository: folder.directory, clock, jobs, chunkBytes: 16 * 1024, format: "text" } as const;
      await createBackup(database, { ...options, compression: { codec: "none", level: 0 } });
      const { left_side, right_side } = await tablesOf(folder.directory);
      expect(await sumOf(folder.directory, [left_side, right_side])).toBe(400_000);
    }
  } finally {
    isOver = true;
    await Promise.all(transfers);
  }
});

async function sumOf(repository: string, tables: readonly (ManifestTable | undefined)[]): Promise<number> {
  const { stored } = await openSoundBackup(repository, "latest");
  let sum = 0;
  for (const { file, sizeBytes } of tables.flatMap((table) => table?.chunks ?? [])) {
    await using open = await stored.openFile(file);
    const lines = (await open.read(0, sizeBytes)).toString().split("\n").filter(Boolean);
    sum += lines.reduce((total, line) => total + Number(line.split("\t")[1]), 0);
  }
  return sum;
}
