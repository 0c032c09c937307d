import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/core/package-root.js";
import { runRoomctl } from "../support/cli.js";
import { createScratchDatabase } from "../support/postgres.js";

async function migratedDatabase() {
  const scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const directory = join(packageRoot, "migrations");
  const files = readdirSync(directory).filter((name) => name.endsWith(".up.sql"));
  for (const file of files.sort()) await database.execute(readFileSync(join(directory, file), "utf8"));
  return scratch;
}

test("a migrated database passes, and the answer is one table on stdout", async () => {
  await using scratch = await migratedDatabase();
  const { stdout, stderr, status } = await runRoomctl(["audit", "--fail-on", "info"], { databaseUrl: scratch.url });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  const lines = stdout.trimEnd().split("\n");
  expect(lines[0]?.split("\t")).toContain("survives");
  expect(lines).toHaveLength(25);
  expect(lines.at(-1)).toMatch(/^22 states, .*: ok$/);
});

test("an empty database exits with 3 and says to migrate", async () => {
  await using scratch = await createScratchDatabase();
  const { stdout, status } = await runRoomctl(["audit"], { databaseUrl: scratch.url });
  expect(status).toBe(3);
  expect(stdout).toContain("table active_rooms is missing");
  expect(stdout).toContain("next: roomctl migrate\n");
});

test("the level that fails is the caller's", async () => {
  await using scratch = await migratedDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE loose (n int)");
  const statusOf = async (...words: string[]) =>
    (await runRoomctl(["audit", ...words], { databaseUrl: scratch.url })).status;
  expect(await statusOf()).toBe(0);
  expect(await statusOf("--fail-on", "warning")).toBe(3);
  expect(await statusOf("--fail-on", "none")).toBe(0);
  expect(await statusOf("--fail-on", "fatal")).toBe(2);
});

test("--json gives a machine the states and the findings", async () => {
  await using scratch = await migratedDatabase();
  await using database = await scratch.open();
  await database.execute("INSERT INTO users (name) VALUES ('Ann'); ALTER TABLE rate_limits SET UNLOGGED");
  const words = ["audit", "--json", "--state", "users", "--state", "rate-limits"];
  const run = await runRoomctl(words, { databaseUrl: scratch.url });
  expect(run.status).toBe(3);
  expect(run.json()).toMatchObject({
    ok: false,
    command: "audit",
    failOn: "error",
    states: [
      {
        name: "users",
        rows: 1,
        survivesRestart: "yes",
        newestWrite: expect.stringMatching(/^\d{4}-.*Z$/),
        shape: "as expected",
      },
      { name: "rate limits", rows: 0, survivesRestart: "no", outcome: "unlogged" },
    ],
    findings: [
      {
        id: "table-unlogged",
        severity: "error",
        subject: "rate_limits",
        hint: 'ALTER TABLE "public"."rate_limits" SET LOGGED;',
      },
    ],
    durationMs: expect.any(Number),
  });
});
