import type { ClientBase } from "pg";
import type { DatabaseTarget } from "./target.js";

type Server = Pick<DatabaseTarget, "host" | "port">;

/** Server processes that work for this process now, by the server that was asked for. */
const sessions = new Map<string, Set<number>>();

/** Remembers a session of this process for as long as it lives. */
export function noteOwnSession(server: Server, client: ClientBase): void {
  const processId = Number(Reflect.get(client, "processID"));
  const known = sessions.get(keyOf(server)) ?? new Set();
  sessions.set(keyOf(server), known.add(processId));
  client.once("end", () => known.delete(processId));
}

/**
 * The server processes of every session that this process has open there, of whatever pool. A name in
 * pg_stat_activity can be anyone's; these numbers are what the server itself said at the start of each session.
 */
export function ownProcessIds(server: Server): readonly number[] {
  return [...(sessions.get(keyOf(server)) ?? [])];
}

function keyOf({ host, port }: Server): string {
  return `${host}:${port}`;
}
