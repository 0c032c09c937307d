import { expect, test } from "vitest";
import { runRoomctl } from "../support/cli.js";
import { createScratchDatabase } from "../support/postgres.js";

test("protection is given freely and taken away only with the database's name", async () => {
  await using scratch = await createScratchDatabase();
  const mark = (...words: string[]) => runRoomctl(["config", "mark", ...words, "--json"], { databaseUrl: scratch.url });

  const unmarked = await mark("development", "--confirm");
  expect(unmarked).toMatchObject({ status: 4, stdout: "" });
  expect(unmarked.stderr).toContain(`--confirm=${scratch.target.database}`);

  expect((await mark("production")).json()).toMatchObject({ environment: "production", previous: null });
  expect((await mark("staging")).json()).toMatchObject({ environment: "staging", previous: "production" });
  expect(await mark("development")).toMatchObject({ status: 4 });
  const named = await mark("development", `--confirm=${scratch.target.database}`);
  expect(named.json()).toMatchObject({ environment: "development", previous: "staging" });
  expect(await mark("qa")).toMatchObject({ status: 2 });
});

test("a marker decides what a bare --confirm may do", async () => {
  await using scratch = await createScratchDatabase();
  const run = (...words: string[]) => runRoomctl(words, { databaseUrl: scratch.url });
  await run("migrate");
  await run("config", "mark", "production");
  expect(await run("wipe", "--scope", "rooms", "--confirm")).toMatchObject({ status: 4 });
  expect(await run("seed")).toMatchObject({ status: 4 });
  await run("config", "mark", "development", `--confirm=${scratch.target.database}`);
  expect(await run("wipe", "--scope", "rooms", "--confirm")).toMatchObject({ status: 0 });
  expect(await run("seed")).toMatchObject({ status: 0 });
  const operations = await run("operations");
  expect(operations.stdout).toContain("50,160 rows inserted");
});
