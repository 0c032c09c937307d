import { expect, test } from "vitest";
import { createBackup } from "../../src/backup/create.js";
import { systemClock } from "../../src/core/clock.js";
import { referenceApp } from "../../src/core/reference-app.js";
import type { Connection, Database } from "../../src/db/pool.js";
import { applyRowWipe } from "../../src/wipe/rows-apply.js";
import type { RowConditions } from "../../src/wipe/rows-choice.js";
import type { ListedRows } from "../../src/wipe/rows-list.js";
import { planRowWipe, type RowWipeRequest } from "../../src/wipe/rows-plan.js";
import { createBackupFolder, digestTables } from "../support/backup.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { readPositions, undo } from "../support/undo.js";
import { useReferenceDatabase } from "../support/wipe.js";
import { rowOptions, rowsOf } from "../support/wipe-rows.js";

const cloneReference = useReferenceDatabase();

/** Wipes the rows after a backup of them, and says how many went and how many lost a reference. */
async function wipeRows(database: Database, repository: string, request: RowWipeRequest, batch?: number) {
  const plan = await planRowWipe(database, request);
  const beforeDelete = (connection: Connection, rows: ListedRows) =>
    createBackup(database, { repository, connection, ...rows, clock: systemClock });
  await applyRowWipe(database, plan, {
    ...rowOptions(request),
    beforeDelete,
    ...(batch === undefined ? {} : { batch }),
  });
  return { rows: plan.rows, detached: plan.detached.reduce((sum, { rows }) => sum + rows, 0) };
}

const inviter = "SELECT created_by FROM invite_codes WHERE created_by IS NOT NULL ORDER BY created_by LIMIT 1";

test.each(serverNames)(
  "on %s a user, old messages and test users come back with all that went with them",
  async (server) => {
    using folder = createBackupFolder();
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    const [user] = await database.query<{ id: string }>(`SELECT (${inviter})::text AS id`);
    const before = { rows: await digestTables(database), sequences: await readPositions(database) };
    const choices: readonly (readonly [readonly string[], RowConditions])[] = [
      [[], { subject: { name: "user", value: user?.id ?? "" } }],
      [["text_chat_messages"], { where: "sender_user_id IN (SELECT user_id FROM users WHERE name < 'M')" }],
      [[], { subject: { name: "test-users", value: "%1@%" } }],
    ];
    for (const [tables, conditions] of choices) {
      const request = rowsOf(tables, conditions, { app: referenceApp });
      const wiped = await wipeRows(database, folder.directory, request);
      expect(wiped.rows, JSON.stringify(conditions)).toBeGreaterThan(0);
      expect(await digestTables(database)).not.toEqual(before.rows);
      const done = await undo(database, folder.directory);
      expect(done).toMatchObject({ isComplete: true, rows: wiped.rows });
      // A row that lost two references is counted once.
      expect(done.changedBack > 0).toBe(wiped.detached > 0);
      expect({ rows: await digestTables(database), sequences: await readPositions(database) }).toEqual(before);
    }
  },
);

const family = `
  CREATE TABLE people (id int PRIMARY KEY, boss int REFERENCES people ON DELETE SET NULL, name text);
  CREATE TABLE rooms (id int, part int, owner int DEFAULT 0 REFERENCES people ON DELETE SET DEFAULT, PRIMARY KEY (id, part))
    PARTITION BY LIST (part);
  CREATE TABLE rooms_1 PARTITION OF rooms FOR VALUES IN (1);
  CREATE TABLE rooms_2 PARTITION OF rooms FOR VALUES IN (2);
  CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, room int, part int, body text,
    FOREIGN KEY (room, part) REFERENCES rooms ON DELETE CASCADE);
  INSERT INTO people SELECT n, nullif(n / 2, n), 'p' || n FROM generate_series(0, 40) AS n;
  INSERT INTO rooms SELECT n, 1 + n % 2, n % 20 FROM generate_series(1, 60) AS n;
  INSERT INTO notes (room, part, body) SELECT n, 1 + n % 2, repeat('x', n) FROM generate_series(1, 60) AS n`;

test.each(serverNames.flatMap((server) => [undefined, 7].map((batch) => ({ server, batch }))))(
  "on $server, batch $batch, rows that went and rows that lost a reference come back, in one table too, and exactly once",
  async ({ server, batch }) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(family);
    const before = { rows: await digestTables(database), sequences: await readPositions(database) };
    // Bosses go and their people stay without one; rooms of the gone fall to person 0, and rooms 50 to 60 go with their notes.
    const people = rowsOf(["people"], { where: "id BETWEEN 3 AND 12" });
    const wiped = await wipeRows(database, folder.directory, people, batch);
    expect(wiped.detached).toBeGreaterThan(10);
    await wipeRows(database, folder.directory, rowsOf(["rooms"], { where: "id >= 50" }), batch);
    const late = await undo(database, folder.directory);
    const early = await undo(database, folder.directory, { receipt: await oldestReceipt(database) });
    expect([late.isComplete, early.isComplete]).toEqual([true, true]);
    expect({ rows: await digestTables(database), sequences: await readPositions(database) }).toEqual(before);
    await expect(undo(database, folder.directory)).rejects.toMatchObject({ code: "E_PLAN_STALE" });
  },
);

async function oldestReceipt(database: Database): Promise<string> {
  const [row] = await database.query<{ receipt: string }>(
    "SELECT result->>'receipt' AS receipt FROM roomctl.operations WHERE kind = 'wipe' ORDER BY id LIMIT 1",
  );
  return row?.receipt ?? "";
}
