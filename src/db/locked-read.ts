import { RoomctlError } from "../core/errors.js";
import type { Database } from "./pool.js";
import { codeOf, sqlstate } from "./sqlstate.js";
import { loadStatement } from "./statement.js";

/**
 * Runs what only reads. Where that waited too long for a lock it throws E_LOCK_TIMEOUT naming the locked relations, who
 * holds them, and what to type next: `command`, once they are free.
 */
export async function explainingLocks<T>(database: Database, command: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (codeOf(error) !== sqlstate.lockNotAvailable) throw error;
    throw lockedAgainstReading(await holdersIn(database), command, error);
  }
}

interface Holder {
  readonly relation: string;
  readonly pid: number;
  readonly program: string | null;
  readonly role: string | null;
}

function holdersIn(database: Database): Promise<readonly Holder[]> {
  return database.query<Holder>(loadStatement("db/exclusive-locks"));
}

function lockedAgainstReading(holders: readonly Holder[], command: string, cause: unknown): RoomctlError {
  const [first, ...others] = holders;
  if (first === undefined) {
    return new RoomctlError("E_LOCK_TIMEOUT", "a relation was locked against reading for too long, and is free now", {
      hint: `run it again: ${command}`,
      cause,
    });
  }
  const { relation, pid, program, role } = first;
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  const who = [program, role === null ? null : `as ${role}`].filter((word) => word !== null).join(" ");
  return new RoomctlError(
    "E_LOCK_TIMEOUT",
    `${relation}${more} is locked against reading by session ${pid}${who ? ` (${who})` : ""}`,
    {
      hint: `when its transaction has ended, or SELECT pg_terminate_backend(${pid}) has ended it: ${command}`,
      cause,
    },
  );
}
