import { backupEnvironment, stricterEnvironment } from "../backup/environment.js";
import type { Manifest, ManifestMigration } from "../backup/manifest.js";
import { applyRestore, type RestoreResult } from "../backup/restore-apply.js";
import { planRestore, type RestorePlan } from "../backup/restore-plan.js";
import { openSoundBackup, type SoundBackup } from "../backup/verify.js";
import { RoomctlError } from "../core/errors.js";
import type { QualifiedName } from "../db/identifier.js";
import { type Environment, readMarker } from "../db/marker.js";
import type { Database } from "../db/pool.js";
import { applyMigrations } from "../migrate/apply.js";
import { readMigrationFiles } from "../migrate/files.js";
import { environmentToMark } from "../migrate/mark.js";
import { plural } from "../report/text.js";
import { parseTables } from "./backup-create.js";
import { restorePlanLines, restoreReceiptLines } from "./backup-restore-lines.js";
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
  /** How the database is marked now; null when it is not, which counts as protected. */
  readonly environment: Environment | null;
  readonly receipt: RestoreResult | null;
}

export const backupRestore = defineCommand<BackupRestoreOptions, BackupRestoreResult>({
  name: "backup restore",
  summary: "Load a backup into an empty or freshly migrated database",
  description: [
    "Verifies the whole backup first. An empty database gets the backup's migrations, and rows that these insert give way to the backup's; in a migrated one the tables must be empty. So nothing can be lost, and no consent is asked.",
    "A database that was empty is marked as the backup's was, or as the setting says if that is stricter; a backup of an unmarked database counts as production.",
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
    if (options.dryRun) {
      return { applied: false, plan: first, migrated: [], environment: await readEnvironment(database), receipt: null };
    }
    const migrated = isEmpty ? await migrate(database, backup.manifest, context) : [];
    const restore = { backup, clock, signal, onProgress, lockWaitMs: settings.lockWaitMs.value };
    const { plan, receipt } = await keepTellingOf(migrated, context, async () => {
      // Rows that this run's own migrations inserted are nobody's; had another run a part in them, they might be.
      const replacesRows = isEmpty && migrated.length === first.migrations.length;
      const plan = isEmpty ? await planRestore(database, backup, { tables: options.tables, replacesRows }) : first;
      const lockTimeoutMs = settings.lockTimeoutMs.value;
      return { plan, receipt: await applyRestore(database, plan, { ...restore, lockTimeoutMs }) };
    });
    const environment = await readEnvironment(database);
    warnOfLaxMarker(environment, backup, context);
    return { applied: true, plan, migrated, environment, receipt };
  },
  render: ({ receipt, ...restored }, style) =>
    receipt === null ? restorePlanLines(restored.plan, style) : restoreReceiptLines({ ...restored, receipt }, style),
});

async function readEnvironment(database: Database): Promise<Environment | null> {
  return (await readMarker(database))?.environment ?? null;
}

/** Migrations are committed one by one: a restore that fails after them leaves the schema that they made. */
async function keepTellingOf<T>(
  migrated: readonly string[],
  { warn }: CommandContext,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (migrated.length > 0) warn(`the ${plural(migrated.length, "migration")} that ran first stay applied`);
    throw error;
  }
}

/** A mark that was there before is somebody's decision, so it stays; but now it speaks of other rows. */
function warnOfLaxMarker(environment: Environment | null, { manifest }: SoundBackup, { warn }: CommandContext): void {
  const source = backupEnvironment(manifest);
  if (environment === null || stricterEnvironment(environment, source) === environment) return;
  const was = manifest.environment === null ? "was not marked" : `is marked ${source}`;
  warn(`the backup's database ${was}, this one is marked ${environment}: a wipe of these rows asks for less here`);
}

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
  manifest: Manifest,
  { settings, signal, onProgress }: CommandContext,
): Promise<readonly string[]> {
  const { steps, failure } = await applyMigrations(database, {
    directory: settings.migrationsDirectory.value,
    environment: environmentOf(manifest, environmentToMark(database.target.host, settings.environment)),
    lockWaitMs: settings.lockWaitMs.value,
    to: manifest.migrations.at(-1)?.name,
    signal,
    onProgress,
  });
  if (!failure) return steps.map((step) => step.name);
  throw new RoomctlError(failure.code, `nothing was restored: ${failure.message}`, {
    cause: failure.why,
    hint: failure.hint,
  });
}

/** Undefined leaves the database unmarked, which is no less strict than any mark but production. */
function environmentOf(manifest: Manifest, chosen: Environment | undefined): Environment | undefined {
  const source = backupEnvironment(manifest);
  if (chosen === undefined) return source === "production" ? source : undefined;
  return stricterEnvironment(source, chosen);
}
