import type { LockOptions } from "../db/lock.js";
import { releaseLock, takeLock } from "../db/lock.js";
import type { Connection, Database } from "../db/pool.js";
import { readAppPath } from "../db/search-path.js";
import type { Script } from "./script.js";
import { mayLeaveState } from "./session-state.js";

/**
 * The session that migrations run in, one after the other. It holds the lock `migration`, so that after a kill the next
 * migrator waits until the server has ended it. It is never given back: a failed migration may leave anything in it.
 */
export interface Worker extends AsyncDisposable {
  readonly connection: Connection;
  /** The lock_timeout that each migration begins with. */
  readonly lockTimeout: string;
  /** Makes the session as new, unless the script that ran in it last can have left nothing there. */
  prepare(script: Script): Promise<void>;
}

/** Opens a session for migrations. Throws E_LOCKED when one of a killed migrator does not end in time. */
async function openWorker(database: Database, lock: LockOptions): Promise<Worker> {
  const connection = await database.connect();
  try {
    await takeLock(connection, "migration", lock);
    const path = await readAppPath(connection);
    const [row] = await connection.query<{ lockTimeout: string }>(
      `SELECT current_setting('lock_timeout') AS "lockTimeout"`,
    );
    await connection.query("SELECT set_config('search_path', $1, false)", [path]);
    let isUsed = false;
    return {
      connection,
      lockTimeout: row?.lockTimeout ?? "0",
      async prepare(script) {
        if (isUsed) await connection.reset({ search_path: path });
        isUsed = mayLeaveState(script);
      },
      [Symbol.asyncDispose]: () => releaseLock(connection, "migration"),
    };
  } catch (error) {
    connection.discard();
    throw error;
  }
}

/** One session serves all migrations of a run; after a failure the next try gets a new one. */
export interface WorkerKeeper extends AsyncDisposable {
  /** The session of the run, opened when there is none. */
  use(): Promise<Worker>;
  drop(): Promise<void>;
}

export function keepWorker(database: Database, lock: LockOptions): WorkerKeeper {
  let worker: Worker | undefined;
  const drop = async () => {
    await worker?.[Symbol.asyncDispose]();
    worker = undefined;
  };
  return {
    async use() {
      worker ??= await openWorker(database, lock);
      return worker;
    },
    drop,
    [Symbol.asyncDispose]: drop,
  };
}
