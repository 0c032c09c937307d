import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../../src/db/pool.js";

/** Waits until a session of this database (of that application name, if one is given) waits for a lock of another. */
export async function untilBlocked(database: Database, applicationName?: string): Promise<void> {
  await untilCount(database, applicationName, (blocked) => blocked > 0);
}

/** Waits until no such session does. */
export async function untilUnblocked(database: Database, applicationName?: string): Promise<void> {
  await untilCount(database, applicationName, (blocked) => blocked === 0);
}

/** Waits until a session has locked the table against readers. */
export async function untilLocked(database: Database, table: string): Promise<void> {
  const isLocked = async () => {
    const locks = await database.query(
      `SELECT FROM pg_locks WHERE relation = $1::text::regclass AND mode = 'AccessExclusiveLock' AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      [table],
    );
    return locks.length > 0;
  };
  await until(isLocked, `nobody locked ${table}`);
}

async function untilCount(
  database: Database,
  applicationName: string | undefined,
  isReached: (blocked: number) => boolean,
): Promise<void> {
  await until(
    async () => {
      const blocked = await database.query(
        `SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = coalesce($1, application_name)`,
        [applicationName ?? null],
      );
      return isReached(blocked.length);
    },
    `${applicationName ?? "no session"} never came to that`,
  );
}

async function until(isReached: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (let attempt = 0; attempt < 30_000; attempt += 1) {
    if (await isReached()) return;
    await sleep(10);
  }
  throw new Error(otherwise);
}
