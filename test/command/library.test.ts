import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/core/package-root.js";
import { createScratchDatabase } from "../support/postgres.js";

const run = promisify(execFile);

/** What the README shows, and a little more: the package by its own name, as another program would import it. */
const program = `
  import { applyMigrations, createBackup, openDatabase, parseTarget, planRecovery, planWipe, referenceApp, systemClock, verifyBackup } from "roomctl";
  import { mkdtempSync, rmSync } from "node:fs";
  const database = await openDatabase(parseTarget(process.env.TARGET, {}));
  const repository = mkdtempSync("/tmp/roomctl-library-");
  const migrated = await applyMigrations(database, {
    directory: referenceApp.migrationsDirectory, environment: "development", lockWaitMs: 0,
  });
  const plan = await planWipe(database, referenceApp.scopes, ["rooms"]);
  const { counts } = await planRecovery(database, referenceApp.recovery);
  const backup = await createBackup(database, { repository, clock: systemClock });
  const { ok } = await verifyBackup(repository, backup.id);
  console.log(JSON.stringify({
    migrated: migrated.steps.length, tables: plan.tables.map(({ table }) => table), counts, backedUp: backup.tables.length, ok,
  }));
  rmSync(repository, { recursive: true });
  await database[Symbol.asyncDispose]();
`;

test("another program imports the package by its name and uses the same parts as the commands", async () => {
  await using scratch = await createScratchDatabase();
  const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", program], {
    cwd: packageRoot,
    env: { PATH: process.env["PATH"], TARGET: scratch.url },
  });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({
    migrated: 7,
    tables: ["text_room_activity", "active_rooms"],
    counts: { recovered: 0, ended: 0, skipped: 0 },
    // The reference app's 25, and four of roomctl's own.
    backedUp: 32,
    ok: true,
  });
});
