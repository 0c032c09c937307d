import { expect, test } from "vitest";
import { type CreateBackupOptions, createBackup } from "../../src/backup/create.js";
import { listBackups } from "../../src/backup/list.js";
import { openSoundBackup, verifyBackup } from "../../src/backup/verify.js";
import { systemClock } from "../../src/core/clock.js";
import type { Connection, Database } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { restoreLook } from "../../src/restore/look.js";
import { planRestore } from "../../src/restore/plan.js";
import { createBackupFolder, longName, oddSchema } from "../support/backup.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

type Choice = Pick<CreateBackupOptions, "tables" | "conditions" | "chunkBytes" | "format">;

/** In a transaction, after `before` has run in it. */
function backUpSome(
  database: Database,
  repository: string,
  choice: Choice,
  before?: (one: Connection) => Promise<unknown>,
) {
  return withTransaction(database, {}, async (connection) => {
    await before?.(connection);
    return createBackup(database, { repository, connection, clock: systemClock, ...choice });
  });
}

const name = (table: string, schema = "public") => ({ schema, name: table });

test.each(serverNames)(
  "only the rows of a condition are copied on %s, from every part of the table",
  async (server) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(
      "CREATE TABLE big AS SELECT n, repeat('x', 200) AS body FROM generate_series(1, 5000) AS n; CREATE TABLE all_of_it AS SELECT 1 AS n",
    );
    const receipt = await backUpSome(database, folder.directory, {
      tables: [name("big"), name("all_of_it")],
      conditions: new Map([['"public"."big"', "n % 10 = 0 -- every tenth"]]),
      chunkBytes: 64 * 1024,
    });
    expect(receipt.rows).toBe(501);
    expect(await verifyBackup(folder.directory, "latest")).toMatchObject({ ok: true, rows: 501 });
    const { manifest, stored } = await openSoundBackup(folder.directory, "latest");
    const [whole, big] = [...manifest.tables].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(whole).not.toHaveProperty("isPartial");
    expect(big).toMatchObject({ name: "big", isPartial: true, rows: 500 });
    expect(big?.chunks.length).toBeGreaterThan(5);
    expect(manifest.isWhole).toBe(false);
    expect(await listBackups(folder.directory)).toMatchObject({ backups: [{ isWhole: false, rows: 501, tables: 2 }] });

    await restoreLook(database, { backup: { manifest, stored }, schema: "look", clock: systemClock });
    expect(await database.query("SELECT n FROM look.big EXCEPT SELECT n FROM public.big WHERE n % 10 = 0")).toEqual([]);
    expect(await database.query("SELECT count(*)::int AS rows FROM look.big")).toEqual([{ rows: 500 }]);
  },
);

test.each(serverNames)(
  "a condition may name ctid and a temporary table on %s, and finds what the session finds",
  async (server) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(
      "CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('sad', 'glad'); CREATE TABLE app.people (n int, mood app.mood); INSERT INTO app.people VALUES (1, 'sad'), (2, 'glad'), (3, 'glad')",
    );
    const conditions = (condition: string) => new Map([['"app"."people"', condition]]);
    const chosen = await backUpSome(
      database,
      folder.directory,
      { tables: [name("people", "app")], conditions: conditions("ctid IN (SELECT place FROM gone)") },
      (connection) =>
        connection.execute(
          "CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT ctid AS place FROM app.people WHERE n <> 2",
        ),
    );
    expect(chosen.rows).toBe(2);
    // The type is on the session's path only, and rows are read on an empty one.
    const typed = await backUpSome(
      database,
      folder.directory,
      { tables: [name("people", "app")], conditions: conditions("mood IS DISTINCT FROM 'sad'::mood") },
      (connection) => connection.execute("SET LOCAL search_path TO app"),
    );
    expect(typed.rows).toBe(2);
  },
);

test.each(serverNames)(
  "the condition of a parent holds for its partitions and heirs on %s, whatever they are called",
  async (server) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const odd = `"${oddSchema.replaceAll('"', '""')}"."${longName}"`;
    await database.execute(`CREATE SCHEMA "${oddSchema.replaceAll('"', '""')}";
    CREATE TABLE ${odd} (n int, "co""l" text GENERATED ALWAYS AS ('x') STORED) PARTITION BY RANGE (n);
    CREATE TABLE low PARTITION OF ${odd} FOR VALUES FROM (0) TO (10); CREATE TABLE high PARTITION OF ${odd} DEFAULT;
    INSERT INTO ${odd} SELECT generate_series(1, 20);
    CREATE TABLE parent (n int); CREATE TABLE heir (more int) INHERITS (parent);
    INSERT INTO parent VALUES (1), (2); INSERT INTO heir VALUES (1, 1), (2, 2), (3, 3)`);
    await backUpSome(database, folder.directory, {
      tables: [name(longName, oddSchema), name("parent")],
      conditions: new Map([
        [odd, "n IN (1, 11, 12)"],
        ['"public"."parent"', "n > 1"],
      ]),
    });
    const { manifest } = await openSoundBackup(folder.directory, "latest");
    const rows = Object.fromEntries(manifest.tables.map((table) => [table.name, table.rows]));
    expect(rows).toEqual({ low: 1, high: 2, parent: 1, heir: 2 });
    expect(manifest.tables.every(({ isPartial }) => isPartial)).toBe(true);
  },
);

test("a backup of some rows is not restored as if it were the table", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE a (n int); CREATE TABLE b (n int); INSERT INTO a VALUES (1), (2)");
  const receipt = await backUpSome(database, folder.directory, {
    tables: [name("a"), name("b")],
    conditions: new Map([['"public"."a"', "n = 1"]]),
  });
  await database.execute("TRUNCATE a");
  const backup = await openSoundBackup(folder.directory, "latest");
  for (const tables of [undefined, [name("a")]]) {
    await expect(planRestore(database, backup, { tables })).rejects.toMatchObject({
      code: "E_SCHEMA",
      message: `backup ${receipt.id} holds only some rows of a`,
      hint: expect.stringContaining(`roomctl wipe undo ${receipt.id}`),
    });
  }
  expect(await planRestore(database, backup, { tables: [name("b")] })).toMatchObject({ rows: 0 });
});

test("a condition that would be lost is an error, and leaves no backup", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE a (n int)");
  const stray = new Map([['"public"."b"', "true"]]);
  await expect(backUpSome(database, folder.directory, { tables: [name("a")], conditions: stray })).rejects.toThrow(
    '"public"."b"',
  );
  const ungrounded = createBackup(database, { repository: folder.directory, clock: systemClock, conditions: stray });
  await expect(ungrounded).rejects.toThrow("the session that chose them");
  expect(folder.entries()).toEqual([]);
});
