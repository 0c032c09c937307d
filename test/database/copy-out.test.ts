import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { readCopy } from "../../src/db/copy-out.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

/** More than the buffers between the server and us hold, so that the server waits for a reader. */
const endless = "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 200000)) TO STDOUT";

test.each(serverNames)("a sink that fails while the reading is stopped ends the session, on %s too", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  const connection = await database.connect();
  const [session] = await connection.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const sink = {
    data() {},
    drain: () => sleep(100).then(() => Promise.reject(new Error("the disk is full"))),
  };
  await expect(readCopy(connection, endless, sink)).rejects.toThrow("the disk is full");
  const isThere = async () =>
    (await database.query("SELECT FROM pg_stat_activity WHERE pid = $1", [session?.pid])).length > 0;
  for (let tries = 0; tries < 50 && (await isThere()); tries += 1) await sleep(100);
  expect(await isThere()).toBe(false);
});

test("a sink that stops the reading now and then gets all of it", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using connection = await database.connect();
  let bytes = 0;
  let reads = 0;
  const sink = {
    data(part: Uint8Array) {
      bytes += part.length;
    },
    drain() {
      reads += 1;
      return reads % 50 === 0 ? sleep(1) : undefined;
    },
  };
  expect(await readCopy(connection, endless, sink)).toBe(200_000);
  expect(bytes).toBe(200_000 * 1001);
  expect(await connection.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});
