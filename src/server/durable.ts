import { messageOf, RoomctlError } from "../core/errors.js";
import { isConnectionLoss, originalOf } from "../db/failure.js";
import type { Database } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { bounded } from "./bounded.js";
import type { ServerContext } from "./context.js";
import { type Problem, problem } from "./problem.js";

const retryAfterMs = 2000;

/**
 * Does work that has to reach the database before it may be acknowledged. Refuses with `unavailable` when there is no
 * database, it is down, or it does not answer within `durableWaitMs`: then nobody knows whether the work was done.
 * Throws what is no outage, such as a constraint that did not hold.
 */
export async function withDatabase<T>(
  context: ServerContext,
  work: (database: Database) => Promise<T>,
): Promise<T | Problem<"unavailable">> {
  const { link, settings, log } = context;
  if (link.status === "none") return problem("unavailable", "this server runs without a database and cannot keep this");
  const database = link.database();
  if (database === undefined) return databaseIsDown();
  try {
    const done = await bounded(
      work(database).then((value) => ({ value })),
      settings.durableWaitMs,
    );
    if (done !== undefined) return done.value;
    log.warn({ waitMs: settings.durableWaitMs }, "the database did not answer a request in time");
  } catch (error) {
    if (!isOutage(error)) throw error;
    log.warn({ reason: messageOf(error) }, "the database could not take a request");
  }
  return databaseIsDown();
}

export function databaseIsDown(): Problem<"unavailable"> {
  return problem("unavailable", "the database cannot be reached; try again in a moment", { retryAfterMs });
}

/** PostgreSQL's class 53: no connections, memory or disk left. */
const insufficientResources = "53";
const passing: readonly string[] = [
  sqlstate.deadlockDetected,
  sqlstate.lockNotAvailable,
  sqlstate.queryCanceled,
  sqlstate.readOnlySqlTransaction,
  sqlstate.serializationFailure,
];

/** True when the same request may well succeed later. An error of ours is one about connecting: statements throw the driver's. */
function isOutage(thrown: unknown): boolean {
  const error = originalOf(thrown);
  const code = codeOf(error) ?? "";
  return (
    error instanceof RoomctlError ||
    isConnectionLoss(error) ||
    code.startsWith(insufficientResources) ||
    passing.includes(code)
  );
}
