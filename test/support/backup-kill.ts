import { spawn } from "node:child_process";
import { once } from "node:events";
import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { listBackups } from "../../src/backup/list.js";
import { verifyBackup } from "../../src/backup/verify.js";
import { createBackupFolder } from "./backup.js";
import { programPath } from "./cli.js";
import { createScratchDatabase, type ServerName } from "./postgres.js";

export interface KillReport {
  /** Runs that were killed while they wrote, and runs that had published their backup by then. */
  readonly killed: number;
  readonly published: number;
  /** Runs that said they were done, without a backup: must be 0. */
  readonly lost: number;
  /** Backups in the repository that did not verify: must be empty. */
  readonly damaged: readonly string[];
  /** Backups that there are in the end: one of each run that had published it. */
  readonly backups: number;
  /** What lay in the repository in the end besides backups: must be empty. */
  readonly leftovers: readonly string[];
  readonly finalStatus: number | null;
}

const rows = 60_000;

/**
 * Kills `backup create` (SIGKILL) whenever its draft has grown beyond another share of the whole, then lets one run come
 * to its end. `shares` are of the bytes that a whole backup takes, 0 to 1.
 */
export async function killBackups(server: ServerName, shares: readonly number[]): Promise<KillReport> {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open();
  await database.execute(`CREATE TABLE big (id int, body text); CREATE TABLE small (id int); INSERT INTO small VALUES (1);
    INSERT INTO big SELECT n, md5(n::text) || md5((n * 7)::text) || repeat(md5((n % 99)::text), 4) FROM generate_series(1, ${rows}) AS n`);
  const start = () =>
    spawn(
      process.execPath,
      [programPath, "backup", "create", "--quiet", "--repo", folder.directory, "--schema", "none"],
      {
        env: { PATH: process.env["PATH"], ROOMCTL_DATABASE_URL: scratch.url },
        stdio: "ignore",
      },
    );
  const first = start();
  await once(first, "exit");
  const wholeBytes = bytesIn(folder.directory);
  const counts = { killed: 0, published: 2, lost: 0 };
  const countBackups = async () => (await listBackups(folder.directory)).backups.length;
  const killAt = async (share: number) => {
    const earlier = new Set(folder.entries());
    const before = await countBackups();
    const run = start();
    const ended = once(run, "exit");
    while (run.exitCode === null && newBytesIn(folder.directory, earlier) < share * wholeBytes) await sleep(1);
    run.kill("SIGKILL");
    await ended;
    const isPublished = (await countBackups()) > before;
    if (isPublished) counts.published += 1;
    else if (run.exitCode === 0) counts.lost += 1;
    else counts.killed += 1;
    return !isPublished;
  };
  // One that was quicker than its kill proves little: it is tried again, but not for ever.
  for (const share of shares) for (let tries = 0; tries < 5 && !(await killAt(share)); ) tries += 1;
  const last = start();
  await once(last, "exit");
  const { backups } = await listBackups(folder.directory);
  const damaged: string[] = [];
  for (const { id } of backups) if (!(await verifyBackup(folder.directory, id)).ok) damaged.push(id);
  const leftovers = folder.entries().filter((name) => !backups.some(({ id }) => id === name));
  return { ...counts, damaged, backups: backups.length, leftovers, finalStatus: last.exitCode };
}

/** Of what was not there earlier. */
function newBytesIn(folder: string, earlier: ReadonlySet<string>): number {
  const fresh = entriesOf(folder).filter(({ name }) => !earlier.has(name));
  return fresh.reduce((sum, { name }) => sum + bytesIn(join(folder, name)), 0);
}

/** Of all files, whatever is being made or removed meanwhile. */
function bytesIn(folder: string): number {
  let sum = 0;
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    sum += entry.isDirectory() ? bytesIn(path) : (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  }
  return sum;
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // Gone since it was listed: a draft was published, or swept.
    return [];
  }
}
