import { RoomctlError } from "../core/errors.js";
import { isConnectionLoss } from "../db/failure.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";

/**
 * What to do about a statement that failed.
 * - `retry`: the database is away, busy or out of something; the same again may succeed.
 * - `schema`: the statement does not fit the database, or the role may not run it; no row is to blame.
 * - `poison`: one of the rows is refused, and would be for ever.
 */
export type FailureClass = "retry" | "schema" | "poison";

/** Classes of PostgreSQL's manual, appendix A, by their first two characters; what is not here is a row's fault. */
const classes: Readonly<Record<string, FailureClass>> = {
  "08": "retry", // connection exception
  "25": "retry", // invalid transaction state: a standby, or a session left in one
  "26": "retry", // a prepared statement that a pooler gave to somebody else
  "40": "retry", // transaction rollback: serialisation, deadlock
  "53": "retry", // insufficient resources: disk, memory, connections
  "55": "retry", // object not in prerequisite state: a lock that did not come
  "57": "retry", // operator intervention: shutdown, cancelled, timeout
  "58": "retry", // system error: I/O
  XX: "retry", // internal error
  "0A": "schema",
  "28": "schema", // authorisation
  "3D": "schema",
  "3F": "schema",
  "42": "schema", // no such table, column, right; syntax
};

export interface Failure {
  readonly error: unknown;
  readonly kind: FailureClass;
}

export function failureOf(error: unknown): Failure {
  return { error, kind: classify(error) };
}

function classify(error: unknown): FailureClass {
  if (error instanceof RoomctlError) return error.code === "E_INTERNAL" ? "schema" : "retry";
  if (isConnectionLoss(error)) return "retry";
  const code = codeOf(error) ?? "";
  const isSqlstate = /^[0-9A-Z]{5}$/.test(code) && hasSeverity(error);
  return isSqlstate ? (classes[code.slice(0, 2)] ?? "poison") : "retry";
}

/** True when the server may have committed the statement although it failed here: no answer of its own came. */
export function isOutcomeUnknown(error: unknown): boolean {
  return isConnectionLoss(error) || !hasSeverity(error) || Reflect.get(Object(error), "severity") !== "ERROR";
}

/** A smaller batch may do it in time. */
export function isTooSlow(error: unknown): boolean {
  return codeOf(error) === sqlstate.queryCanceled;
}

function hasSeverity(error: unknown): boolean {
  return typeof error === "object" && error !== null && "severity" in error;
}
