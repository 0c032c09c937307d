import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { backUpBefore } from "../../src/commands/backup-before.js";
import type { ProgressEvent } from "../../src/commands/command.js";
import { systemClock } from "../../src/core/clock.js";
import { readOperations } from "../../src/db/operations.js";
import type { Connection } from "../../src/db/pool.js";
import { countRows } from "../../src/db/schema.js";
import { applyWipe } from "../../src/wipe/apply.js";
import { planWipe } from "../../src/wipe/plan.js";
import { createBackupFolder } from "../support/backup.js";
import { createScratchDatabase } from "../support/postgres.js";
import { scopeOf, wipeOptions } from "../support/wipe.js";

const damages: readonly (readonly [string, (file: string) => void])[] = [
  ["a bit of a chunk is flipped", flipBit],
  ["a chunk is cut off", (file) => truncateSync(file, 10)],
  ["a chunk is deleted", (file) => rmSync(file)],
];

test.each(damages)("when %s between its writing and its reading back, nothing is deleted", async (_name, damage) => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 500)");
  const scopes = scopeOf(["a"]);
  const plan = await planWipe(database, scopes, ["it"]);
  let damaged = 0;
  const onProgress = ({ message }: ProgressEvent) => {
    if (message !== "verifying") return;
    damage(onlyChunk(folder.directory));
    damaged += 1;
  };
  const setting = <T>(value: T) => ({ value, origin: "test" });
  const context = {
    settings: {
      stateDirectory: setting(folder.directory),
      migrationsDirectory: setting(folder.directory),
      backupRepository: setting(folder.directory),
      environment: setting("development" as const),
      lockTimeoutMs: setting(3000),
      lockWaitMs: setting(0),
    },
    clock: systemClock,
    signal: new AbortController().signal,
    onProgress,
  };
  const tables = [{ schema: "public", name: "a" }];
  const beforeDelete = (connection: Connection) =>
    backUpBefore({ database, connection, tables, command: "roomctl wipe", context });
  await expect(applyWipe(database, plan, { ...wipeOptions(scopes), beforeDelete })).rejects.toMatchObject({
    code: "E_BACKUP_DAMAGED",
    message: expect.stringContaining("nothing was deleted"),
  });
  expect(damaged).toBe(1);
  expect(await countRows(database, { schema: "public", name: "a" })).toBe(500);
  expect(await readOperations(database, 5)).toEqual([]);
});

function onlyChunk(repository: string): string {
  const [backup] = readdirSync(repository).filter((name) => !name.endsWith(".partial"));
  const data = join(repository, backup ?? "", "data");
  const [chunk] = readdirSync(data);
  return join(data, chunk ?? "");
}

function flipBit(file: string): void {
  const bytes = readFileSync(file);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}
