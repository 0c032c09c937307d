import type { AnomalyFinding } from "../backup/anomaly.js";
import { type BackupReceipt, type CreateBackupOptions, createBackup } from "../backup/create.js";
import { withRepositoryLock } from "../backup/repository-lock.js";
import type { BackupVerdict } from "../backup/verify.js";
import { verifyAndMark } from "../backup/verify-all.js";
import { type ExitCode, exitCodes, type RoomctlError } from "../core/errors.js";
import { formatName } from "../db/identifier.js";
import type { Database } from "../db/pool.js";
import { findCollapse } from "./backup-collapse.js";
import { backupCreateLines } from "./backup-create-lines.js";
import { type BackupCreateOptions, backupCreateFlags, parseBackupCreate } from "./backup-create-options.js";
import { waitJitter } from "./backup-jitter.js";
import { withMonitoring } from "./backup-monitoring.js";
import { captureSchemaFor } from "./backup-schema.js";
import { type CommandContext, defineCommand } from "./command.js";

export interface BackupCreateResult extends BackupReceipt {
  /** What there is much less of than in the whole backup before. */
  readonly collapse: readonly AnomalyFinding[];
  /** True with --fail-on-collapse. */
  readonly failsOnCollapse: boolean;
  /** Of the new backup, with --verify. */
  readonly verification: BackupVerdict | null;
}

export const backupCreate = defineCommand<BackupCreateOptions, BackupCreateResult>({
  name: "backup create",
  summary: "Back up every table from one consistent snapshot",
  description: [
    "Locks the tables against TRUNCATE and schema changes before it looks at them; readers and writers go on.",
    "A backup appears in the repository when it is complete, never before. It holds the schema, the rows of every table, unlogged ones too, and sequence positions.",
    "From cron: --quiet prints nothing when all is well; --metrics and --ping tell those who watch. roomctl backup schedule prints a crontab line or units.",
  ],
  flags: backupCreateFlags,
  examples: [
    { command: "roomctl backup create", explanation: "every table" },
    { command: "roomctl backup create --table users --note before-import", explanation: "one table, with a remark" },
    {
      command: "roomctl backup create --quiet --json --verify --metrics backup.prom",
      explanation: "from cron: one JSON object, and a file for Prometheus",
    },
  ],
  parse: parseBackupCreate,
  run: (options, context) =>
    withMonitoring(
      options.monitoring,
      context,
      () => runBackup(options, context),
      (result) => ({
        exitCode: exitCodeOf(result),
        made: { rows: result.rows, sizeBytes: result.sizeBytes, tables: result.tables.length },
      }),
    ),
  render: backupCreateLines,
  exitCode: exitCodeOf,
});

async function runBackup(options: BackupCreateOptions, context: CommandContext): Promise<BackupCreateResult> {
  await waitJitter(options.jitterMs, context);
  await using database = await context.openDatabase();
  const { backupRepository, lockWaitMs } = context.settings;
  const lock = {
    waitMs: lockWaitMs.value,
    signal: context.signal,
    clock: context.clock,
    onWait: (holder: string) => context.tell(`waiting for ${holder}, which uses the backup folder`),
  };
  return await withRepositoryLock(backupRepository.value, lock, async () => {
    const receipt = await createBackup(database, engineOptions(options, context, database));
    for (const name of receipt.swept) context.tell(`removed ${name}, left behind by a run that was killed`);
    for (const { kind, schema, name, reason } of receipt.skipped) {
      context.warn(`not in the backup: ${kind} ${formatName({ schema, name })} (${reason})`);
    }
    const verification = options.verify ? await verifyNew(receipt, context) : null;
    const collapse = await findCollapse(backupRepository.value, receipt.id);
    for (const { message } of collapse) context.warn(message);
    return { ...receipt, verification, collapse, failsOnCollapse: options.failOnCollapse };
  });
}

function engineOptions(options: BackupCreateOptions, context: CommandContext, database: Database): CreateBackupOptions {
  const { tables, note, jobs, compression, schema } = options;
  const { settings, clock, signal, onProgress } = context;
  return {
    repository: settings.backupRepository.value,
    tables,
    note,
    jobs,
    compression,
    clock,
    signal,
    onProgress,
    lockWaitMs: settings.lockWaitMs.value,
    lockTimeoutMs: settings.lockTimeoutMs.value,
    // Chosen tables go back into a database that has its schema.
    captureSchema: tables === undefined ? captureSchemaFor(context, database, schema) : undefined,
  };
}

async function verifyNew({ id }: BackupReceipt, context: CommandContext): Promise<BackupVerdict> {
  const { settings, clock, signal, onProgress } = context;
  const onUnmarked = (error: RoomctlError) => context.warn(error.message);
  const verdict = await verifyAndMark(settings.backupRepository.value, id, { clock, signal, onProgress, onUnmarked });
  for (const finding of verdict.findings) context.warn(`backup ${id} is damaged: ${finding.message}`);
  return verdict;
}

function exitCodeOf({ verification, collapse, failsOnCollapse }: BackupCreateResult): ExitCode {
  const isBad = verification?.ok === false || (failsOnCollapse && collapse.length > 0);
  return isBad ? exitCodes.findings : exitCodes.ok;
}
