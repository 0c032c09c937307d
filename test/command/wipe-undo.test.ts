import { EventEmitter, once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { readOperations } from "../../src/db/operations.js";
import { digestTables } from "../support/backup.js";
import { type RunOptions, runRoomctl } from "../support/cli.js";
import type { ScratchDatabase } from "../support/postgres.js";
import { createWipeApp, untilAlone, wipeAppConfig } from "../support/wipe-app.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "roomctl-undo-"));
  writeFileSync(join(folder, "roomctl.config.json"), JSON.stringify(wipeAppConfig));
  return () => rmSync(folder, { recursive: true, force: true });
});

const run = (scratch: ScratchDatabase, words: readonly string[], more: RunOptions = {}) =>
  runRoomctl(words, { databaseUrl: scratch.url, workingDirectory: folder, ...more });

async function digest(scratch: ScratchDatabase) {
  await using database = await scratch.open();
  return await digestTables(database);
}

const wipe = async (scratch: ScratchDatabase) => {
  const { stdout, stderr, status } = await run(scratch, ["wipe", "--confirm", "--json"]);
  if (status !== 0) throw new Error(stderr);
  return String(JSON.parse(stdout).receipt);
};

test("a wipe is shown by its receipt, planned, undone, and then known as undone", async () => {
  await using scratch = await createWipeApp(5);
  const before = await digest(scratch);
  const none = await run(scratch, ["wipe", "receipts"]);
  expect([none.status, none.stdout]).toEqual([0, "no wipe of this database is written down\n"]);
  const receipt = await wipe(scratch);
  const listed = await run(scratch, ["wipe", "receipts"]);
  expect(listed.stdout).toMatch(new RegExp(`${receipt}\\s+all|${receipt}\\s+rooms`));
  expect(listed.stdout).toMatch(/25\s+2\s+undoable$/m);

  const planned = await run(scratch, ["wipe", "undo", "latest", "--dry-run"]);
  expect(planned.status).toBe(0);
  expect(planned.stdout).toContain("25 rows would come back; 2 rows would get old values back. Nothing was changed.");
  expect(planned.stdout).toContain(`To do it:  roomctl wipe undo ${receipt}`);
  expect(await digest(scratch)).not.toEqual(before);

  const done = await run(scratch, ["wipe", "undo", receipt.slice(0, 20)]);
  expect([done.status, done.stderr]).toEqual([0, expect.not.stringContaining("error")]);
  expect(done.stdout).toContain(
    `25 rows of ${receipt} came back into "${scratch.target.database}"; 2 rows got old values back`,
  );
  expect(await digest(scratch)).toEqual(before);

  const again = await run(scratch, ["wipe", "undo", receipt]);
  expect([again.status, again.stderr]).toEqual([4, expect.stringContaining("was undone by operation 2")]);
  const after = await run(scratch, ["wipe", "receipts", "--json"]);
  expect(after.json()).toMatchObject({
    receipts: [{ receipt, state: "undone", rowsDeleted: 25, undos: [{ operation: 2, isComplete: true }] }],
  });
  const operations = await run(scratch, ["operations"]);
  expect(operations.stdout).toContain(`25 rows of ${receipt} restored`);
});

test("beside new rows an undo is refused; --merge brings back the others, and is partial", async () => {
  await using scratch = await createWipeApp(5);
  const receipt = await wipe(scratch);
  await using database = await scratch.open();
  await database.execute("INSERT INTO rooms VALUES (2, 4), (90, 1); UPDATE people SET posts = '[9]' WHERE id = 2");
  const refused = await run(scratch, ["wipe", "undo", "latest"]);
  expect([refused.status, refused.stderr]).toEqual([
    4,
    expect.stringContaining(`roomctl wipe undo ${receipt} --merge`),
  ]);
  const merged = await run(scratch, ["wipe", "undo", "latest", "--merge"]);
  expect(merged.status).toBe(5);
  expect(merged.stdout).toContain("conflict rooms: 1 row whose key is taken by other values now: 2");
  expect(merged.stdout).toContain("conflict people: 1 row with another value in posts since the wipe: 2");
  expect(merged.stdout).toContain("partly undone");
  expect(await database.query("SELECT owner FROM rooms WHERE id = 2")).toEqual([{ owner: 4 }]);
  expect(await database.query("SELECT count(*)::int AS rows FROM seats")).toEqual([{ rows: 20 }]);
  const listed = await run(scratch, ["wipe", "receipts"]);
  expect(listed.stdout).toContain("partly undone by operation 2");
});

test("a missing folder of backups, or a wipe without one, says so", async () => {
  await using scratch = await createWipeApp(5);
  const receipt = await wipe(scratch);
  const elsewhere = await run(scratch, ["wipe", "undo", receipt, "--repo", "nowhere"]);
  expect([elsewhere.status, elsewhere.stderr]).toEqual([2, expect.stringContaining("is not in")]);
  const missing = await run(scratch, ["wipe", "receipts", "--repo", "nowhere"]);
  expect(missing.stdout).toContain("backup missing");
  expect((await run(scratch, ["wipe", "undo", receipt])).status).toBe(0);
  expect((await run(scratch, ["wipe", "--confirm", "--no-backup"])).status).toBe(0);
  const without = await run(scratch, ["wipe", "undo", "latest"]);
  expect([without.status, without.stderr]).toEqual([
    2,
    expect.stringContaining("no backup was taken before the newest wipe"),
  ]);
  expect((await run(scratch, ["wipe", "receipts"])).stdout).toContain("no backup was taken");
});

test("killed at any moment and repeated, an undo happens exactly once", async () => {
  await using scratch = await createWipeApp(2000);
  const before = await digest(scratch);
  const receipt = await wipe(scratch);
  const wiped = await digest(scratch);
  const words = ["wipe", "undo", receipt, "--verbose"];
  const kills = 8;
  let undone = 0;
  for (let round = 0; round < kills; round += 1) {
    const reached = new EventEmitter<{ moment: [] }>();
    let statements = 0;
    // After another share of its statements each time, the COMMIT among them.
    const wanted = 12 + round * 11;
    const killed = await run(scratch, words, {
      signal: { name: "SIGKILL", after: once(reached, "moment") },
      onErrorLine: (line) => {
        if (line.includes('"msg":"statement"')) statements += 1;
        if (statements === wanted) reached.emit("moment");
      },
    });
    await using database = await scratch.open();
    await untilAlone(database);
    const records = (await readOperations(database, null, ["wipe undo"])).length;
    expect(records).toBeLessThanOrEqual(1);
    expect(await digest(scratch)).toEqual(records === 1 ? before : wiped);
    if (killed.signal !== "SIGKILL") expect(records).toBe(1);
    undone = records;
    if (records === 1) break;
  }
  const last = await run(scratch, words);
  expect([undone, last.status]).toEqual(undone === 1 ? [1, 4] : [0, 0]);
  expect(await digest(scratch)).toEqual(before);
  expect(readdirSync(join(folder, ".roomctl", "backups"))).toEqual([receipt]);
});
