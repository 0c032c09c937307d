import { RoomctlError } from "../core/errors.js";
import type { Connection } from "./pool.js";

/** One process of the server. Its number alone is used again by others. */
export interface Backend {
  readonly pid: number;
  /** As the server prints it, to the microsecond. */
  readonly startedAt: string;
}

/** By the driver's client, which outlives each borrowing. */
const known = new WeakMap<object, Backend | undefined>();

/**
 * Makes a session fit for statements whose outcome must become known: each ends after `statementTimeoutMs` at the latest,
 * or at a lower limit of the session's own. The limit stays when the session is given back. Returns the process behind
 * it; undefined behind a pooler, where the process that runs a statement is not ours to end.
 */
export async function prepareWriter(connection: Connection, statementTimeoutMs: number): Promise<Backend | undefined> {
  const { client } = connection;
  if (known.has(client)) return known.get(client);
  const [row] = await connection.query<{ pid: number; started_at: string }>(
    `SELECT pid, backend_start::text AS started_at,
            set_config('statement_timeout', CASE WHEN setting::int BETWEEN 1 AND $1::int THEN setting ELSE $1::text END, false)
       FROM pg_stat_get_activity(pg_backend_pid()), pg_settings
      WHERE pg_settings.name = 'statement_timeout'`,
    [statementTimeoutMs],
  );
  const isDirect = row?.pid === Number(Reflect.get(client, "processID"));
  const backend = row && isDirect ? { pid: row.pid, startedAt: row.started_at } : undefined;
  known.set(client, backend);
  return backend;
}

/**
 * Ends another process of the server and waits until it is gone, so that what it did is decided. PostgreSQL 14 and later.
 * Throws E_CONNECT when it is still there after `waitMs`.
 */
export async function endBackend(connection: Connection, backend: Backend, waitMs: number): Promise<void> {
  const [row] = await connection.query<{ gone: boolean }>(
    `SELECT coalesce(bool_and(pg_terminate_backend(pid, $3)), true) AS gone
       FROM pg_stat_get_activity($1) WHERE pid = $1 AND backend_start = $2::timestamptz`,
    [backend.pid, backend.startedAt, Math.round(waitMs)],
  );
  if (row?.gone === false) {
    throw new RoomctlError("E_CONNECT", `server process ${backend.pid} still runs a statement whose answer was lost`);
  }
}
