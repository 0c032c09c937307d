import type { BackupReceipt } from "../backup/create.js";
import type { SoundBackup } from "../backup/verify.js";
import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { formatName } from "../db/identifier.js";
import type { Environment } from "../db/marker.js";
import type { Connection, Database } from "../db/pool.js";
import { plainStyle } from "../report/style.js";
import { applyRestore, type RestoreResult } from "../restore/apply.js";
import { planRestore, type RestorePlan, readRestoreToken } from "../restore/plan.js";
import { recheckGuards } from "../wipe/guards.js";
import { backUpBefore } from "./backup-before.js";
import { replacePlanLines } from "./backup-restore-lines.js";
import { readEnvironment, warnOfLaxMark } from "./backup-restore-mark.js";
import { migrateAndRestore, withMigrations } from "./backup-restore-migrate.js";
import type { BackupRestoreOptions, RestoreWay } from "./backup-restore-options.js";
import type { CommandContext } from "./command.js";
import { guardRequest, passGuards } from "./guarding.js";

/** Rows went into tables that were there, or that migrations made. */
export interface RowsRestored {
  readonly kind: "rows";
  readonly applied: boolean;
  readonly plan: RestorePlan;
  /** Migrations that this run applied to an empty database first. */
  readonly migrated: readonly string[];
  /** How the database is marked now; null when it is not, which counts as protected. */
  readonly environment: Environment | null;
  readonly receipt: RestoreResult | null;
  /** Of a plan that replaces rows: what stands for it, and the command that does it after a confirmation. */
  readonly token?: string;
  readonly next?: string;
  /** Holds the rows that were replaced. */
  readonly backup?: BackupReceipt;
}

/** Loads rows into empty tables, made by the backup's migrations where there are none. Nothing can be lost. */
export async function restoreRows(
  database: Database,
  backup: SoundBackup,
  options: BackupRestoreOptions,
  context: CommandContext,
): Promise<RowsRestored> {
  const first = await planRestore(database, backup, options);
  const isEmpty = first.target === "empty";
  if (options.isDryRun) {
    if (isEmpty) await withMigrations(backup, context, async () => {});
    const environment = await readEnvironment(database);
    return { kind: "rows", applied: false, plan: first, migrated: [], environment, receipt: null };
  }
  const done = isEmpty
    ? await migrateAndRestore(database, backup, options.tables, context)
    : { plan: first, migrated: [], receipt: await applyRestore(database, first, applyOptions(backup, context)) };
  const environment = await readEnvironment(database);
  warnOfLaxMark(environment, backup.manifest, context);
  return { kind: "rows", applied: true, ...done, environment };
}

type Replace = Extract<RestoreWay, { readonly kind: "replace" }>;

/** Lets the backup's rows replace those of its tables, with consent, after a verified backup of what goes. */
export async function replaceRows(
  database: Database,
  backup: SoundBackup,
  {
    way,
    options,
    context,
  }: { readonly way: Replace; readonly options: BackupRestoreOptions; readonly context: CommandContext },
): Promise<RowsRestored> {
  const plan = await planRestore(database, backup, { tables: options.tables, replacesRows: true });
  const token = await readRestoreToken(database, plan);
  const command = replaceCommand(plan, way);
  const next = `${context.repeat(command)} --confirm`;
  const before = { kind: "rows", plan, migrated: [], token, next } as const;
  const environment = await readEnvironment(database);
  if (options.isDryRun || (options.confirm === undefined && way.token === undefined)) {
    return { ...before, applied: false, environment, receipt: null };
  }
  if (way.token !== undefined && way.token !== token) throw staleToken(way.token, token, command);
  const { allowed } = options;
  const guards = { database, tables: plan.replaced.map(formatName), command, allowed, context };
  await passGuards(guards);
  if (options.confirm !== undefined || way.token === undefined) {
    const lines = replacePlanLines({ plan, token, next }, plainStyle);
    await context.confirm({ database, given: options.confirm, command, lines });
  }
  if (!way.takesBackup) context.warn("no backup is taken: nothing will keep the rows that are replaced");
  let saved: BackupReceipt | undefined;
  const receipt = await applyRestore(database, plan, {
    ...applyOptions(backup, context),
    async beforeReplace(connection: Connection) {
      await recheckGuards(database, guardRequest(guards));
      if (!way.takesBackup || plan.replaced.length === 0) return;
      saved = await backUpBefore({ database, connection, tables: plan.tables, command, context });
    },
  });
  warnOfLaxMark(environment, backup.manifest, context);
  return { ...before, applied: true, environment, receipt, ...(saved ? { backup: saved } : {}) };
}

function applyOptions(backup: SoundBackup, { clock, signal, onProgress, settings }: CommandContext) {
  const [lockWaitMs, lockTimeoutMs] = [settings.lockWaitMs.value, settings.lockTimeoutMs.value];
  return { backup, clock, signal, onProgress, lockWaitMs, lockTimeoutMs };
}

function replaceCommand({ backup, isWhole, tables }: RestorePlan, { takesBackup }: Replace): string {
  return [
    `roomctl backup restore ${backup} --replace`,
    ...(isWhole ? [] : tables.map((table) => `--table ${shellWord(formatName(table))}`)),
    ...(takesBackup ? [] : ["--no-backup"]),
  ].join(" ");
}

function staleToken(given: string, token: string, command: string): RoomctlError {
  return new RoomctlError(
    "E_PLAN_STALE",
    `nothing was changed: ${given} is not the token of what would be replaced now (${token})`,
    { hint: command },
  );
}
