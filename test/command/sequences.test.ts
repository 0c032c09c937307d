import { expect, test } from "vitest";
import { runRoomctl } from "../support/cli.js";
import { createScratchDatabase } from "../support/postgres.js";

test("check finds, reset repairs, and both say when there is nothing to do", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const run = (...words: string[]) => runRoomctl(words, { databaseUrl: scratch.url });
  await database.execute("CREATE TABLE a (id serial PRIMARY KEY); INSERT INTO a VALUES (41)");

  const found = await run("sequences");
  expect(found.status).toBe(3);
  expect(found.stdout).toContain("a_id_seq would hand out 1, and a.id already reaches 41");

  const rehearsed = await run("sequences", "reset", "--dry-run");
  expect(rehearsed.stdout).toMatch(/^a_id_seq\t1\t42\tforward\t/m);
  expect((await run("sequences", "check")).status).toBe(3);

  const moved = await run("sequences", "reset", "--json");
  expect([moved.status, moved.json()]).toEqual([
    0,
    expect.objectContaining({
      ok: true,
      applied: true,
      sequences: [expect.objectContaining({ state: "done", to: "42" })],
    }),
  ]);
  const well = await run("sequences", "check");
  expect([well.status, well.stdout]).toEqual([0, expect.stringContaining("all well")]);
  const idle = await run("sequences", "reset");
  expect([idle.status, idle.stdout]).toEqual([0, expect.stringContaining("nothing to do")]);
  const listed = await run("operations");
  expect(listed.stdout).toMatch(/\tsequences reset\t.*\t1 sequence moved\t/);
});

test("moving a sequence back warns that ids may live on elsewhere", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE a (id serial); SELECT setval('a_id_seq', 9)");
  const { status, stderr, stdout } = await runRoomctl(["sequences", "reset", "--rewind"], { databaseUrl: scratch.url });
  expect([status, stderr]).toEqual([0, expect.stringContaining("may live on")]);
  expect(stdout).toMatch(/^a_id_seq\t10\t1\tdone\t/m);
});

test("a sequence that cannot be moved is told by the dry run, and makes the result a failure, or a partial one", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(
    "CREATE SEQUENCE short MAXVALUE 10; CREATE TABLE a (id int DEFAULT nextval('short')); INSERT INTO a VALUES (10)",
  );
  const run = (...words: string[]) => runRoomctl(["sequences", "reset", ...words], { databaseUrl: scratch.url });
  const rehearsed = await run("--dry-run");
  expect([rehearsed.status, rehearsed.stdout]).toEqual([
    3,
    expect.stringContaining("0 sequences would be moved, 1 cannot be; nothing was changed"),
  ]);
  const failed = await run();
  expect([failed.status, failed.stdout]).toEqual([
    1,
    expect.stringContaining("beyond that is the end of the sequence or of its column"),
  ]);
  expect(failed.stdout).toContain("no sequence was moved; 1 could not be");
  await database.execute("CREATE TABLE b (id serial); INSERT INTO b VALUES (4)");
  const partial = await run("--json");
  expect([partial.status, partial.json()]).toMatchObject([
    5,
    { applied: true, sequences: [{ state: "done" }, { state: "failed" }] },
  ]);
});

test("a database that roomctl never changed has no operations, and a bad limit is a usage error", async () => {
  await using scratch = await createScratchDatabase();
  const empty = await runRoomctl(["operations"], { databaseUrl: scratch.url });
  expect([empty.status, empty.stdout]).toEqual([0, "roomctl has not changed the data of this database yet\n"]);
  expect((await runRoomctl(["operations", "--limit", "many"], { databaseUrl: scratch.url })).status).toBe(2);
});
