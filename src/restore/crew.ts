import { applyReadSettings } from "../backup/settings.js";
import { createGate, mapParallel } from "../core/parallel.js";
import { retry } from "../core/retry.js";
import { isConnectionLoss } from "../db/failure.js";
import type { HeldLock } from "../db/lock.js";
import type { Connection, Database } from "../db/pool.js";
import { isLockConflict } from "../db/sqlstate.js";

export interface CrewOptions {
  /** Sessions that work at the same time. */
  readonly size: number;
  /** Our right to be here: a session that is lost is replaced only while it is held. */
  readonly lock: HeldLock;
  readonly signal?: AbortSignal;
  /** `app, public`: where functions that the schema calls by bare names are found. */
  readonly searchPath?: string;
}

/**
 * Sessions for the work of a restore, opened when they are needed and used again; who finds none free waits its turn.
 * Use with `await using`: what is under way ends first, what waits is given up.
 */
export interface Crew extends AsyncDisposable {
  readonly size: number;
  /**
   * Runs `work` on a session; again on a new one when somebody ended the session in the middle, or when the server
   * picked it to end a deadlock. It must bear that.
   */
  use<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** The same for each item, as many at a time as there are sessions. */
  each<Item, T>(items: readonly Item[], work: (connection: Connection, item: Item) => Promise<T>): Promise<T[]>;
}

/** To be called under the lock. Its sessions are set as those that wrote the backup were. */
export function createCrew(database: Database, options: CrewOptions): Crew {
  const idle: Connection[] = [];
  const gate = createGate(options.size);
  const { signal } = options;
  const useOnce = async <T>(work: (connection: Connection) => Promise<T>): Promise<T> => {
    const connection = idle.pop() ?? (await openSession(database, options));
    try {
      const result = await work(connection);
      idle.push(connection);
      return result;
    } catch (error) {
      // It may be in the middle of a COPY, and cannot be used again.
      connection.discard();
      throw error;
    }
  };
  // Locks of partitions are not in any plan, so two pieces of work may meet crosswise.
  const conflicts = { attempts: 5, firstDelayMs: 100, maxDelayMs: 1000, signal, isRetryable: isLockConflict };
  // The first delay is longer than the lock's sign of life may be old.
  const losses = { attempts: 3, firstDelayMs: 2500, maxDelayMs: 5000, signal, isRetryable: isConnectionLoss };
  const use = <T>(work: (connection: Connection) => Promise<T>): Promise<T> =>
    gate.pass(() =>
      retry(losses, async (attempt) => {
        if (attempt > 1) await options.lock.assertHeld();
        return await retry(conflicts, () => useOnce(work));
      }),
    );
  return {
    size: options.size,
    use,
    each: (items, work) => mapParallel(items, options.size, (item) => use((connection) => work(connection, item))),
    async [Symbol.asyncDispose]() {
      await gate[Symbol.asyncDispose]();
      // What was set in them must not reach the pool's next borrower.
      for (const connection of idle) connection.discard();
    },
  };
}

/**
 * Commits need not wait for the disk: when the server crashes, the newest ones go with their rows in the ledger, and the
 * last transaction of a restore, which does wait, makes all before it last.
 */
async function openSession(database: Database, { searchPath }: CrewOptions): Promise<Connection> {
  const connection = await database.connect();
  try {
    await applyReadSettings(connection, "session");
    await connection.query(
      `SELECT set_config('lock_timeout', '0', false), set_config('synchronous_commit', 'off', false),
              set_config('client_min_messages', 'warning', false),
              set_config('maintenance_work_mem', greatest(setting::int, 262144) || 'kB', false)
         FROM pg_settings WHERE name = 'maintenance_work_mem'`,
    );
    if (searchPath !== undefined) await connection.query("SELECT set_config('search_path', $1, false)", [searchPath]);
    return connection;
  } catch (error) {
    connection.discard();
    throw error;
  }
}
