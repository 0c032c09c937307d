import type { Connection } from "../db/pool.js";
import type { TransactionOptions } from "../db/transaction.js";

/** As `withTransaction`, on a session that is kept for more transactions. When that session breaks, so does the rollback. */
export async function inTransaction<T>(
  connection: Connection,
  { isolation = "READ COMMITTED", lockTimeoutMs }: Pick<TransactionOptions, "isolation" | "lockTimeoutMs">,
  work: () => Promise<T>,
): Promise<T> {
  await connection.execute(`BEGIN ISOLATION LEVEL ${isolation}`);
  try {
    await connection.query("SELECT set_config('lock_timeout', $1, true)", [`${lockTimeoutMs ?? 0}ms`]);
    const result = await work();
    await connection.execute("COMMIT");
    return result;
  } catch (error) {
    // When this fails, the session is gone or the run was interrupted, and its transaction ends with it.
    await connection.execute("ROLLBACK").catch(() => {});
    throw error;
  }
}
