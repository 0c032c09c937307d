import { describe, expect, test } from "vitest";
import { createBackup } from "../../src/backup/create.js";
import { openSoundBackup } from "../../src/backup/verify.js";
import { systemClock } from "../../src/core/clock.js";
import {
  announceChange,
  lastEpoch,
  readAnnouncements,
  readEpoch,
  readTombstones,
  recordTombstones,
} from "../../src/db/announce.js";
import { readOperations, recordOperation } from "../../src/db/operations.js";
import { ensureOwnSchema } from "../../src/db/own-schema.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { applyRestore } from "../../src/restore/apply.js";
import { planRestore } from "../../src/restore/plan.js";
import { applyWipe } from "../../src/wipe/apply.js";
import { planWipe } from "../../src/wipe/plan.js";
import { applySequenceReset, planSequenceReset } from "../../src/wipe/sequence-reset.js";
import { createBackupFolder } from "../support/backup.js";
import { untilBlocked } from "../support/blocked.js";
import { createFollower, followedTables, readFollowed } from "../support/follower.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { scopeOf, wipeOptions } from "../support/wipe.js";

const announce = (database: Database, tables: Parameters<typeof announceChange>[1]["tables"] = []) =>
  withTransaction(database, {}, (connection) => announceChange(connection, { kind: "wipe", tables }));

describe.each(serverNames)("on %s", (server) => {
  test("epochs that many sessions take at once count up by one, and none is lost to a rollback", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const taken = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        withTransaction(database, { lockTimeoutMs: 0 }, async (connection) => {
          const epoch = await announceChange(connection, { kind: "wipe", tables: [] });
          if (index % 3 === 0) throw new Error("no change after all");
          return epoch;
        }),
      ),
    );
    const kept = taken.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    expect(kept.sort((a, b) => a - b)).toEqual(Array.from({ length: 13 }, (_, index) => index + 1));
    expect((await readAnnouncements(database, 0)).map(({ epoch }) => epoch)).toEqual(kept);
    expect(await readEpoch(database)).toBe(13);
  });

  test("a wipe says what it emptied, a restore what came back, a rewind that ids come again; a move forward says nothing", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    using folder = createBackupFolder();
    await database.execute(`
      CREATE TABLE kept (id serial PRIMARY KEY, tags text[] DEFAULT '{}'); INSERT INTO kept (tags) VALUES ('{a}');
      CREATE TABLE gone (id serial PRIMARY KEY); INSERT INTO gone SELECT FROM generate_series(1, 3)`);
    expect(await readAnnouncements(database, 0)).toEqual([]);
    const { id } = await createBackup(database, { repository: folder.directory, clock: systemClock });
    const scopes = scopeOf(["gone"], { resets: [{ table: "kept", column: "tags", value: "'{}'" }] });
    const wiped = await applyWipe(database, await planWipe(database, scopes, ["it"]), wipeOptions(scopes));
    const backup = await openSoundBackup(folder.directory, id);
    const plan = await planRestore(database, backup, { tables: [{ schema: "public", name: "gone" }] });
    const restored = await applyRestore(database, plan, { backup, clock: systemClock });
    await database.execute("SELECT setval('kept_id_seq', 90); INSERT INTO gone VALUES (50)");
    const moved = await applySequenceReset(database, await planSequenceReset(database), { clock: systemClock });
    expect(moved).toMatchObject({ applied: true });
    expect(moved.epoch).toBeUndefined();
    const rewind = await planSequenceReset(database, { rewind: true });
    const rewound = await applySequenceReset(database, rewind, { clock: systemClock });

    expect([wiped.epoch, restored.epoch, rewound.epoch]).toEqual([1, 2, 3]);
    const [, first, second] = await readAnnouncements(database, -1).then((all) => [null, ...all]);
    expect(first).toMatchObject({
      epoch: 1,
      kind: "wipe",
      operation: wiped.operation,
      tables: [
        { table: "gone", change: "emptied", tombstones: 0 },
        { table: "kept", change: "changed", tombstones: 0 },
      ],
    });
    expect(second).toMatchObject({ kind: "restore", tables: [{ table: "gone", change: "restored" }] });
    expect(await readAnnouncements(database, 2)).toMatchObject([
      { epoch: 3, kind: "sequences reset", operation: rewound.operation, tables: [] },
    ]);
    const [newest] = await readOperations(database, 1);
    expect(newest).toMatchObject({ kind: "sequences reset", result: { epoch: 3 } });
  });

  test("a partition is announced as its root, and a table once, by its stronger change", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE SCHEMA "we""ird. schema";
      CREATE TABLE "we""ird. schema"."root table" (id int, at int) PARTITION BY LIST (at);
      CREATE TABLE low PARTITION OF "we""ird. schema"."root table" FOR VALUES IN (1) PARTITION BY LIST (id);
      CREATE TABLE lowest PARTITION OF low FOR VALUES IN (1);
      CREATE TABLE other (id int)`);
    const root = '"we""ird. schema"."root table"';
    await announce(database, [
      { table: "lowest", change: "emptied" },
      { table: "other", change: "deleted" },
      { table: "other", change: "restored" },
      { table: "never_there", change: "changed" },
    ]);
    await announce(database, [
      { table: root, change: "emptied" },
      { table: "low", change: "emptied" },
    ]);
    expect((await readAnnouncements(database, 0)).map(({ tables }) => tables)).toMatchObject([
      [
        { table: root, change: "changed" },
        { table: "other", change: "restored" },
        { table: "never_there", change: "changed" },
      ],
      [{ table: root, change: "emptied" }],
    ]);
  });

  test("tombstones hold exact keys, of a partition under its root, and only where an outbox is", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE TABLE "odd 'table" ("the ""id" bigint, part int, PRIMARY KEY (part, "the ""id")) PARTITION BY LIST (part);
      CREATE TABLE one PARTITION OF "odd 'table" FOR VALUES IN (1);
      INSERT INTO "odd 'table" VALUES (9007199254740993, 1), (2, 1);
      CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE heir () INHERITS (parent);
      INSERT INTO parent VALUES (1); INSERT INTO heir VALUES (2);
      CREATE TABLE keyless (id int); INSERT INTO keyless VALUES (1)`);
    const record = (name: string, condition: string) =>
      withTransaction(database, {}, async (connection) => {
        const table = { schema: "public", name };
        const epoch = await announceChange(connection, { kind: "wipe", tables: [{ table: name, change: "deleted" }] });
        return { epoch, kept: await recordTombstones(connection, epoch, { table, condition }) };
      });
    expect(await record("one", "true")).toEqual({ epoch: 1, kept: 0 });
    await database.execute("CREATE TABLE roomctl.outbox ()");
    expect(await record("one", `"the ""id" > 2`)).toEqual({ epoch: 2, kept: 1 });
    expect(await readTombstones(database, { epoch: 2, table: `"odd 'table"` })).toEqual([
      { part: "1", 'the "id': "9007199254740993" },
    ]);
    expect(await record("parent", "true")).toEqual({ epoch: 3, kept: 1 });
    expect(await readTombstones(database, { epoch: 3, table: "parent" })).toEqual([{ id: "1" }]);
    expect(await record("keyless", "true")).toEqual({ epoch: 4, kept: 0 });
    expect((await readAnnouncements(database, 1)).map(({ tables }) => tables)).toEqual([
      [{ table: `"odd 'table"`, change: "deleted", tombstones: 1 }],
      [{ table: "parent", change: "deleted", tombstones: 1 }],
      [{ table: "keyless", change: "deleted", tombstones: 0 }],
    ]);
  });

  test("a role that may not make roomctl's tables changes nothing, as when only its record could not be written", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const role = `clerk_${scratch.target.database}`;
    await database.execute(`
      CREATE TABLE a (id int); INSERT INTO a VALUES (1);
      CREATE ROLE ${role} LOGIN PASSWORD 'clerk'; GRANT ALL ON a TO ${role}`);
    try {
      await using clerk = await openDatabase({ ...scratch.target, user: role, password: "clerk" });
      const wipe = async () => applyWipe(clerk, await planWipe(clerk, scopes, ["it"]), wipeOptions(scopes));
      const scopes = scopeOf(["a"]);
      await expect(wipe()).rejects.toMatchObject({ code: "42501" });
      expect(await database.query("SELECT id FROM a")).toEqual([{ id: 1 }]);

      await database.execute(`GRANT CREATE ON DATABASE "${scratch.target.database}" TO ${role}`);
      expect(await wipe()).toMatchObject({ applied: true, epoch: 1, operation: 1 });
    } finally {
      await database.execute(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
    }
  });

  test("a follower that holds rows in memory stays equal, whatever comes in whatever order", async () => {
    const done = { wipe: 0, "wipe of rows": 0, restore: 0, "wipe undo": 0, rewind: 0, "wipe of all": 0 };
    for (let seed = 1; seed <= 2; seed += 1) await followRandomly(server, seed, done);
    expect(Math.min(...Object.values(done)), JSON.stringify(done)).toBeGreaterThan(0);
  });
});

test("the epoch after the last one that fits is refused, and with it the change", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE a (id int); INSERT INTO a VALUES (1)");
  expect((BigInt(lastEpoch) << 44n) | ((1n << 44n) - 1n)).toBe(2n ** 63n - 1n);
  await announce(database);
  await database.execute(`UPDATE roomctl.epochs SET epoch = ${lastEpoch}`);
  const scopes = scopeOf(["a"]);
  await expect(
    applyWipe(database, await planWipe(database, scopes, ["it"]), wipeOptions(scopes)),
  ).rejects.toMatchObject({ code: "E_UNSUPPORTED", message: expect.stringContaining("524287 epochs") });
  expect(await database.query("SELECT id FROM a")).toEqual([{ id: 1 }]);
});

test("an epoch that stands above another database's leaves out what lies between", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const above = (epoch: number) =>
    withTransaction(database, {}, (connection) =>
      announceChange(connection, { kind: "restore", tables: [], above: epoch }),
    );
  expect([await above(0), await above(40), await above(7)]).toEqual([1, 41, 42]);
});

test("a database whose tables an older release made gets the new ones, once, from two sessions at a time", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await withTransaction(database, {}, ensureOwnSchema);
  await database.execute("DROP TABLE roomctl.epochs, roomctl.tombstones");
  expect(await Promise.all([announce(database), announce(database)]).then((epochs) => epochs.sort())).toEqual([1, 2]);
});

test("an event that is written under the old epoch, and committed after the announcement, is not lost", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using other = await scratch.open();
  await using writer = await other.connect();
  await database.execute(followedTables(["a"]));
  await announce(database);
  await database.execute("INSERT INTO a VALUES (1, 'old'), (2, 'old')");
  const follower = createFollower(database, ["a"]);
  await follower.sync();
  await writer.execute("BEGIN; UPDATE a SET body = 'new' WHERE id = 1");
  await withTransaction(database, {}, async (connection) => {
    await connection.execute("UPDATE a SET body = 'recovered' WHERE id = 2");
    await announceChange(connection, { kind: "recover", tables: [{ table: "a", change: "changed" }] });
  });
  let isSynced = false;
  const syncing = follower.sync().then(() => {
    isSynced = true;
  });
  await writer.execute("INSERT INTO a VALUES (3, 'late')");
  expect(isSynced).toBe(false);
  await writer.execute("COMMIT");
  await syncing;
  expect(follower.documents()).toEqual(await readFollowed(database, ["a"]));
});

test("a second announcement waits until the first one is committed", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using other = await scratch.open({ lockTimeoutMs: 0 });
  await announce(database);
  let waiting: Promise<number> | undefined;
  const first = await withTransaction(database, {}, async (connection) => {
    const epoch = await announceChange(connection, { kind: "wipe", tables: [] });
    waiting = announce(other);
    await untilBlocked(database);
    return epoch;
  });
  expect([first, await waiting]).toEqual([2, 3]);
});

const names = ["first", "second", "third"] as const;

/** Changes of every kind in random order, the follower catching up now and then, and compared each time. */
async function followRandomly(server: (typeof serverNames)[number], seed: number, done: Record<string, number>) {
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  using folder = createBackupFolder();
  await database.execute(followedTables(names));
  const follower = createFollower(database, names);
  const random = seededRandom(seed);
  const anyTable = () => names[Math.floor(random() * names.length)] ?? "first";
  const number = () => Math.floor(random() * 12);
  const newestBackup = async () =>
    (await createBackup(database, { repository: folder.directory, clock: systemClock })).id;
  const backups = [await newestBackup()];
  const wipe = async (tables: readonly string[]) => {
    const scopes = scopeOf(tables);
    const receipt = await newestBackup();
    await applyWipe(database, await planWipe(database, scopes, ["it"]), wipeOptions(scopes));
    return receipt;
  };
  const restore = async (id: string, table: string) => {
    const backup = await openSoundBackup(folder.directory, id);
    const plan = await planRestore(database, backup, {
      tables: [{ schema: "public", name: table }],
      replacesRows: true,
    });
    await applyRestore(database, plan, { backup, clock: systemClock });
  };
  const steps: Record<string, () => Promise<unknown>> = {
    write: () =>
      database.execute(
        `INSERT INTO ${anyTable()} VALUES (${number()}, 'by ${random()}') ON CONFLICT (id) DO UPDATE SET body = excluded.body`,
      ),
    update: () => database.execute(`UPDATE ${anyTable()} SET body = 'at ${random()}' WHERE id > ${number()}`),
    delete: () => database.execute(`DELETE FROM ${anyTable()} WHERE id = ${number()}`),
    wipe: () => wipe([anyTable()]),
    "wipe of all": () => wipe([...names, "roomctl.outbox"]),
    "wipe of rows": () => wipeRows(database, anyTable(), `id % 3 = ${number() % 3}`),
    "wipe undo": async () => {
      const table = anyTable();
      await restore(await wipe([table]), table);
    },
    restore: async () => restore(backups[number() % backups.length] ?? "", anyTable()),
    backup: async () => backups.push(await newestBackup()),
    // What a rewind of the outbox's own numbers does: the next event has an id that was there before.
    rewind: () =>
      withTransaction(database, {}, async (connection) => {
        await connection.execute("LOCK TABLE roomctl.outbox; TRUNCATE roomctl.outbox");
        await connection.execute("ALTER TABLE roomctl.outbox ALTER id RESTART");
        const outbox = { table: "roomctl.outbox", change: "emptied" } as const;
        await announceChange(connection, { kind: "sequences reset", tables: [outbox] });
      }),
  };
  const kinds = Object.keys(steps);
  for (let step = 0; step < 36; step += 1) {
    const kind = (random() < 0.4 ? "write" : kinds[Math.floor(random() * kinds.length)]) ?? "write";
    await steps[kind]?.();
    if (done[kind] !== undefined) done[kind] += 1;
    if (random() < 0.5) continue;
    await follower.sync();
    expect(follower.documents(), `seed ${seed}, step ${step}: ${kind}`).toEqual(await readFollowed(database, names));
  }
  await follower.sync();
  expect(follower.documents(), `seed ${seed}, end`).toEqual(await readFollowed(database, names));
}

/** As a wipe of some rows does, without the triggers of the app: TRUNCATE and its like fire none. */
async function wipeRows(database: Database, table: string, condition: string): Promise<void> {
  await withTransaction(database, {}, async (connection) => {
    await connection.execute(
      `LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE; SET LOCAL session_replication_role = replica`,
    );
    const epoch = await announceChange(connection, { kind: "wipe", tables: [{ table, change: "deleted" }] });
    const kept = await recordTombstones(connection, epoch, { table: { schema: "public", name: table }, condition });
    const deleted = await connection.execute(`DELETE FROM ${table} WHERE ${condition}`);
    expect(kept).toBe(deleted);
    await recordOperation(connection, { kind: "wipe", startedAt: new Date(0), plan: {}, result: { epoch } });
  });
}

function seededRandom(seed: number): () => number {
  let state = seed * 2654435761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) | 0;
    return ((state >>> 0) % 100_003) / 100_003;
  };
}
