import { afterAll, beforeAll, expect, test } from "vitest";
import { createBackupFolder } from "../support/backup.js";
import { runRoomctl } from "../support/cli.js";
import { createScratchDatabase, type ScratchDatabase } from "../support/postgres.js";

/** The most that --jobs takes. */
const most = ["--jobs", "32"];
let source: ScratchDatabase;

beforeAll(async () => {
  source = await createScratchDatabase();
  await using database = await source.open();
  await database.execute("CREATE TABLE rooms AS SELECT n AS id FROM generate_series(1, 50) AS n");
});

afterAll(() => source[Symbol.asyncDispose]());

test("as many connections as --jobs takes are there beside those that hold locks, to back up and to restore", async () => {
  using folder = createBackupFolder();
  const repository = ["--repo", folder.directory];
  const made = await runRoomctl(["backup", "create", "--schema", "catalog", ...repository, ...most], {
    databaseUrl: source.url,
  });
  expect(made).toMatchObject({ status: 0 });
  await using target = await createScratchDatabase();
  const restored = await runRoomctl(["backup", "restore", ...repository, ...most], { databaseUrl: target.url });
  expect(restored).toMatchObject({ status: 0 });
  await using database = await target.open();
  expect(await database.query("SELECT count(*) FROM rooms")).toEqual([{ count: "50" }]);
});
