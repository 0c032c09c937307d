import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyBackup } from "../../src/backup/verify.js";
import { readWipeRecords } from "../../src/restore/undo-record.js";
import { digestTables } from "./backup.js";
import { runRoomctl } from "./cli.js";
import type { ScratchDatabase, ServerName } from "./postgres.js";
import { createWipeApp, untilAlone, wipeAppConfig } from "./wipe-app.js";

export interface WipeKillReport {
  /** Statements of a wipe that nobody kills. */
  readonly statements: number;
  /** Runs that died at work, and how many of them had committed. */
  readonly killed: number;
  readonly wiped: number;
  /** Rounds after which database and receipts did not agree, each in words. */
  readonly lies: readonly string[];
}

/**
 * Kills a wipe after each share of its statements, from 0 to 1, and looks whether all of it happened, with a receipt that
 * undoes it, or nothing. By what the process says of itself, so that it is the same on a slow machine.
 */
export async function killWipes(server: ServerName, shares: readonly number[]): Promise<WipeKillReport> {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-wipe-kill-"));
  writeFileSync(join(folder, "roomctl.config.json"), JSON.stringify(wipeAppConfig));
  try {
    await using scratch = await createWipeApp(300, server);
    const run = (words: readonly string[], killAfter = Number.POSITIVE_INFINITY) =>
      runCounted({ scratch, folder }, words, killAfter);
    const before = await lookAt(scratch, folder);
    const { statements } = await run(["wipe", "--confirm", "--verbose"]);
    const empty = await lookAt(scratch, folder);
    await run(["wipe", "undo", "latest"]);
    const report = { statements, killed: 0, wiped: 0, lies: [] as string[] };
    for (const share of shares) {
      const known = (await lookAt(scratch, folder)).receipts;
      const { signal } = await run(["wipe", "--confirm", "--verbose"], Math.max(1, Math.ceil(share * statements)));
      if (signal === "SIGKILL") report.killed += 1;
      const after = await lookAt(scratch, folder);
      const isWiped = after.rows === empty.rows;
      const expected = { rows: isWiped ? empty.rows : before.rows, receipts: known + (isWiped ? 1 : 0), isSound: true };
      if (JSON.stringify(after) !== JSON.stringify(expected)) report.lies.push(`${share}: ${JSON.stringify(after)}`);
      if (!isWiped) continue;
      if (signal === "SIGKILL") report.wiped += 1;
      await run(["wipe", "undo", "latest"]);
      if ((await lookAt(scratch, folder)).rows !== before.rows)
        report.lies.push(`${share}: the undo brought back something else`);
    }
    return report;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Place {
  readonly scratch: ScratchDatabase;
  readonly folder: string;
}

async function runCounted({ scratch, folder }: Place, words: readonly string[], killAfter: number) {
  const reached = new EventEmitter<{ moment: [] }>();
  let statements = 0;
  const { signal, status, stderr } = await runRoomctl(words, {
    databaseUrl: scratch.url,
    workingDirectory: folder,
    signal: { name: "SIGKILL", after: once(reached, "moment") },
    onErrorLine: (line) => {
      if (line.includes('"msg":"statement"')) statements += 1;
      if (statements === killAfter) reached.emit("moment");
    },
  });
  if (signal !== "SIGKILL" && status !== 0) throw new Error(stderr);
  return { signal, statements };
}

/** What is there once the server has noticed the death, and whether the newest receipt is good. */
async function lookAt(scratch: ScratchDatabase, folder: string) {
  await using database = await scratch.open();
  await untilAlone(database);
  const records = await readWipeRecords(database);
  const receipt = records[0]?.receipt;
  const verdict = receipt ? await verifyBackup(join(folder, ".roomctl", "backups"), receipt) : { ok: true };
  // Which table comes first, no order of theirs decides.
  const rows = JSON.stringify(Object.entries(await digestTables(database)).sort());
  return { rows, receipts: records.length, isSound: verdict.ok };
}
