import { type LockHolder, type LockName, readLockHolder } from "../db/lock.js";
import { ownProcessIds } from "../db/own-sessions.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { GuardLook, GuardRequest } from "./guard.js";

/** As these programs name themselves. */
export const backupPrograms: readonly string[] = ["pg_dump", "pg_dumpall", "pg_basebackup"];

/** Refuses while a backup reads this database: roomctl's own, pg_dump or pg_basebackup. */
export async function lookForBackup(queryable: Queryable, request: GuardRequest): Promise<GuardLook> {
  const holder = await foreignHolder(queryable, "backup", request);
  const programs = await queryable.query<LockHolder>(loadStatement("wipe/guard-backups"), [backupPrograms]);
  const running = [...(holder ? [holder] : []), ...programs];
  if (running.length === 0) return { guard: "running-backup", saw: "no backup is running" };
  return {
    guard: "running-backup",
    saw: `a backup is running: ${running.map(describeSession).join(", ")}`,
    refusal: { cures: ["wait for the backup to end"], isFinal: false },
  };
}

/** Refuses while a migration is at work, even one whose migrator was killed. */
export async function lookForMigration(queryable: Queryable, request: GuardRequest): Promise<GuardLook> {
  const holder = await foreignHolder(queryable, "migration", request);
  if (!holder) return { guard: "running-migration", saw: "no migration is running" };
  return {
    guard: "running-migration",
    saw: `a migration is running: ${describeSession(holder)}`,
    refusal: { cures: ["wait for the migration to end: roomctl migrate status"], isFinal: false },
  };
}

async function foreignHolder(
  queryable: Queryable,
  lock: LockName,
  { host }: GuardRequest,
): Promise<LockHolder | undefined> {
  const holder = await readLockHolder(queryable, lock);
  return holder && !ownProcessIds(host).includes(holder.processId) ? holder : undefined;
}

function describeSession({ processId, applicationName }: LockHolder): string {
  return `session ${processId} of ${applicationName === "" ? "a program without a name" : JSON.stringify(applicationName)}`;
}
