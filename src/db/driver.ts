import type { ClientBase } from "pg";
import type { Connection } from "./pool.js";

/** Runs one statement for a library and returns its rows. */
export type RunStatement = (sql: string, values?: readonly unknown[]) => Promise<readonly object[]>;

/**
 * A session as a client of `pg`, for a library that wants to drive one. All it does through `query` goes through
 * `run`, and so through the session's own signal and statement log. What the library leaves behind (an open
 * transaction, settings) stays in the session: discard it afterwards.
 */
export function asDriverClient(connection: Connection, run: RunStatement): ClientBase {
  const query = async (sql: string, values?: readonly unknown[]) => ({ rows: await run(sql, values) });
  return Object.create(connection.client, { query: { value: query } });
}
