import { setImmediate as yieldToEvents } from "node:timers/promises";
import { expect, test } from "vitest";
import { readManyRows, type WireRow } from "../../src/db/many-rows.js";
import type { Connection } from "../../src/db/pool.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const manyRows = "SELECT n, repeat('x', 200) FROM generate_series(1, 20000) AS n";

async function readAll<T>(connection: Connection, select: string, map: (row: WireRow) => T): Promise<T[]> {
  const found: T[] = [];
  await readManyRows(connection, select, { take: (row) => found.push(map(row)), turn: yieldToEvents, turnRows: 1000 });
  return found;
}

test.each(serverNames)("every value comes as %s spells it", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  await using connection = await database.connect();
  await connection.execute(`CREATE TABLE kept (id uuid, word text, small integer, large bigint, at timestamptz);
    INSERT INTO kept SELECT gen_random_uuid(), 'ä ' || n || chr(10), -n, n::bigint << 40,
                            timestamptz '1969-12-31 23:59:59.9995+00' + n * interval '7 days 3.000999 s'
                       FROM generate_series(1, 3000) AS n`);
  const rows = await readAll(connection, "SELECT id, word, small, large, at FROM kept ORDER BY small DESC", (row) => ({
    id: row.uuid(0),
    word: row.text(1),
    small: row.integer(2),
    large: row.integer(3),
    at: row.moment(4),
  }));
  const spelled = await connection.query(
    `SELECT id::text, word, small, large::float8 AS large, floor(extract(epoch FROM at) * 1000)::float8 AS at
       FROM kept ORDER BY small DESC`,
  );
  expect(rows).toEqual(spelled);
});

test("what is missing is null, and so is infinity, which is no moment", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using connection = await database.connect();
  const none =
    "SELECT NULL::text, NULL::uuid, NULL::integer, NULL::timestamptz, 'infinity'::timestamptz, '-infinity'::timestamptz, ''";
  const rows = await readAll(connection, none, (row) => [
    row.text(0),
    row.uuid(1),
    row.integer(2),
    row.moment(3),
    row.moment(4),
    row.moment(5),
    row.text(6),
  ]);
  expect(rows).toEqual([[null, null, null, null, null, null, ""]]);
  expect(await readAll(connection, "SELECT 1 WHERE false", (row) => row.integer(0))).toEqual([]);
  await expect(readAll(connection, "SELECT 1", (row) => row.text(1))).rejects.toThrow("no column 1");
});

test("a row that no single read holds comes whole, and others after it", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using connection = await database.connect();
  const select = "SELECT repeat(chr(96 + n), n * 300000) FROM generate_series(1, 4) AS n";
  const lengths = await readAll(connection, select, (row) => [row.text(0)?.at(-1), row.text(0)?.length]);
  expect(lengths).toEqual([1, 2, 3, 4].map((n) => [String.fromCharCode(96 + n), n * 300_000]));
});

test("the event loop has its turns while it reads, and the session goes on afterwards", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using connection = await database.connect();
  let rows = 0;
  const atTurns: number[] = [];
  const turn = async () => {
    atTurns.push(rows);
    const before = rows;
    await yieldToEvents();
    expect(rows).toBe(before);
  };
  await readManyRows(connection, manyRows, {
    take: () => {
      rows += 1;
    },
    turn,
    turnRows: 2000,
  });
  expect(rows).toBe(20_000);
  expect(atTurns.length).toBeGreaterThan(5);
  expect(await connection.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});

test("what the database refuses is thrown and the session goes on; what the reader throws ends the session", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using connection = await database.connect();
  await expect(readAll(connection, "SELECT no_such_column", (row) => row.text(0))).rejects.toThrow("no_such_column");
  await expect(readAll(connection, "SELECT 1 / (3 - n) FROM generate_series(1, 5) AS n", () => 0)).rejects.toThrow(
    "zero",
  );
  expect(await connection.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  const failing = readManyRows(connection, manyRows, {
    take: () => {},
    turn: () => Promise.reject(new Error("told to stop")),
    turnRows: 1000,
  });
  await expect(failing).rejects.toThrow("told to stop");
  expect(await database.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});
