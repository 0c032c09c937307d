import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { confirmPlan } from "../../src/cli/confirm.js";
import type { CommandContext } from "../../src/commands/command.js";
import { wipeFresh } from "../../src/commands/wipe-fresh.js";
import { freshExit, freshLines } from "../../src/commands/wipe-fresh-lines.js";
import { parseWipe } from "../../src/commands/wipe-options.js";
import { systemClock } from "../../src/core/clock.js";
import { writeMarker } from "../../src/db/marker.js";
import { withTransaction } from "../../src/db/transaction.js";
import { plainStyle } from "../../src/report/style.js";
import { createScratchDatabase, type ScratchDatabase, serverNames } from "../support/postgres.js";

const first = "CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, body text);";
const seed = "INSERT INTO notes (body) VALUES ('hello'), ('again');";

test.each(serverNames)("on %s a fresh start wipes, migrates and seeds, as often as it is asked for", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  await using app = createApp(scratch);
  await app.mark("development");
  const shown = await app.run({});
  expect(shown).toMatchObject({ applied: false, steps: { pending: ["0001_notes"], seedSkipped: null } });
  expect(freshLines(shown, plainStyle).join("\n")).toContain("1 migration would be applied");
  expect(await app.run({ confirm: true })).toMatchObject({ migrate: { state: "done" }, seed: { state: "done" } });
  await app.query("INSERT INTO notes (body) VALUES ('mine')");
  const again = await app.run({ confirm: true });
  expect(again).toMatchObject({
    applied: true,
    wipe: { tables: [{ table: "notes", rowsDeleted: 3, rowsLeft: 0 }], receipt: expect.any(String) },
    migrate: { summary: "nothing to apply" },
    seed: { summary: expect.stringContaining("2 rows inserted") },
  });
  expect(freshExit(again)).toBe(0);
  expect(await app.query("SELECT id, body FROM notes ORDER BY id")).toEqual([
    { id: 1, body: "hello" },
    { id: 2, body: "again" },
  ]);
});

test("production and what was never marked are refused, and staging goes by its name, without a seed", async () => {
  await using scratch = await createScratchDatabase();
  await using app = createApp(scratch);
  const given = { confirm: scratch.target.database, allow: ["protected-host"] };
  await expect(app.run(given)).rejects.toMatchObject({ code: "E_PROTECTED" });
  await app.mark("production");
  await expect(app.run({})).rejects.toMatchObject({ code: "E_PROTECTED" });
  await expect(app.run(given)).rejects.toMatchObject({ code: "E_PROTECTED" });
  await app.mark("staging");
  const shown = await app.run({});
  const plan = shown.applied ? "" : shown.token;
  await expect(app.run({ confirm: true })).rejects.toMatchObject({ code: "E_CONFIRM_REQUIRED" });
  await expect(app.run({ plan })).rejects.toMatchObject({ code: "E_CONFIRM_REQUIRED" });
  await expect(app.run({ confirm: "other" })).rejects.toMatchObject({ code: "E_CONFIRM_MISMATCH" });
  expect(await app.run({ confirm: scratch.target.database })).toMatchObject({
    migrate: { state: "done" },
    seed: { state: "skipped", summary: expect.stringContaining("staging") },
  });
});

test("a migration that fails after the wipe leaves a result that says what is done, how to go on and how to go back", async () => {
  await using scratch = await createScratchDatabase();
  await using app = createApp(scratch);
  await app.mark("development");
  await app.run({ confirm: true });
  app.write("migrations/0002_broken.up.sql", "SELECT 1 / (SELECT count(*) FROM notes);");
  const result = await app.run({ confirm: true });
  expect(result).toMatchObject({ applied: true, migrate: { state: "failed" }, seed: { state: "skipped" } });
  expect(freshExit(result)).toBe(5);
  const lines = freshLines(result, plainStyle).join("\n");
  const receipt = result.applied ? result.wipe.receipt : "";
  expect(lines).toContain(`roomctl wipe undo ${receipt}`);
  expect(lines).toContain("roomctl migrate && roomctl seed");
  expect(await app.query("SELECT count(*)::int AS rows FROM notes")).toEqual([{ rows: 0 }]);
});

test("an app without migrations or a seed file has these steps left out, and says so", async () => {
  await using scratch = await createScratchDatabase();
  await using app = createApp(scratch, { isBare: true });
  await app.mark("development");
  await app.query("CREATE TABLE notes (id serial)");
  const result = await app.run({ confirm: true });
  expect(result).toMatchObject({ migrate: { state: "skipped" }, seed: { state: "skipped" } });
  expect(freshLines(result, plainStyle).join("\n")).toContain("the app has no migrations");
});

function createApp(scratch: ScratchDatabase, { isBare = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-fresh-"));
  mkdirSync(join(folder, "migrations"));
  const write = (file: string, sql: string) => writeFileSync(join(folder, file), sql);
  if (!isBare) write("migrations/0001_notes.up.sql", first);
  write("seed.sql", seed);
  const setting = <T>(value: T) => ({ value, origin: "test" });
  const context: CommandContext = {
    app: {
      name: "notes",
      states: [],
      shapes: {},
      checks: [],
      migrationsDirectory: join(folder, "migrations"),
      scopes: [
        {
          name: "all",
          summary: "everything",
          tables: ["notes", "not_made_yet"],
          resets: [{ table: "not_made_yet", column: "body", value: "''" }],
        },
      ],
      ...(isBare ? {} : { seedFile: join(folder, "seed.sql") }),
    },
    configPath: undefined,
    settings: {
      stateDirectory: setting(folder),
      migrationsDirectory: setting(join(folder, "migrations")),
      backupRepository: setting(join(folder, "backups")),
      environment: setting("development"),
      lockTimeoutMs: setting(3000),
      lockWaitMs: setting(0),
    },
    clock: systemClock,
    signal: new AbortController().signal,
    resolveTarget: async () => setting(scratch.target),
    openDatabase: () => scratch.open({ applicationName: "roomctl/wipe" }),
    openLog: () => Promise.reject(new Error("a wipe keeps no log")),
    tell: () => {},
    onProgress: () => {},
    warn: () => {},
    repeat: (command) => command,
    confirm: (request) => confirmPlan(request, { canAsk: false, ask: async () => "" }),
  };
  return {
    write,
    run: (flags: Parameters<typeof parseWipe>[0]["flags"]) =>
      wipeFresh(parseWipe({ words: [], flags: { fresh: true, ...flags } }), context),
    async mark(environment: "development" | "staging" | "production") {
      await using database = await scratch.open();
      await withTransaction(database, {}, (connection) => writeMarker(connection, environment));
    },
    async query(sql: string) {
      await using database = await scratch.open();
      return await database.query(sql);
    },
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}
