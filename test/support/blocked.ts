import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../../src/db/pool.js";

/** Waits until a session of this database (of that application name, if one is given) waits for a lock of another. */
export async function untilBlocked(database: Database, applicationName?: string): Promise<void> {
  await until(database, applicationName, (blocked) => blocked > 0);
}

/** Waits until no such session does. */
export async function untilUnblocked(database: Database, applicationName?: string): Promise<void> {
  await until(database, applicationName, (blocked) => blocked === 0);
}

async function until(
  database: Database,
  applicationName: string | undefined,
  isReached: (blocked: number) => boolean,
): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const blocked = await database.query(
      `SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = coalesce($1, application_name)`,
      [applicationName ?? null],
    );
    if (isReached(blocked.length)) return;
    await sleep(10);
  }
  throw new Error(`${applicationName ?? "no session"} never came to that`);
}
