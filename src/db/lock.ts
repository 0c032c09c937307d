import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../core/clock.js";
import { RoomctlError } from "../core/errors.js";
import type { Connection, Database, Queryable } from "./pool.js";
import { assertDirectConnection } from "./pooler.js";

/**
 * `change` covers whatever alters schema or data (migrate, wipe, restore, recover); `backup` only reads. `migration`
 * belongs to the session that runs a migration: it outlives a killed process for as long as the server works for it.
 * `restore of ID` is held in another database than the one that is made from that backup: nobody may be connected to that
 * when it gets its name.
 */
export type LockName = "change" | "backup" | "migration" | `restore of ${string}`;

export interface LockOptions {
  /** How long to wait for another run to end; 0 to fail at once. */
  readonly waitMs: number;
  readonly pollMs?: number;
  readonly signal?: AbortSignal;
  /** Called once, when the lock is found taken. */
  readonly onWait?: () => void;
}

export interface HeldLock {
  /** Throws E_CONNECTION_LOST when the session that holds the lock is gone, and the lock with it; asks once a second at most. */
  assertHeld(): Promise<void>;
}

/**
 * Runs `work` while this database's roomctl lock of that name is ours. It is a session advisory lock, taken by polling:
 * a blocked `pg_advisory_lock` would hold a snapshot, and CREATE INDEX CONCURRENTLY of the other run would wait for us
 * while we wait for it. A crash releases it. Throws E_LOCKED after `waitMs`, E_POOLER behind a pooler.
 */
export async function withLock<T>(
  database: Database,
  name: LockName,
  options: LockOptions,
  work: (lock: HeldLock) => Promise<T>,
): Promise<T> {
  await using connection = await database.connect();
  await assertDirectConnection(connection, `the ${name} lock`);
  await takeLock(connection, name, options);
  try {
    return await work(heldBy(connection));
  } finally {
    await releaseLock(connection, name);
  }
}

export interface LockHolder {
  readonly processId: number;
  readonly applicationName: string;
}

/** The session that holds a lock of this database now, if any. Takes nothing and waits for nothing. */
export async function readLockHolder(queryable: Queryable, name: LockName): Promise<LockHolder | undefined> {
  const [holder] = await queryable.query<LockHolder>(
    `SELECT held.pid AS "processId", coalesce(activity.application_name, '') AS "applicationName"
       FROM pg_locks AS held LEFT JOIN pg_stat_activity AS activity USING (pid)
      WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
        AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND ((held.classid::bigint << 32) | held.objid::bigint) = $1::bigint`,
    [lockKey(name)],
  );
  return holder;
}

/**
 * Gives a lock back by ending its session, which makes it certain whatever its state. Unlocked first, so that the next
 * one finds it free at once: the server takes its time to notice the end.
 */
export async function releaseLock(connection: Connection, name: LockName): Promise<void> {
  try {
    // Straight to the driver: an aborted signal must not keep us from cleaning up.
    await connection.client.query("ROLLBACK");
    await connection.client.query("SELECT pg_advisory_unlock($1::bigint)", [lockKey(name)]);
  } catch {
    // The session is already gone, and the lock with it.
  } finally {
    connection.discard();
  }
}

function lockKey(name: LockName): string {
  return createHash("sha256").update(`roomctl:${name}`).digest().readBigInt64BE(0).toString();
}

/** Takes a lock for as long as a session lives, or until `releaseLock`. Throws E_LOCKED after `waitMs`. */
export async function takeLock(connection: Connection, name: LockName, options: LockOptions): Promise<void> {
  const key = lockKey(name);
  const deadlineMs = systemClock.monotonicMs() + options.waitMs;
  for (let told = false; ; ) {
    const [row] = await connection.query<{ taken: boolean }>("SELECT pg_try_advisory_lock($1::bigint) AS taken", [key]);
    if (row?.taken) return;
    if (systemClock.monotonicMs() >= deadlineMs) throw await lockedError(connection, name);
    if (!told) options.onWait?.();
    told = true;
    await sleep(options.pollMs ?? 250, undefined, { signal: options.signal });
  }
}

async function lockedError(connection: Connection, name: LockName): Promise<RoomctlError> {
  const holder = await readLockHolder(connection, name);
  const by = holder ? ` by ${holder.applicationName || "a session"} (server process ${holder.processId})` : "";
  return new RoomctlError("E_LOCKED", `the ${name} lock of this database is held${by}`, {
    hint: "wait for the other run to end, or give it more time with --lock-wait 60s",
  });
}

/** How old the last sign of life of the lock's session may be. */
const freshMs = 1000;

/** A session lock lasts exactly as long as its session, and nobody else has this one. */
function heldBy(connection: Connection): HeldLock {
  let seenMs = systemClock.monotonicMs();
  return {
    async assertHeld() {
      if (systemClock.monotonicMs() - seenMs < freshMs) return;
      try {
        await connection.query("SELECT 1");
      } catch (cause) {
        if (cause instanceof RoomctlError) throw cause;
        throw new RoomctlError("E_CONNECTION_LOST", "the session that held roomctl's lock is gone", { cause });
      }
      seenMs = systemClock.monotonicMs();
    },
  };
}
