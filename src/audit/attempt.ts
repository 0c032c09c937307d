import { messageOf } from "../core/errors.js";
import type { Connection } from "../db/pool.js";
import { codeOf, isLockConflict, sqlstate } from "../db/sqlstate.js";

/** Why something could not be read. */
export interface Unread {
  readonly reason: "locked" | "no privilege" | "failed";
  readonly message: string;
}

export type Attempt<T> = { readonly value: T } | { readonly unread: Unread };

/** After the first lock that did not come, the next ones get this long: an audit waits once, not once a table. */
const laterLockTimeout = "50ms";

/**
 * Reads inside the audit's transaction without risking it. The savepoint is rolled back after success too: that gives
 * back the table's lock at once and keeps the snapshot, so the audit never stands in the way of a migration for longer
 * than one table takes. Rethrows what is no answer about the object: a lost connection, a cancelled statement.
 */
export async function attemptRead<T>(connection: Connection, work: () => Promise<T>): Promise<Attempt<T>> {
  await connection.execute("SAVEPOINT audit_read");
  try {
    const value = await work();
    await giveBack(connection);
    return { value };
  } catch (error) {
    const unread = judgeFailure(error);
    if (!unread) throw error;
    await giveBack(connection);
    if (unread.reason === "locked") {
      await connection.query("SELECT set_config('lock_timeout', $1, true)", [laterLockTimeout]);
    }
    return { unread };
  }
}

async function giveBack(connection: Connection): Promise<void> {
  await connection.execute("ROLLBACK TO SAVEPOINT audit_read; RELEASE SAVEPOINT audit_read");
}

function judgeFailure(error: unknown): Unread | undefined {
  const message = messageOf(error);
  if (isLockConflict(error)) return { reason: "locked", message };
  const code = codeOf(error);
  if (code === sqlstate.insufficientPrivilege) return { reason: "no privilege", message };
  const isServerAnswer = code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^(08|57)/.test(code);
  return isServerAnswer ? { reason: "failed", message } : undefined;
}
