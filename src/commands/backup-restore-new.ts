import type { SoundBackup } from "../backup/verify.js";
import { messageOf, RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { type HeldLock, withLock } from "../db/lock.js";
import type { Environment } from "../db/marker.js";
import { type Database, openDatabase } from "../db/pool.js";
import { codeOf } from "../db/sqlstate.js";
import type { DatabaseTarget } from "../db/target.js";
import { plainStyle } from "../report/style.js";
import { assertNobodyConnected } from "../restore/connected.js";
import { readUnfinished } from "../restore/ledger.js";
import { assertNeeds } from "../restore/needs.js";
import {
  createTemporary,
  databaseExists,
  dropTemporary,
  freeName,
  handOver,
  markCompleteStatement,
  nameTaken,
  readTemporary,
  temporaryName,
} from "../restore/new-database.js";
import { hasScripts } from "../restore/schema.js";
import type { WholeRestoreResult } from "../restore/whole.js";
import { raiseEpoch } from "./backup-restore-epoch.js";
import { wholePlanLines } from "./backup-restore-lines.js";
import { readEnvironment } from "./backup-restore-mark.js";
import { migrateAndRestore } from "./backup-restore-migrate.js";
import type { BackupRestoreOptions } from "./backup-restore-options.js";
import { assertWhole, describeWhole, restoreInto, type WholePlan, type WholeRestored } from "./backup-restore-whole.js";
import type { CommandContext } from "./command.js";
import { passGuards } from "./guarding.js";

export interface NewRequest {
  readonly backup: SoundBackup;
  readonly options: BackupRestoreOptions;
  readonly context: CommandContext;
  readonly target: DatabaseTarget;
}

/** Restores into a database that is made, under a name that nobody has yet. */
export async function restoreNew(request: NewRequest, name: string): Promise<WholeRestored> {
  await assertWhole(request.backup, request.context);
  await using administration = await openAdministration(request, []);
  if (await databaseExists(administration, name)) throw nameTaken(name);
  const isResumed = await isBegun(administration, request.backup);
  const plan = describeWhole(request.backup, { database: name, keepsAs: null, isResumed });
  if (request.options.isDryRun) return shown(plan, null);
  return await make(administration, request, { plan, atLeast: undefined });
}

/** Restores into a database that then takes the configured one's place; that one is kept under another name. */
export async function restoreSwapped(request: NewRequest): Promise<WholeRestored> {
  const { backup, options, context, target } = request;
  await assertWhole(backup, context);
  await using administration = await openAdministration(request, [target.database]);
  const keepsAs = await freeName(administration, `${target.database}_before_${backup.manifest.id}`);
  const command = `roomctl backup restore ${backup.manifest.id} --swap`;
  const place = { database: target.database, keepsAs, isResumed: await isBegun(administration, backup) };
  const isAsked = !options.isDryRun && options.confirm !== undefined;
  const plan = { ...describeWhole(backup, place), next: `${context.repeat(command)} --confirm` };
  const environment = await readConfigured(context, async (database) => {
    if (!isAsked) return;
    const lines = wholePlanLines(shown(plan, null), plainStyle);
    // No row is lost, so no table needs protection: the database is kept under another name.
    await passGuards({ database, tables: [], command, allowed: options.allowed, context });
    await context.confirm({ database, given: options.confirm, command, lines });
  });
  if (!isAsked) return shown(plan, environment);
  await assertNobodyConnected(administration, target.database, context.signal);
  // A database that was never marked counts as protected, and so does the one that takes its place.
  return await make(administration, request, { plan, atLeast: environment ?? "production" });
}

/** How the configured database is marked. It is closed again: nobody may be connected to it when it is renamed. */
async function readConfigured(
  context: CommandContext,
  consent: (database: Database) => Promise<void>,
): Promise<Environment | null> {
  await using database = await context.openDatabase();
  const environment = await readEnvironment(database);
  await consent(database);
  return environment;
}

async function isBegun(administration: Database, { manifest }: SoundBackup): Promise<boolean> {
  return (await readTemporary(administration, manifest.id)) !== "absent";
}

function shown(plan: WholePlan, environment: Environment | null): WholeRestored {
  return { kind: "whole", applied: false, plan, environment, receipt: null, durationMs: 0 };
}

interface Making {
  readonly plan: WholePlan;
  readonly atLeast: Environment | undefined;
}

async function make(administration: Database, request: NewRequest, { plan, atLeast }: Making): Promise<WholeRestored> {
  const { backup, context } = request;
  const { settings, signal, clock, onProgress, warn } = context;
  const startedMs = clock.monotonicMs();
  const waiting = {
    waitMs: settings.lockWaitMs.value,
    signal,
    onWait: () => onProgress({ message: "waiting for another restore of this backup to end" }),
  };
  return await withLock(administration, `restore of ${backup.manifest.id}`, waiting, async (lock) => {
    if (plan.keepsAs === null && (await databaseExists(administration, plan.database))) throw nameTaken(plan.database);
    const receipt = await dropIfUseless(administration, request, () =>
      fillTemporary(administration, request, { lock, atLeast }),
    );
    if (plan.keepsAs !== null) await raiseEpoch(request);
    const keepAs = plan.keepsAs ?? undefined;
    await handOver(administration, { manifest: backup.manifest, name: plan.database, keepAs, onWarning: warn });
    const durationMs = clock.monotonicMs() - startedMs;
    const environment = await readRestored(request, plan.database);
    return { kind: "whole", applied: true, plan, environment, receipt, durationMs };
  });
}

/** What was cut off can go on; what was made of a damaged backup cannot, nor one whose schema the server refuses. */
async function dropIfUseless<T>(administration: Database, request: NewRequest, work: () => Promise<T>): Promise<T> {
  const { id } = request.backup.manifest;
  try {
    return await work();
  } catch (error) {
    const isDamaged = codeOf(error) === "E_BACKUP_DAMAGED";
    if (isDamaged || (codeOf(error) === "E_SQL" && (await isAbandoned(request)))) {
      // The failure is what counts: a database that cannot be dropped is found, and refused, by the next run.
      await dropTemporary(administration, id).catch(() => {});
    }
    throw isDamaged ? damaged(id, error) : error;
  }
}

/** The server refused the schema, and would do so again: there is no ledger to go on with. */
async function isAbandoned({ target, backup }: NewRequest): Promise<boolean> {
  try {
    const name = temporaryName(backup.manifest.id);
    await using database = await openDatabase({ ...target, database: name }, { maxConnections: 1 });
    return (await readUnfinished(database)) === undefined;
  } catch {
    // Nobody could look: it stays, and the next run finds it.
    return false;
  }
}

/** A chunk that is read on the way in names its file alone. */
function damaged(id: string, error: unknown): unknown {
  if (!(error instanceof RoomctlError) || error.hint !== undefined) return error;
  const hint = `roomctl backup verify ${id}`;
  return new RoomctlError(error.code, `backup ${id} is damaged, and nothing was kept: ${error.message}`, {
    cause: error.cause,
    hint,
  });
}

/** Makes the database that has no name yet, or goes on with it; null when it is complete already. */
async function fillTemporary(
  administration: Database,
  { backup, options, context, target }: NewRequest,
  { lock, atLeast }: { readonly lock: HeldLock; readonly atLeast: Environment | undefined },
): Promise<WholeRestoreResult | null> {
  const { manifest } = backup;
  const state = await readTemporary(administration, manifest.id);
  if (state === "complete") return null;
  await assertNeeds(administration, manifest.needs);
  const goesOn = state === "unfinished" && hasScripts(manifest);
  if (state === "unfinished" && !goesOn) await dropTemporary(administration, manifest.id);
  if (!goesOn) await createTemporary(administration, manifest);
  await using database = await openDatabase(
    { ...target, database: temporaryName(manifest.id) },
    { applicationName: "roomctl/backup restore", signal: context.signal, maxConnections: options.jobs + 2 },
  );
  if (!hasScripts(manifest)) {
    const receipt = await restoreByMigrations(database, backup, context);
    await database.execute(markCompleteStatement(manifest.id));
    return receipt;
  }
  return await restoreInto(database, {
    backup,
    lock,
    options,
    context,
    atLeast,
    beforeEnd: async (connection) => void (await connection.execute(markCompleteStatement(manifest.id))),
  });
}

/** Migrations make the tables and one transaction fills them: cut off, that begins anew. */
async function restoreByMigrations(
  database: Database,
  backup: SoundBackup,
  context: CommandContext,
): Promise<WholeRestoreResult> {
  const startedMs = context.clock.monotonicMs();
  const { receipt } = await migrateAndRestore(database, backup, undefined, context);
  const { rows, durationMs } = receipt;
  const schemaMs = context.clock.monotonicMs() - startedMs - durationMs;
  const phases = [
    { name: "schema", durationMs: schemaMs },
    { name: "rows", durationMs },
  ] as const;
  const done = { isResumed: false, isEqual: true, tables: [], differences: [] };
  return { backup: backup.manifest.id, rows, phases, ...done };
}

/** It is somebody's database now, and may have been given to a role that lets nobody in. */
async function readRestored({ target, context }: NewRequest, name: string): Promise<Environment | null> {
  try {
    await using database = await openDatabase({ ...target, database: name }, { maxConnections: 1 });
    return await readEnvironment(database);
  } catch (error) {
    context.warn(`${JSON.stringify(name)} is restored, but how it is marked cannot be read: ${messageOf(error)}`);
    return null;
  }
}

/**
 * A session from which databases can be made and renamed: not in the one that is renamed. The same one for everybody, since
 * the lock that keeps two restores apart is held there. Throws E_CONNECT when there is none.
 */
async function openAdministration({ target, context }: NewRequest, except: readonly string[]): Promise<Database> {
  const { signal } = context;
  let failure: unknown;
  for (const database of ["postgres", "template1"].filter((name) => !except.includes(name))) {
    try {
      return await openDatabase({ ...target, database }, { applicationName: "roomctl/backup restore", signal });
    } catch (error) {
      signal.throwIfAborted();
      failure ??= error;
    }
  }
  throw new RoomctlError("E_CONNECT", "neither the database postgres nor template1 lets this role in", {
    cause: failure,
    hint: `to make databases, one of them is needed: psql -d postgres -U ${shellWord(target.user)}`,
  });
}
