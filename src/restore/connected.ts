import { messageOf, RoomctlError } from "../core/errors.js";
import { retry } from "../core/retry.js";
import type { Database } from "../db/pool.js";
import { codeOf } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";

/**
 * Throws E_LIVE while others are connected to a database: what they write after this would not be in the restored one.
 * Waits a moment for those that are just leaving, ours among them.
 */
export async function assertNobodyConnected(
  administration: Database,
  name: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const waiting = { attempts: 5, firstDelayMs: 100, maxDelayMs: 1000, signal, isRetryable: isLive };
  await retry(waiting, async () => {
    const sessions = await readSessions(administration, name);
    if (sessions.length > 0) throw live(name, sessions);
  });
}

function isLive(error: unknown): boolean {
  return codeOf(error) === "E_LIVE";
}

interface Session {
  readonly pid: number;
  readonly role: string;
  readonly program: string;
  readonly host: string;
}

function readSessions(administration: Database, name: string): Promise<readonly Session[]> {
  return administration.query<Session>(loadStatement("restore/sessions"), [name]);
}

/** Why databases could not be renamed: E_LIVE naming who is connected to one of them. */
export async function inUse(administration: Database, names: readonly string[], cause: unknown): Promise<unknown> {
  for (const name of names) {
    const sessions = await readSessions(administration, name);
    if (sessions.length > 0) return live(name, sessions, cause);
  }
  return new RoomctlError("E_LIVE", `the databases cannot be renamed: ${messageOf(cause)}`, {
    cause,
    hint: "run it again: what is restored stays, and it goes on there",
  });
}

function live(name: string, sessions: readonly Session[], cause?: unknown): RoomctlError {
  const shown = sessions
    .slice(0, 5)
    .map(({ pid, role, program, host }) => `${pid} (${program || "?"} as ${role}, ${host})`);
  const more = sessions.length > 5 ? ` and ${sessions.length - 5} more` : "";
  return new RoomctlError("E_LIVE", `sessions are connected to ${JSON.stringify(name)}: ${shown.join(", ")}${more}`, {
    cause,
    hint: "stop what uses it, then run it again: what is restored by then stays, and it goes on there",
  });
}
