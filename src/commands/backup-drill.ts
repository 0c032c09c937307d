import { type AuditResult, auditDatabase } from "../audit/database.js";
import { findBackup, readManifest } from "../backup/find.js";
import { openRepository } from "../backup/repository.js";
import { openSoundBackup, type SoundBackup } from "../backup/verify.js";
import { exitCodes, RoomctlError } from "../core/errors.js";
import { type FailLevel, parseFailLevel } from "../core/fail-level.js";
import { withLock } from "../db/lock.js";
import type { Database } from "../db/pool.js";
import type { ScratchServer } from "../db/scratch.js";
import type { RestoreCheck } from "../restore/check.js";
import { hasScripts } from "../restore/schema.js";
import { restoreWhole } from "../restore/whole.js";
import { parseJobs } from "./backup-create-options.js";
import { drillLines } from "./backup-drill-lines.js";
import { createAlike, makeRoles } from "./backup-drill-scratch.js";
import { migrateAndRestore } from "./backup-restore-migrate.js";
import { assertWhole } from "./backup-restore-whole.js";
import { type CommandContext, defineCommand } from "./command.js";
import { directoryFlag } from "./migrate-options.js";
import { openScratchServer, parseScratch, type ScratchChoice, scratchFlag } from "./scratch-options.js";

interface BackupDrillOptions extends ScratchChoice {
  /** Undefined for the newest whole one. */
  readonly backup: string | undefined;
  readonly failOn: FailLevel;
  readonly jobs: number;
  readonly searchPath: string | undefined;
}

/** What a drill found out: whether the backup brings back what was there, and how long that takes. */
export interface DrillResult extends RestoreCheck {
  /** Nothing differs, and no finding of the audit reaches `audit.failOn`. */
  readonly ok: boolean;
  readonly backup: string;
  readonly createdAt: string;
  /** Of the scratch server: `PostgreSQL 15.18`. */
  readonly server: string;
  /** Of the server that the backup is from. */
  readonly sourceVersion: string;
  /** That were compared. */
  readonly rows: number;
  readonly phases: readonly { readonly name: string; readonly durationMs: number }[];
  /** From the first byte that was verified to the last row that was compared. */
  readonly recoveryMs: number;
  readonly audit: Pick<AuditResult, "ok" | "failOn" | "findings">;
}

export const backupDrill = defineCommand<BackupDrillOptions, DrillResult>({
  name: "backup drill",
  summary: "Restore a backup on a scratch server and prove that it is what was there",
  description: [
    "Verifies the newest whole backup, or the one that is named, restores it on a throw-away PostgreSQL of the same major version where there is one, compares every table, sequence and large object with its fingerprint, audits the result, and says how long it took.",
    "Exit 3 when anything differs. What the audit finds was in the source as well: it is told, and fails the drill only with --fail-on.",
    "Roles that the schema needs are made on the scratch server, and go with it. Neither the database nor the backup is touched.",
  ],
  words: [
    { syntax: "[backup]", description: "Its id, the beginning of it, or latest (default: the newest whole one)" },
  ],
  flags: [
    { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
    directoryFlag,
    scratchFlag,
    { flags: "--jobs <n>", description: "How many connections load and build at once (default: one per core, 2 to 4)" },
    {
      flags: "--search-path <schemas>",
      description: "For functions of the schema that call others by bare names (default: none but the system's)",
    },
    {
      flags: "--fail-on <level>",
      description:
        "Exit 3 on audit findings of this level or above as well: error, warning, info or none (default: none)",
    },
  ],
  examples: [
    { command: "roomctl backup drill", explanation: "prove the newest whole backup" },
    {
      command: "roomctl backup drill latest --json",
      explanation: "the same for a script: exit 3 when anything differs",
    },
  ],
  parse(input) {
    const { failOn, jobs, searchPath } = input.flags;
    return {
      backup: input.words[0],
      failOn: parseFailLevel(failOn ?? "none"),
      jobs: parseJobs(jobs),
      searchPath: typeof searchPath === "string" ? searchPath : undefined,
      ...parseScratch(input),
    };
  },
  run: runDrill,
  render: drillLines,
  exitCode: ({ ok }) => (ok ? exitCodes.ok : exitCodes.findings),
});

async function runDrill(options: BackupDrillOptions, context: CommandContext): Promise<DrillResult> {
  const { clock, signal, onProgress, settings } = context;
  const repository = settings.backupRepository.value;
  const wanted = options.backup ?? (await findNewestWhole(repository));
  const startedMs = clock.monotonicMs();
  const backup = await openSoundBackup(repository, wanted, { signal, onProgress });
  const verifyMs = clock.monotonicMs() - startedMs;
  await assertWhole(backup, context);
  const { serverVersion } = backup.manifest.source;
  await using scratch = await openScratchServer(options, context, Number.parseInt(serverVersion, 10));
  try {
    const { phases, ...drilled } = await drillOn(scratch, backup, options, context);
    const all = [{ name: "verify", durationMs: verifyMs }, ...phases];
    const recoveryMs = all.reduce((sum, { durationMs }) => sum + durationMs, 0);
    return { ...drilled, phases: all, recoveryMs, server: scratch.description };
  } catch (error) {
    throw scratch.explain(error);
  }
}

/** Backups that a wipe takes are of chosen tables. A manifest that cannot be read is no reason to take an older one. */
async function findNewestWhole(location: string): Promise<string> {
  const repository = openRepository(location);
  for (const id of await repository.listIds()) {
    const manifest = await readManifest(repository.read(id)).catch((error: unknown) => {
      if (error instanceof RoomctlError) return undefined;
      throw error;
    });
    if (manifest?.isWhole !== false) return id;
  }
  // Says which there are.
  return (await findBackup(repository, "latest")).id;
}

type Drilled = Omit<DrillResult, "recoveryMs" | "server">;

async function drillOn(
  scratch: ScratchServer,
  backup: SoundBackup,
  options: BackupDrillOptions,
  context: CommandContext,
): Promise<Drilled> {
  const { manifest } = backup;
  const { app, warn, onProgress } = context;
  await scratch.requireExtensions(manifest.needs.extensions.map(({ name }) => name));
  // Closed in the opposite order: the database, then the roles that own things in it, then where they are dropped from.
  await using deskDatabase = await scratch.createDatabase();
  await using desk = await deskDatabase.open({ maxConnections: 1 });
  await using _roles = await makeRoles(desk, manifest, warn);
  await using scratchDatabase = await createAlike(scratch, manifest, warn);
  await using database = await scratchDatabase.open({
    applicationName: "roomctl/backup drill",
    maxConnections: options.jobs + 2,
  });
  const { phases, tables, differences } = await restore(database, backup, options, context);
  onProgress({ message: "auditing" });
  const { ok, failOn, findings } = await auditDatabase(database, app, { failOn: options.failOn });
  return {
    ok: differences.length === 0 && ok,
    backup: manifest.id,
    createdAt: manifest.createdAt,
    sourceVersion: manifest.source.serverVersion,
    rows: tables.reduce((sum, { found }) => sum + found.rows, 0),
    tables,
    differences,
    phases,
    audit: { ok, failOn, findings },
  };
}

async function restore(
  database: Database,
  backup: SoundBackup,
  { jobs, searchPath }: BackupDrillOptions,
  context: CommandContext,
): Promise<RestoreCheck & Pick<DrillResult, "phases">> {
  const { clock, signal, onProgress } = context;
  if (hasScripts(backup.manifest)) {
    return await withLock(database, "change", { waitMs: 0, signal }, (lock) =>
      restoreWhole(database, { backup, jobs, lock, searchPath, clock, signal, onProgress }),
    );
  }
  const startedMs = clock.monotonicMs();
  const { receipt } = await migrateAndRestore(database, backup, undefined, context);
  const { durationMs } = receipt;
  const schemaMs = clock.monotonicMs() - startedMs - durationMs;
  // It commits only what is equal, table by table.
  const tables = backup.manifest.tables
    .filter(({ schema }) => schema !== "roomctl")
    .map(({ schema, name, rows, fingerprint }) => {
      const contents = { rows, fingerprint };
      return { schema, name, isEqual: true, expected: contents, found: contents };
    });
  const phases = [
    { name: "schema", durationMs: schemaMs },
    { name: "rows", durationMs },
  ];
  return { tables, differences: [], phases };
}
