import { type QualifiedName, quoteName } from "./identifier.js";
import type { Connection } from "./pool.js";

/** Below PostgreSQL's deadlock_timeout, so that a session that we meet crosswise is let go before it is made a victim. */
const longestWaitMs = 500;

interface LockableSequence extends QualifiedName {
  /** Where it starts, decimal text: the catalog's own value. */
  readonly start: string;
}

/**
 * Keeps every other session from drawing numbers until the transaction ends: a position that is read before this may be
 * outrun before it is used. There is no LOCK for a sequence, and table locks do not stop nextval: saying again where it
 * starts takes the lock and changes nothing. To be called after the tables are locked: whoever drew a number before and
 * now waits for its table holds the sequence, and only gets on when we give up everything. `timeoutMs` (0 for no limit)
 * bounds later waits of the transaction; here it is 500 ms at most. Throws 55P03, and 42501 unless the role owns them.
 */
export async function lockSequences(
  connection: Connection,
  sequences: readonly LockableSequence[],
  timeoutMs: number,
): Promise<void> {
  if (sequences.length === 0) return;
  await boundLocks(connection, timeoutMs > 0 ? Math.min(timeoutMs, longestWaitMs) : longestWaitMs);
  for (const sequence of sequences) {
    await connection.execute(`ALTER SEQUENCE ${quoteName(sequence)} START WITH ${BigInt(sequence.start)}`);
  }
  await boundLocks(connection, timeoutMs);
}

async function boundLocks(connection: Connection, timeoutMs: number): Promise<void> {
  await connection.query("SELECT set_config('lock_timeout', $1, true)", [`${timeoutMs}ms`]);
}
