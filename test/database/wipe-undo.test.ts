import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { referenceScopes } from "../../src/core/reference-scopes.js";
import { readAnnouncements } from "../../src/db/announce.js";
import { readOperations } from "../../src/db/operations.js";
import { countRows } from "../../src/db/schema.js";
import { readWipeRecords, receiptState } from "../../src/restore/undo-record.js";
import { createBackupFolder, digestTables } from "../support/backup.js";
import { untilBlocked } from "../support/blocked.js";
import { outcomeOf } from "../support/outcome.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { readPositions, undo, undoPlan, wipeSaved } from "../support/undo.js";
import { scopeOf, useReferenceDatabase } from "../support/wipe.js";

const cloneReference = useReferenceDatabase();

describe.each(serverNames)("on %s", (server) => {
  test("undoing a wipe of any scope gives back every row, value and sequence", async () => {
    using folder = createBackupFolder();
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    await database.execute(
      "UPDATE users SET instagram_posts = '[1, {\"a\": null}]' WHERE user_id IN (SELECT user_id FROM users LIMIT 3)",
    );
    const before = { rows: await digestTables(database), sequences: await readPositions(database) };
    // What is undone is as it was, so the next scope finds the same database.
    for (const { name } of referenceScopes) {
      const wiped = await wipeSaved(database, folder.directory, referenceScopes, [name]);
      expect(await digestTables(database), name).not.toEqual(before.rows);
      const deleted = wiped.tables.reduce((sum, { rowsDeleted }) => sum + rowsDeleted, 0);
      const reset = wiped.resets.reduce((sum, { rowsChanged }) => sum + rowsChanged, 0);
      const expected = { isComplete: true, rows: deleted, changedBack: reset, receipt: wiped.receipt };
      expect(await undoPlan(database, folder.directory), name).toMatchObject(expected);
      expect(await digestTables(database), name).not.toEqual(before.rows);
      const done = await undo(database, folder.directory);
      expect(done, name).toMatchObject(expected);
      expect({ rows: await digestTables(database), sequences: await readPositions(database) }, name).toEqual(before);
      const [operation] = await readOperations(database, 1);
      expect(operation).toMatchObject({ id: done.operation, kind: "wipe undo", plan: { receipt: wiped.receipt } });
    }
  });

  test("the outbox is saved and wiped with everything else, and its events are not sent again by an undo", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1);
      CREATE SCHEMA roomctl; CREATE TABLE roomctl.outbox (id bigint PRIMARY KEY); INSERT INTO roomctl.outbox VALUES (7)`);
    const scopes = scopeOf(["a"], { optionalTables: ["roomctl.outbox"] });
    const wiped = await wipeSaved(database, folder.directory, scopes);
    expect(wiped.tables.map(({ table, rowsDeleted }) => [table, rowsDeleted])).toEqual([
      ["a", 1],
      ["roomctl.outbox", 1],
    ]);
    expect(await undo(database, folder.directory)).toMatchObject({ isComplete: true, rows: 1 });
    expect(await countRows(database, { schema: "roomctl", name: "outbox" })).toBe(0);
  });

  test("a wipe is undone once; a later wipe has its own receipt", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1), (2)");
    const first = await wipeSaved(database, folder.directory, scopeOf(["a"]));
    const done = await undo(database, folder.directory);
    await expect(undo(database, folder.directory)).rejects.toMatchObject({
      code: "E_PLAN_STALE",
      message: expect.stringContaining(`was undone by operation ${done.operation}`),
    });
    const second = await wipeSaved(database, folder.directory, scopeOf(["a"]));
    await expect(undo(database, folder.directory, { receipt: first.receipt })).rejects.toMatchObject({
      hint: expect.stringContaining(`roomctl wipe undo ${second.receipt}`),
    });
    expect((await undo(database, folder.directory)).rows).toBe(2);
    const records = await readWipeRecords(database);
    const stored = readdirSync(folder.directory);
    expect(records.map((record) => receiptState(record, stored))).toEqual(["undone", "undone"]);
    const announced = await readAnnouncements(database, 0);
    expect(announced.map(({ kind, tables }) => [kind, tables[0]?.change])).toEqual([
      ["wipe", "emptied"],
      ["wipe undo", "restored"],
      ["wipe", "emptied"],
      ["wipe undo", "restored"],
    ]);
  });

  test("rows that came since refuse an undo, and stay as they are", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(
      "CREATE TABLE a (id int PRIMARY KEY, t text); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a VALUES (1, 'old'); INSERT INTO b VALUES (1)",
    );
    const { receipt } = await wipeSaved(database, folder.directory, scopeOf(["a", "b"]));
    await database.execute("INSERT INTO a VALUES (1, 'new'), (2, 'new')");
    for (const run of [undoPlan, undo]) {
      await expect(run(database, folder.directory)).rejects.toMatchObject({
        code: "E_NOT_EMPTY",
        message: "nothing was changed: these tables hold rows by now: a (2 rows)",
        hint: expect.stringContaining(`roomctl wipe undo ${receipt} --merge`),
      });
    }
    expect(await database.query("SELECT t FROM a ORDER BY id")).toEqual([{ t: "new" }, { t: "new" }]);
    expect(await countRows(database, { schema: "public", name: "b" })).toBe(0);
  });

  test("sequences go to the further of where they were and where they are, whichever way they count", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`CREATE TABLE up (id serial, n int); CREATE TABLE down (id int GENERATED ALWAYS AS IDENTITY (INCREMENT -2 START -1));
      CREATE TABLE round (id int GENERATED ALWAYS AS IDENTITY (MAXVALUE 50 CYCLE), n int);
      INSERT INTO up (n) SELECT generate_series(1, 5); INSERT INTO down SELECT FROM generate_series(1, 5); INSERT INTO round (n) SELECT generate_series(1, 5)`);
    const scopes = scopeOf(["up", "down", "round"]);
    await wipeSaved(database, folder.directory, scopes);
    await undo(database, folder.directory);
    const were = { "public.up_id_seq": "5", "public.down_id_seq": "-9", "public.round_id_seq": "5" };
    expect(await readPositions(database)).toEqual(were);

    await wipeSaved(database, folder.directory, scopes);
    // More than before the wipe, and gone again: ids that somebody may know.
    await database.execute(`INSERT INTO up (n) SELECT generate_series(1, 8); INSERT INTO down SELECT FROM generate_series(1, 8);
      INSERT INTO round (n) SELECT generate_series(1, 8); TRUNCATE up, down, round`);
    await undo(database, folder.directory);
    expect(await readPositions(database)).toEqual({
      "public.up_id_seq": "8",
      "public.down_id_seq": "-15",
      "public.round_id_seq": "8",
    });
  });

  test("a damaged backup, or one that is not there, brings back nothing", async () => {
    using folder = createBackupFolder();
    using empty = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 100)");
    const { receipt = "" } = await wipeSaved(database, folder.directory, scopeOf(["a"]));
    await expect(undo(database, empty.directory)).rejects.toMatchObject({
      code: "E_NO_BACKUP",
      hint: expect.stringContaining(`roomctl wipe undo ${receipt} --repo`),
    });
    const data = join(folder.directory, receipt, "data");
    appendFileSync(join(data, readdirSync(data)[0] ?? ""), "x");
    await expect(undo(database, folder.directory)).rejects.toMatchObject({ code: "E_BACKUP_DAMAGED" });
    expect(await countRows(database, { schema: "public", name: "a" })).toBe(0);
  });

  test("a receipt of another database is refused, also in a copy of that database", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    {
      await using database = await scratch.open();
      await database.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)");
      await wipeSaved(database, folder.directory, scopeOf(["a"]));
    }
    const receipt = folder.entries()[0];
    await using copy = await createScratchDatabase({ server, template: scratch.target.database });
    await using other = await createScratchDatabase({ server });
    for (const elsewhere of [copy, other]) {
      await using database = await elsewhere.open();
      await expect(undo(database, folder.directory, { receipt })).rejects.toMatchObject({
        code: "E_USAGE",
        message: expect.stringContaining(`of the database "${scratch.target.database}"`),
      });
    }
    await using database = await scratch.open();
    await database.execute("DROP SCHEMA roomctl CASCADE");
    await expect(undo(database, folder.directory, { receipt })).rejects.toMatchObject({
      code: "E_SCHEMA",
      hint: expect.stringContaining(`roomctl backup restore ${receipt}`),
    });
    await expect(undo(database, folder.directory, { receipt: "2020" })).rejects.toMatchObject({ code: "E_NO_BACKUP" });
  });

  test("a column that was added since may be empty; one that is missing, renamed or retyped ends the undo", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a VALUES (1, 'x')");
    await wipeSaved(database, folder.directory, scopeOf(["a"]));
    for (const [change, back] of [
      ["ALTER TABLE a RENAME t TO u", "ALTER TABLE a RENAME u TO t"],
      ["ALTER TABLE a ALTER t TYPE varchar(5)", "ALTER TABLE a ALTER t TYPE text"],
      ["ALTER TABLE a ADD needed int NOT NULL", "ALTER TABLE a DROP needed"],
      ["ALTER TABLE a RENAME TO b", "ALTER TABLE b RENAME TO a"],
    ] as const) {
      await database.execute(change);
      await expect(undo(database, folder.directory), change).rejects.toMatchObject({
        code: "E_SCHEMA",
        hint: expect.stringContaining("roomctl wipe undo"),
      });
      await database.execute(back);
    }
    await database.execute("ALTER TABLE a ADD more text, ADD at timestamptz NOT NULL DEFAULT now()");
    expect((await undo(database, folder.directory)).rows).toBe(1);
    expect(await database.query("SELECT id, t, more FROM a")).toEqual([{ id: 1, t: "x", more: null }]);
  });

  test("of two undos at once, one does it and the other says so", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using second = await scratch.open();
    await database.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 1000)");
    await wipeSaved(database, folder.directory, scopeOf(["a"]));
    const request = { lockWaitMs: 60_000 };
    const both = await Promise.all([
      outcomeOf(undo(database, folder.directory, request)),
      outcomeOf(undo(second, folder.directory, request)),
    ]);
    expect(both.sort()).toEqual(["E_PLAN_STALE", "done"]);
    expect(await countRows(database, { schema: "public", name: "a" })).toBe(1000);
  });

  test("a lock that does not come in time changes nothing; when it does, the undo goes on", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)");
    await wipeSaved(database, folder.directory, scopeOf(["a"]));
    await using holder = await database.connect();
    await holder.execute("BEGIN; LOCK TABLE a IN ACCESS SHARE MODE");
    expect(await outcomeOf(undo(database, folder.directory, { lockTimeoutMs: 20 }))).toBe("E_LOCK_TIMEOUT");
    const waiting = undo(database, folder.directory, { lockTimeoutMs: 30_000 });
    await untilBlocked(database);
    await holder.execute("ROLLBACK");
    expect((await waiting).rows).toBe(1);
  });

  test("a role that may not write the tables brings back nothing", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const role = `weak_${scratch.target.database}`;
    await database.execute(`CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1);
      CREATE ROLE ${role}; GRANT SELECT ON a TO ${role}`);
    await wipeSaved(database, folder.directory, scopeOf(["a"]));
    await database.execute(
      `GRANT USAGE ON SCHEMA roomctl TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA roomctl TO ${role}`,
    );
    const { openDatabase } = await import("../../src/db/pool.js");
    const weak = await openDatabase({ ...scratch.target, options: `-c role=${role}` });
    try {
      expect(await outcomeOf(undo(weak, folder.directory))).toBe("E_PRIVILEGE");
    } finally {
      await weak[Symbol.asyncDispose]();
      expect(await countRows(database, { schema: "public", name: "a" })).toBe(0);
      await database.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});
