import { RoomctlError } from "../core/errors.js";
import type { Connection } from "./pool.js";

/**
 * True when a connection pooler stands between us and the server: behind one, the process id of the handshake is not
 * the one that answers. In transaction mode, session locks, settings and snapshots then leak or do not hold.
 */
export async function isBehindPooler(connection: Connection): Promise<boolean> {
  const [row] = await connection.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  return row?.pid !== Number(Reflect.get(connection.client, "processID"));
}

/** Throws E_POOLER unless the session is the server's own. */
export async function assertDirectConnection(connection: Connection, purpose: string): Promise<void> {
  if (!(await isBehindPooler(connection))) return;
  throw new RoomctlError("E_POOLER", `${purpose} needs a direct connection, and this one goes through a pooler`, {
    hint: "give PostgreSQL's own address (usually port 5432) with --direct-url or ROOMCTL_DIRECT_URL",
  });
}
