import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { readCopy } from "../../src/db/copy-out.js";
import { createRowIntake } from "../../src/db/row-intake.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

/** More than the buffers between the server and us hold, so that the server waits for a reader. */
const endless = "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 200000)) TO STDOUT";

test.each(serverNames)("a sink that fails while the reading is stopped ends the session, on %s too", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  const connection = await database.connect();
  const [session] = await connection.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const sink = {
    push() {},
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
  const intake = createRowIntake(1, 64 * 1024);
  const onBlock = (block: Buffer) => {
    bytes += block.length;
    intake.release(block);
  };
  intake.begin({ isBinary: false, onBlock });
  const sink = {
    push: intake.push,
    drain() {
      reads += 1;
      return reads % 50 === 0 ? sleep(1) : undefined;
    },
  };
  expect(await readCopy(connection, endless, sink)).toBe(200_000);
  intake.end();
  expect(intake.result().rows).toBe(200_000);
  expect(bytes).toBe(200_000 * 1001);
  expect(await connection.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});
