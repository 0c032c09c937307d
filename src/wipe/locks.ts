import { messageOf, RoomctlError } from "../core/errors.js";
import type { Connection, Database } from "../db/pool.js";
import { codeOf, isLockConflict, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";

/**
 * How a wipe locks. SHARE ROW EXCLUSIVE first: it keeps out writers and changes of structure and lets readers go on, for
 * as long as the backup takes. ACCESS EXCLUSIVE only for the deletion itself: everyone who comes while that request
 * waits stands behind it, readers too, so it is given back when it does not come in time, and tried again later.
 * The step up can meet a reader that now wants to write: PostgreSQL then breaks the deadlock, most often against us,
 * which is one more failed try. (https://www.postgresql.org/docs/current/explicit-locking.html)
 */
type WipeLockMode = "SHARE ROW EXCLUSIVE" | "ACCESS EXCLUSIVE";

export interface LockRequest {
  /** As LOCK TABLE takes them, quoted. */
  readonly relations: readonly string[];
  readonly mode: WipeLockMode;
  /** Bound of the whole request, however many relations it names. */
  readonly timeoutMs: number;
}

/** Locks all relations or fails within the time with E_LOCK_TIMEOUT or a deadlock; either leaves the transaction aborted. */
export async function lockRelations(connection: Connection, request: LockRequest): Promise<void> {
  if (request.relations.length === 0) return;
  const startedMs = performance.now();
  await boundStatements(connection, request.timeoutMs);
  try {
    await connection.execute(`LOCK TABLE ${request.relations.join(", ")} IN ${request.mode} MODE`);
  } catch (error) {
    // lock_timeout counts for each relation anew, statement_timeout for the request; a cancel from outside came earlier.
    const isOurs = codeOf(error) === sqlstate.queryCanceled && performance.now() - startedMs >= request.timeoutMs;
    throw isOurs ? new RoomctlError("E_LOCK_TIMEOUT", messageOf(error), { cause: error }) : error;
  }
  await boundStatements(connection, 0);
}

/** True when another try may get the locks. */
export function isLockRefusal(error: unknown): boolean {
  return isLockConflict(error) || (error instanceof RoomctlError && error.code === "E_LOCK_TIMEOUT");
}

/** Says who kept the locks from us, as far as that still shows. */
export async function lockRefusal(
  database: Database,
  relations: readonly string[],
  cause: unknown,
): Promise<RoomctlError> {
  const names = relations.map((relation) => relation.replace(/^ONLY /, ""));
  const holders = await database.query<{ processId: number; name: string; state: string }>(
    loadStatement("wipe/lock-holders"),
    [names],
  );
  const who = holders.map(({ processId, name, state }) => `${name} (server process ${processId}, ${state})`).join(", ");
  return new RoomctlError(
    "E_LOCK_TIMEOUT",
    `nothing was changed: the tables are in use${who ? ` by ${who}` : ""}, and a lock did not come in time`,
    { hint: "end that transaction or wait for it, then run the same command again", cause },
  );
}

async function boundStatements(connection: Connection, timeoutMs: number): Promise<void> {
  await connection.query("SELECT set_config('statement_timeout', $1, true)", [`${timeoutMs}ms`]);
}
