import { chmodSync, lstatSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import { withFileLock } from "../db/directory-lock.js";
import type { ListedBackup } from "./list.js";
import { formatSamples, metricNames, parseSamples, type Samples } from "./metrics-text.js";

/** What a run of `backup create` did, for those who watch it. */
export interface BackupRun {
  readonly endedAt: Date;
  readonly durationMs: number;
  readonly exitCode: number;
  /** What the new backup holds; undefined when none was made. */
  readonly made?: { readonly rows: number; readonly sizeBytes: number; readonly tables: number };
}

export interface MetricsUpdate {
  /** Undefined when the run did not get as far as to know it: then that of the file's last run. */
  readonly database: string | undefined;
  readonly repository: string;
  /** Left out by a command that only changes what backups there are. */
  readonly run?: BackupRun;
  /** The repository's backups, of whatever databases; undefined when they could not be listed. */
  readonly backups?: readonly ListedBackup[];
}

/**
 * Brings a file for node_exporter's textfile collector up to date: one replacement in one step, mode 644. What the update
 * does not say stays as it was, so the last success moves only with a success; so do the lines of other databases.
 * Throws E_FILE, E_LOCKED.
 */
export async function updateMetricsFile(file: string, update: MetricsUpdate): Promise<void> {
  try {
    const path = regularFile(file);
    // A run that fails because another one holds the lock would otherwise put back what it read before that one's success.
    const lock = join(dirname(path), `.${basename(path)}.lock`);
    await withFileLock(lock, { waitMs: 5000 }, async () => replace(path, merge(read(path), update)));
  } catch (cause) {
    if (cause instanceof RoomctlError) throw cause;
    throw new RoomctlError("E_FILE", `cannot write the metrics file ${file}: ${messageOf(cause)}`, {
      cause,
      hint: "give its user the right to write in that folder, or choose another file with --metrics FILE",
    });
  }
}

/** A device or a pipe must not be replaced by a file, and a link's own place is where the collector looks. */
function regularFile(file: string): string {
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return file;
  const path = realpathSync(file);
  if (lstatSync(path).isFile()) return path;
  throw new RoomctlError("E_FILE", `the metrics file ${file} is not a regular file`, {
    hint: "name a file that ends in .prom in the folder that the collector reads",
  });
}

function read(path: string): readonly Samples[] {
  try {
    return parseSamples(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function merge(written: readonly Samples[], update: MetricsUpdate): readonly Samples[] {
  const { repository } = update;
  const database = update.database ?? written.find((one) => one.repository === repository)?.database ?? "";
  const isSame = (one: Samples) => one.database === database && one.repository === repository;
  const before = written.find(isSame)?.values ?? {};
  // Nothing at all would make an alert on their age silent: before the first time, the age is that of the epoch.
  const never = { [metricNames.lastSuccess]: 0, [metricNames.verified]: 0 };
  const values = { ...never, ...before, ...runValues(update.run), ...stockValues(update.backups, database) };
  return [...written.filter((one) => !isSame(one)), { database, repository, values }];
}

function runValues(run: BackupRun | undefined): Samples["values"] {
  if (!run) return {};
  const { endedAt, durationMs, exitCode, made } = run;
  return {
    [metricNames.lastRun]: seconds(endedAt),
    [metricNames.lastStatus]: exitCode,
    [metricNames.duration]: durationMs / 1000,
    ...(exitCode === 0 ? { [metricNames.lastSuccess]: seconds(endedAt) } : {}),
    ...(made
      ? {
          [metricNames.rows]: made.rows,
          [metricNames.size]: made.sizeBytes,
          [metricNames.tables]: made.tables,
        }
      : {}),
  };
}

/** Of whole backups of this database that are not damaged; what there is none of has no time. */
function stockValues(backups: readonly ListedBackup[] | undefined, database: string): Samples["values"] {
  if (!backups) return {};
  const own = backups.filter((backup) => backup.database === database && backup.isWhole && backup.state !== "damaged");
  const times = own.map(({ createdAt }) => Date.parse(createdAt ?? "") / 1000).filter(Number.isFinite);
  const verified = own.map(({ verification }) => Date.parse(verification?.verifiedAt ?? "") / 1000);
  return {
    [metricNames.count]: own.length,
    [metricNames.oldest]: times.length === 0 ? undefined : Math.floor(Math.min(...times)),
    [metricNames.newest]: times.length === 0 ? undefined : Math.floor(Math.max(...times)),
    [metricNames.verified]: Math.floor(Math.max(0, ...verified.filter(Number.isFinite))),
  };
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}

/** Beside the file, under a name that the collector does not read. */
function replace(path: string, samples: readonly Samples[]): void {
  const draft = join(dirname(path), `.${basename(path)}.new`);
  try {
    writeFileSync(draft, formatSamples(samples), { mode: 0o644 });
    // The collector runs as another user, whatever our umask.
    chmodSync(draft, 0o644);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
