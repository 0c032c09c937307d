import type { Database } from "../db/pool.js";
import type { GuardRequest } from "../wipe/guard.js";
import { type AllowedGuard, allowedGuards, assertGuards } from "../wipe/guards.js";
import type { CommandContext, Flag } from "./command.js";

export const allowFlag: Flag = {
  flags: "--allow <guard>",
  description: "Step over a guard that refused, by the name that it gave; may be repeated",
  isRepeatable: true,
  isConsent: true,
};

export interface Guarded {
  readonly database: Database;
  /** Every table that loses rows or values, as plans name it. */
  readonly tables: readonly string[];
  /** The command to repeat, without consent. */
  readonly command: string;
  readonly allowed: readonly string[];
  readonly context: CommandContext;
}

/** What the guards of a destructive command have to know. */
export function guardRequest({ database, tables, command, allowed, context }: Guarded): GuardRequest {
  const { host, port } = database.target;
  const { guards: rules, recovery } = context.app;
  return {
    tables: [...new Set(tables)],
    host: { host, port },
    rules,
    recovery,
    allowed,
    command,
    signal: context.signal,
  };
}

/** Lets the guards look, and warns of those that the operator steps over. Throws E_GUARD, E_USAGE. */
export async function passGuards(guarded: Guarded): Promise<readonly AllowedGuard[]> {
  const allowed = allowedGuards(await assertGuards(guarded.database, guardRequest(guarded)));
  for (const { guard, saw } of allowed) guarded.context.warn(`the guard ${guard} is stepped over: ${saw}`);
  return allowed;
}
