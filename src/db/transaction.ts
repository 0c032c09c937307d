import type { Connection, Database } from "./pool.js";

export interface TransactionOptions {
  readonly isolation?: "READ COMMITTED" | "REPEATABLE READ" | "SERIALIZABLE";
  readonly readOnly?: boolean;
  /** Bound of each lock wait inside, overriding the session's; 0 for no limit. */
  readonly lockTimeoutMs?: number;
}

/** Runs `work` in one transaction on a session of its own: commits when it returns, rolls back when it throws. */
export async function withTransaction<T>(
  database: Database,
  options: TransactionOptions,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  await using connection = await database.connect();
  return await inTransaction(connection, options, () => work(connection));
}

/** The same on a session that is kept for more. One that cannot even roll back is ended, and takes no further statement. */
export async function inTransaction<T>(
  connection: Connection,
  options: TransactionOptions,
  work: () => Promise<T>,
): Promise<T> {
  // READ WRITE is never said: it would override a role's or a database's default_transaction_read_only.
  await connection.execute(
    `BEGIN ISOLATION LEVEL ${options.isolation ?? "READ COMMITTED"}${options.readOnly ? " READ ONLY" : ""}`,
  );
  try {
    if (options.lockTimeoutMs !== undefined) {
      await connection.query("SELECT set_config('lock_timeout', $1, true)", [`${options.lockTimeoutMs}ms`]);
    }
    const result = await work();
    await connection.execute("COMMIT");
    return result;
  } catch (error) {
    await rollBack(connection);
    throw error;
  }
}

async function rollBack(connection: Connection): Promise<void> {
  try {
    // Straight to the driver: an aborted signal must not keep us from cleaning up.
    await connection.client.query("ROLLBACK");
  } catch {
    // The session is gone, and its transaction with it. The error that brought us here is the one to report.
    connection.discard();
  }
}
