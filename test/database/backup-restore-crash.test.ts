import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { binariesIn, findEmbeddedBinaries, serverUser } from "../../src/db/binaries.js";
import { startEmbedded, stopEmbedded } from "../../src/db/embedded.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { readUnfinished } from "../../src/restore/ledger.js";
import { backUpWhole, createBackupFolder, digestTables, restoreWholeLatest } from "../support/backup.js";
import { outcomeOf } from "../support/outcome.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

/** A crash empties the unlogged one. */
const tables = `CREATE TABLE big (id int PRIMARY KEY, body text); CREATE UNLOGGED TABLE quick (id serial, n int);
  INSERT INTO big SELECT n, string_agg(md5(n::text || m), '') FROM generate_series(1, 20000) AS n, generate_series(1, 20) AS m GROUP BY n;
  INSERT INTO quick (n) SELECT generate_series(1, 1000)`;

test.each(serverNames)(
  "a server (%s) that is stopped at once in the middle of a restore loses nothing that the ledger calls done",
  async (name) => {
    using folder = createBackupFolder();
    await using source = await createScratchDatabase({ server: name });
    await using from = await source.open();
    await from.execute(tables);
    await backUpWhole(from, folder.directory);
    const directory = mkdtempSync(join(tmpdir(), "roomctl-crash-"));
    const binaries =
      name === "postgres15" ? binariesIn("/usr/lib/postgresql/15/bin") : await findEmbeddedBinaries(serverUser());
    const options = { directory: join(directory, "server"), binaries };
    try {
      const { target, dataDirectory } = await startEmbedded(options);
      await using before = await openDatabase(target);
      await using holding = await openDatabase(target);
      await using holder = await holding.connect();
      const restoring = outcomeOf(restoreWholeLatest(before, folder.directory));
      await untilStep(before, "pre-data");
      // Keeps the key of the table from being built, and so the restore from its end.
      await holder.execute("BEGIN; LOCK TABLE big IN ACCESS SHARE MODE");
      await untilStep(before, "sequences");
      // All that is committed by now survives, also what the ledger says of the rows that do not.
      await before.execute("CHECKPOINT");
      stopAtOnce(binaries.pgCtl, dataDirectory);
      expect(["E_CONNECTION_LOST", "E_CONNECT"]).toContain(await restoring);
      await startEmbedded(options);
      await using after = await openDatabase(target);
      expect(await readUnfinished(after)).toMatch(/^20/);
      // The crash has emptied it, although it had been loaded.
      expect(await after.query("SELECT FROM quick LIMIT 1")).toEqual([]);
      expect(await restoreWholeLatest(after, folder.directory)).toMatchObject({ isEqual: true, isResumed: true });
      expect(await digestTables(after)).toEqual(await digestTables(from));
    } finally {
      await stopEmbedded(options);
      rmSync(directory, { recursive: true, force: true });
    }
  },
);

const stepQuery = `SELECT FROM (TABLE roomctl_restore.ledger UNION ALL TABLE roomctl_restore.unlogged_ledger) AS done WHERE step = $1`;

async function untilStep(database: Database, step: string): Promise<void> {
  for (let attempt = 0; attempt < 5000; attempt += 1) {
    const isBegun = (await readUnfinished(database)) !== undefined;
    const rows = isBegun ? await database.query(stepQuery, [step]) : [];
    if (rows.length > 0) return;
    await sleep(2);
  }
  throw new Error(`never came to ${step}`);
}

function stopAtOnce(pgCtl: string, dataDirectory: string): void {
  const user = serverUser();
  execFileSync(pgCtl, ["stop", "-m", "immediate", "-D", dataDirectory], { ...user, cwd: "/", stdio: "ignore" });
}
