import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { ManifestMigration } from "../backup/manifest.js";
import type { SoundBackup } from "../backup/verify.js";
import { RoomctlError } from "../core/errors.js";
import type { QualifiedName } from "../db/identifier.js";
import type { Database } from "../db/pool.js";
import { applyMigrations } from "../migrate/apply.js";
import { readMigrationFiles } from "../migrate/files.js";
import { plural } from "../report/text.js";
import { applyRestore, type RestoreResult } from "../restore/apply.js";
import { planRestore, type RestorePlan } from "../restore/plan.js";
import { readChecked } from "../restore/schema.js";
import { environmentFor } from "./backup-restore-mark.js";
import type { CommandContext } from "./command.js";

export interface MigratedRestore {
  readonly plan: RestorePlan;
  readonly migrated: readonly string[];
  readonly receipt: RestoreResult;
}

/** Makes the tables of an empty database by the backup's migrations, and loads its rows. Throws E_SCHEMA, E_MIGRATION_FAILED. */
export async function migrateAndRestore(
  database: Database,
  backup: SoundBackup,
  tables: readonly QualifiedName[] | undefined,
  context: CommandContext,
): Promise<MigratedRestore> {
  const { signal, clock, onProgress, settings } = context;
  return await withMigrations(backup, context, async (directory) => {
    const migrated = await migrate(database, { backup, directory, context });
    try {
      // Rows that this run's own migrations inserted are nobody's; had another run a part in them, they might be.
      const replacesRows = migrated.length === backup.manifest.migrations.length;
      const plan = await planRestore(database, backup, { tables, replacesRows });
      const receipt = await applyRestore(database, plan, {
        backup,
        clock,
        signal,
        onProgress,
        lockWaitMs: settings.lockWaitMs.value,
        lockTimeoutMs: settings.lockTimeoutMs.value,
      });
      return { plan, migrated, receipt };
    } catch (error) {
      // They are committed one by one: a restore that fails after them leaves the schema that they made.
      if (migrated.length > 0) context.warn(`the ${plural(migrated.length, "migration")} that ran first stay applied`);
      throw error;
    }
  });
}

/**
 * Runs `work` with a folder of the migrations that made the backup's schema: those that it holds, or else the configured
 * ones, if they are the same. Throws E_SCHEMA.
 */
export async function withMigrations<T>(
  { stored, manifest }: SoundBackup,
  { settings }: CommandContext,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const { schema, migrations } = manifest;
  if (schema.origin !== "migrations") {
    assertSameMigrations(migrations, settings.migrationsDirectory.value);
    return work(settings.migrationsDirectory.value);
  }
  const directory = mkdtempSync(join(tmpdir(), "roomctl-migrations-"));
  try {
    for (const file of schema.files) {
      writeFileSync(join(directory, basename(file.file)), await readChecked(stored, file), { mode: 0o600 });
    }
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The files must be the ones that made the schema of the backup. Throws E_SCHEMA. */
function assertSameMigrations(recorded: readonly ManifestMigration[], directory: string): void {
  if (recorded.length === 0) {
    throw new RoomctlError(
      "E_SCHEMA",
      "the backup holds rows alone: neither a schema nor the names of migrations that would make its tables",
      { hint: "make the tables as the app does, and load the rows into them with roomctl backup restore" },
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

interface Migrating {
  readonly backup: SoundBackup;
  readonly directory: string;
  readonly context: CommandContext;
}

async function migrate(database: Database, { backup, directory, context }: Migrating): Promise<readonly string[]> {
  const { manifest } = backup;
  const { settings, signal, onProgress } = context;
  const { steps, failure } = await applyMigrations(database, {
    directory,
    environment: environmentFor(manifest, database.target.host, context),
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
