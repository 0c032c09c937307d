import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createBackup } from "../../src/backup/create.js";
import type { ManifestTable } from "../../src/backup/manifest.js";
import { openSoundBackup, verifyBackup } from "../../src/backup/verify.js";
import { systemClock } from "../../src/core/clock.js";
import { RoomctlError } from "../../src/core/errors.js";
import type { Database } from "../../src/db/pool.js";
import { openDatabase } from "../../src/db/pool.js";
import { codeOf } from "../../src/db/sqlstate.js";
import { createBackupFolder } from "../support/backup.js";
import { outcomeOf } from "../support/outcome.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const clock = systemClock;

interface Disturbance {
  readonly sql: string;
  readonly rows: readonly number[];
  /** The schema changes without a pause: that none of the backups comes to its end is right as well. */
  readonly maySucceedNever?: boolean;
}

/** What is done to a table over and over, and what a backup may then find in it: all rows of before, or of after. */
const disturbances: Record<string, Disturbance> = {
  "emptied and filled in one transaction": {
    sql: "BEGIN; TRUNCATE busy; INSERT INTO busy SELECT n, repeat('x', 200) FROM generate_series(1, 3000) AS n; COMMIT",
    rows: [3000],
  },
  "dropped and made again": {
    sql: `BEGIN; DROP TABLE busy; CREATE TABLE busy (id int, body text);
      INSERT INTO busy SELECT n, repeat('y', 200) FROM generate_series(1, 3000) AS n; COMMIT`,
    rows: [3000],
    maySucceedNever: true,
  },
  altered: {
    sql: "ALTER TABLE busy ADD COLUMN more int DEFAULT 1; ALTER TABLE busy ALTER more TYPE text; ALTER TABLE busy DROP COLUMN more",
    rows: [3000],
    maySucceedNever: true,
  },
  "rewritten by VACUUM FULL": { sql: "VACUUM FULL busy", rows: [3000] },
  "emptied by one session and filled by the next": {
    sql: "TRUNCATE busy",
    rows: [0, 3000],
  },
};

test.each(serverNames.flatMap((server) => Object.keys(disturbances).map((what) => [what, server] as const)))(
  "a table that is %s all the time is in a backup on %s whole, or the backup fails",
  async (what, server) => {
    const { sql, rows, maySucceedNever } = disturbances[what] ?? { sql: "", rows: [] };
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using other = await scratch.open({ lockTimeoutMs: 0 });
    const fill = "INSERT INTO busy SELECT n, repeat('x', 200) FROM generate_series(1, 3000) AS n";
    await database.execute(`CREATE TABLE busy (id int, body text); ${fill};
    CREATE TABLE calm (id int); INSERT INTO calm SELECT generate_series(1, 50000)`);
    let isOver = false;
    let turns = 0;
    const disturb = async () => {
      for (; !isOver; turns += 1) {
        await other.execute(sql);
        if (sql === "TRUNCATE busy") await other.execute(fill);
      }
    };
    const disturbing = disturb();
    try {
      const taken: number[] = [];
      for (let round = 0; round < 4; round += 1) {
        const options = { repository: folder.directory, clock, jobs: 3, chunkBytes: 64 * 1024 };
        const receipt = await createBackup(database, options).catch((error: unknown) => {
          // Tables that keep moving are a clean failure; anything else is not.
          expect([codeOf(error), error instanceof RoomctlError ? error.code : ""]).toContain("E_LOCK_TIMEOUT");
        });
        const found = receipt?.tables.find(({ name }) => name === "busy")?.rows;
        if (receipt) expect(rows).toContain(found);
        if (receipt) expect(receipt.tables.find(({ name }) => name === "calm")?.rows).toBe(50000);
        if (receipt) taken.push(found ?? -1);
      }
      if (!maySucceedNever) expect(taken.length).toBeGreaterThan(0);
      expect(turns).toBeGreaterThan(0);
    } finally {
      isOver = true;
      await disturbing;
    }
  },
);

test.each(serverNames)(
  "a role and a database with timeouts of a second on %s can be backed up for longer",
  async (server) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using owner = await scratch.open();
    const role = `hasty_${randomBytes(6).toString("hex")}`;
    const known = await owner.query<{ name: string }>(
      "SELECT name FROM pg_settings WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout', 'lock_timeout')",
    );
    await owner.execute(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'x'`);
    try {
      for (const { name } of known) {
        await owner.execute(
          `ALTER ROLE ${role} SET ${name} = '1s'; ALTER DATABASE "${scratch.target.database}" SET ${name} = '1s'`,
        );
      }
      await owner.execute(`CREATE TABLE big (id int, body text);
      INSERT INTO big SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 20000) AS n`);
      await using database = await openDatabase({ ...scratch.target, user: role, password: "x" });
      expect(await database.query("SELECT rolconfig[1] AS set FROM pg_roles WHERE rolname = current_user")).not.toEqual(
        [],
      );
      const startedMs = performance.now();
      // A slow reader: statements, transactions and idle sessions all last longer than a second.
      let waits = 0;
      const onProgress = () => {
        waits += 1;
        const end = performance.now() + 700;
        while (performance.now() < end);
      };
      const options = { repository: folder.directory, clock, jobs: 2, chunkBytes: 8 * 1024 * 1024, onProgress };
      await createBackup(database, options);
      expect(waits).toBeGreaterThan(1);
      expect(performance.now() - startedMs).toBeGreaterThan(1300);
      expect(await verifyBackup(folder.directory, "latest")).toMatchObject({ ok: true, rows: 20000 });
    } finally {
      await owner.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  },
);

test("a bit flipped anywhere in a chunk is found, and the file is named", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`CREATE TABLE t (id int, body text);
    INSERT INTO t SELECT n, repeat(md5(n::text), 60) FROM generate_series(1, 4000) AS n`);
  for (const codec of ["zstd", "gzip", "none"] as const) {
    const level = codec === "none" ? 0 : 1;
    const receipt = await createBackup(database, {
      repository: folder.directory,
      clock,
      compression: { codec, level },
    });
    const table = await onlyTable(folder.directory, receipt.id);
    const [chunk] = table.chunks;
    if (!chunk) throw new Error("there is no chunk");
    expect(chunk.blocks.length).toBe(2);
    const path = join(receipt.directory, chunk.file);
    const sound = readFileSync(path);
    const second = chunk.blocks[0]?.[1] ?? 0;
    // Frame headers, first and last bytes, both sides of the border between blocks, and places in between.
    const places = [
      0,
      1,
      4,
      5,
      9,
      sound.length >> 2,
      sound.length >> 1,
      second - 1,
      second,
      second + 4,
      sound.length - 1,
    ];
    for (const place of places) {
      const damaged = Buffer.from(sound);
      damaged.writeUInt8(damaged.readUInt8(place) ^ (1 << (place % 8)), place);
      writeFileSync(path, damaged);
      const { ok, findings } = await verifyBackup(folder.directory, receipt.id);
      expect([codec, place, ok, findings.map(({ file }) => file)]).toEqual([codec, place, false, [chunk.file]]);
    }
    writeFileSync(path, sound);
    expect(await verifyBackup(folder.directory, receipt.id)).toMatchObject({ ok: true });
  }
});

async function onlyTable(repository: string, id: string): Promise<ManifestTable> {
  const { manifest } = await openSoundBackup(repository, id);
  const [table] = manifest.tables;
  if (!table) throw new Error("there is no table");
  return table;
}

test("chunks of one size that change places within a backup are both found", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE a AS SELECT 1 AS n; CREATE TABLE b AS SELECT 2 AS n");
  const compression = { codec: "none", level: 0 } as const;
  const { directory, id } = await createBackup(database, { repository: folder.directory, clock, compression });
  const [first, second] = ["data/0001.0001.copy", "data/0002.0001.copy"].map((file) => join(directory, file));
  const [a, b] = [readFileSync(first ?? ""), readFileSync(second ?? "")];
  expect(a.length).toBe(b.length);
  writeFileSync(first ?? "", b);
  writeFileSync(second ?? "", a);
  const { findings } = await verifyBackup(folder.directory, id);
  expect(findings.map(({ problem, table }) => [problem, table?.name])).toEqual([
    ["checksum", "a"],
    ["checksum", "b"],
  ]);
});

test.each(serverNames)(
  "a session that ends in the middle of its COPY on %s ends the backup, and nothing is left",
  async (server) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open({ applicationName: "roomctl/copying" });
    await using other = await scratch.open();
    await database.execute(`CREATE TABLE big (id int, body text);
    INSERT INTO big SELECT n, repeat(md5(n::text), 60) FROM generate_series(1, 60000) AS n`);
    const attempt = createBackup(database, { repository: folder.directory, clock, jobs: 2, chunkBytes: 1024 * 1024 });
    const outcome = outcomeOf(attempt);
    const ended = await untilCopying(other);
    expect(ended).toBeGreaterThan(0);
    expect(await outcome).toMatch(/^(E_CONNECTION_LOST|57P01)$/);
    expect(folder.entries()).toEqual([]);
    // The server says goodbye before it gives the session's locks back.
    await expect.poll(() => other.query("SELECT FROM pg_locks WHERE relation = 'big'::regclass")).toEqual([]);
  },
);

/** Ends one session as soon as it copies; says how many. */
async function untilCopying(database: Database): Promise<number> {
  for (let look = 0; look < 2000; look += 1) {
    const ended = await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'roomctl/copying'
          AND state = 'active' AND query LIKE 'COPY %' LIMIT 1`,
    );
    if (ended.length > 0) return ended.length;
    await sleep(2);
  }
  return 0;
}
