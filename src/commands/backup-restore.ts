import type { ManifestMigration } from "../backup/manifest.js";
import { applyRestore, type RestoreResult } from "../backup/restore-apply.js";
import { planRestore, type RestorePlan } from "../backup/restore-plan.js";
import { openSoundBackup } from "../backup/verify.js";
import { formatDuration } from "../core/duration.js";
import { RoomctlError } from "../core/errors.js";
import { formatName, type QualifiedName } from "../db/identifier.js";
import type { Database } from "../db/pool.js";
import { applyMigrations } from "../migrate/apply.js";
import { readMigrationFiles } from "../migrate/files.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatBytes, formatCount, plural } from "../report/text.js";
import { parseTables } from "./backup-create.js";
import { type CommandContext, defineCommand } from "./command.js";
import { directoryFlag } from "./migrate-options.js";

interface BackupRestoreOptions {
  readonly backup: string;
  readonly tables: readonly QualifiedName[] | undefined;
  readonly dryRun: boolean;
}

interface BackupRestoreResult {
  readonly applied: boolean;
  readonly plan: RestorePlan;
  /** Migrations that this run applied to an empty database first. */
  readonly migrated: readonly string[];
  readonly receipt: RestoreResult | null;
}

export const backupRestore = defineCommand<BackupRestoreOptions, BackupRestoreResult>({
  name: "backup restore",
  summary: "Load a backup into an empty or freshly migrated database",
  description: [
    "Verifies the whole backup first. An empty database gets the backup's migrations; in a migrated one the tables must be empty, so nothing can be lost and no consent is asked.",
    "One transaction loads everything, moves sequences past what was loaded, compares every table with its fingerprint, and commits only what is equal.",
  ],
  words: [{ syntax: "[backup]", description: "Its id, the beginning of it, or latest (the default)" }],
  flags: [
    { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
    directoryFlag,
    { flags: "--table <name>", description: "Restore only this table, with its partitions", isRepeatable: true },
    { flags: "--dry-run", description: "Show the plan and change nothing" },
  ],
  examples: [
    { command: "roomctl backup restore --dry-run", explanation: "what restoring the newest backup would do" },
    { command: "roomctl backup restore latest", explanation: "restore the newest backup" },
  ],
  parse: ({ words, flags }) => ({
    backup: words[0] ?? "latest",
    tables: parseTables(flags["table"]),
    dryRun: flags["dryRun"] === true,
  }),
  async run(options, context) {
    const { signal, clock, onProgress, settings } = context;
    const backup = await openSoundBackup(settings.backupRepository.value, options.backup, { signal, onProgress });
    await using database = await context.openDatabase();
    const first = await planRestore(database, backup, options);
    const isEmpty = first.target === "empty";
    if (isEmpty) assertSameMigrations(first.migrations, settings.migrationsDirectory.value);
    if (options.dryRun) return { applied: false, plan: first, migrated: [], receipt: null };
    const migrated = isEmpty ? await migrate(database, first.migrations, context) : [];
    const plan = isEmpty ? await planRestore(database, backup, options) : first;
    const lock = { lockWaitMs: settings.lockWaitMs.value, lockTimeoutMs: settings.lockTimeoutMs.value };
    const receipt = await applyRestore(database, plan, { backup, clock, signal, onProgress, ...lock });
    return { applied: true, plan, migrated, receipt };
  },
  render: ({ plan, migrated, receipt }, style) =>
    receipt === null ? planLines(plan, style) : receiptLines(plan, migrated, receipt, style),
});

/** The files must be the ones that made the schema of the backup. Throws E_SCHEMA. */
function assertSameMigrations(recorded: readonly ManifestMigration[], directory: string): void {
  if (recorded.length === 0) {
    throw new RoomctlError(
      "E_SCHEMA",
      "the database is empty, and the backup names no migrations that would make its tables",
      {
        hint: "make the schema as the app does, then: roomctl backup restore",
      },
    );
  }
  const files = readMigrationFiles(directory).slice(0, recorded.length);
  const differing = recorded.find(({ name, checksum }, index) => {
    const file = files[index];
    return file?.name !== name || (checksum !== null && file.checksum !== checksum);
  });
  if (differing === undefined) return;
  throw new RoomctlError(
    "E_SCHEMA",
    `the database is empty, and the files in ${directory} are not the backup's migrations: ${differing.name} is missing, edited or out of its place`,
    {
      hint: "point --dir at the migrations of the backup's release, or make the schema yourself and restore into that",
    },
  );
}

async function migrate(
  database: Database,
  recorded: readonly ManifestMigration[],
  { settings, signal, onProgress }: CommandContext,
): Promise<readonly string[]> {
  const { steps, failure } = await applyMigrations(database, {
    directory: settings.migrationsDirectory.value,
    environment: settings.environment.value,
    lockWaitMs: settings.lockWaitMs.value,
    to: recorded.at(-1)?.name,
    signal,
    onProgress,
  });
  if (!failure) return steps.map((step) => step.name);
  throw new RoomctlError(failure.code, `nothing was restored: ${failure.message}`, {
    cause: failure.why,
    hint: failure.hint,
  });
}

function planLines(plan: RestorePlan, style: Style): readonly string[] {
  const columns = [{ title: "table" }, { title: "rows", align: "right" }, { title: "stored", align: "right" }] as const;
  const rows = plan.tables.map((table) => [formatName(table), formatCount(table.rows), formatBytes(table.sizeBytes)]);
  const constraints = plan.suspendedConstraints.map(
    ({ schema, table, name }) => `${formatName({ schema, name: table })}.${name}`,
  );
  const triggers = plan.pausedTriggers.map(
    ({ schema, table, name }) => `${formatName({ schema, name: table })}.${name}`,
  );
  return [
    ...tableLines(columns, rows, style),
    "",
    ...(plan.target === "empty"
      ? [`runs ${plural(plan.migrations.length, "migration")} first: the database is empty`]
      : []),
    ...(constraints.length > 0 ? [`dropped for the load and added again: ${constraints.join(", ")}`] : []),
    ...(triggers.length > 0 ? [`do not fire for restored rows: ${triggers.join(", ")}`] : []),
    `would restore ${plural(plan.rows, "row")} of backup ${plan.backup} into ${JSON.stringify(plan.database)}; nothing was changed`,
  ];
}

function receiptLines(
  plan: RestorePlan,
  migrated: readonly string[],
  receipt: RestoreResult,
  style: Style,
): readonly string[] {
  const what = `${plural(receipt.tables.length, "table")}, ${plural(receipt.rows, "row")}`;
  return [
    ...(migrated.length > 0 ? [`applied ${plural(migrated.length, "migration")}`] : []),
    style.good(
      `restored ${what} of backup ${receipt.backup} into ${JSON.stringify(plan.database)} in ${formatDuration(receipt.durationMs)}`,
    ),
    `every table's content equals the backup's; ${plural(receipt.sequences.length, "sequence")} stand past what was loaded`,
  ];
}
