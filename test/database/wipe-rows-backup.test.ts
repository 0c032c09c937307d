import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createBackup } from "../../src/backup/create.js";
import { verifyBackup } from "../../src/backup/verify.js";
import { systemClock } from "../../src/core/clock.js";
import type { Connection } from "../../src/db/pool.js";
import { applyRowWipe } from "../../src/wipe/rows-apply.js";
import type { ListedRows } from "../../src/wipe/rows-list.js";
import { planRowWipe } from "../../src/wipe/rows-plan.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { rowOptions, rowsOf } from "../support/wipe-rows.js";

const repository = mkdtempSync(join(tmpdir(), "roomctl-rows-"));
afterAll(() => rmSync(repository, { recursive: true, force: true }));

const modes = [undefined, 2] as const;

test.each(serverNames.flatMap((server) => modes.map((batch) => ({ server, batch }))))(
  "on $server with batch $batch the backup holds exactly the rows that go or change, partitions and heirs included",
  async ({ server, batch }) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE TABLE "Odd ""one" (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE low PARTITION OF "Odd ""one" FOR VALUES FROM (0) TO (5);
      CREATE TABLE high PARTITION OF "Odd ""one" DEFAULT;
      CREATE TABLE notes (id int PRIMARY KEY, odd int REFERENCES "Odd ""one" ON DELETE SET NULL);
      CREATE TABLE heirs () INHERITS (notes);
      INSERT INTO "Odd ""one" SELECT generate_series(0, 9);
      INSERT INTO notes SELECT n, n FROM generate_series(0, 9) AS n;
      INSERT INTO heirs SELECT n, n FROM generate_series(0, 9) AS n`);
    const request = rowsOf(['"Odd ""one"'], { where: "id BETWEEN 3 AND 6" });
    const plan = await planRowWipe(database, request);
    const beforeDelete = (connection: Connection, rows: ListedRows) =>
      createBackup(database, { repository, connection, ...rows, clock: systemClock });
    const options = { ...rowOptions(request), beforeDelete, ...(batch ? { batch } : {}) };
    const { backup, state, tables } = await applyRowWipe(database, plan, options);
    expect({ state, tables }).toEqual({
      state: "done",
      tables: [{ table: '"Odd ""one"', rowsDeleted: 4, rowsLeft: 0 }],
    });
    const held = backup?.tables.filter(({ rows }) => rows > 0).map(({ name, rows }) => [name, rows]);
    expect(Object.fromEntries(held ?? [])).toEqual({ low: 2, high: 2, notes: 4 });
    expect(await verifyBackup(repository, backup?.id ?? "")).toMatchObject({ ok: true });
  },
);
