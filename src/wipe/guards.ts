import type { Database } from "../db/pool.js";
import { assertGuardNames, type GuardLook, type GuardName, type GuardRequest, guardError } from "./guard.js";
import { lookForClients } from "./guard-clients.js";
import { lookAtHost } from "./guard-host.js";
import { lookForLiveRooms } from "./guard-live.js";
import { lookForBackup, lookForMigration } from "./guard-runs.js";
import { lookAtTables } from "./guard-tables.js";

export interface PassedGuard {
  readonly guard: GuardName;
  /** For people: what it saw. */
  readonly saw: string;
  /** It refused, and the operator stepped over it. */
  readonly isSteppedOver: boolean;
}

/** For the record of a wipe. */
export interface AllowedGuard {
  readonly guard: GuardName;
  readonly saw: string;
}

/**
 * Lets every guard look, and returns what each saw. They ask on sessions of their own, never in the caller's
 * transaction: a statement of the app that fails must not spoil it. Throws E_GUARD with all refusals that were not
 * stepped over, E_USAGE for an unknown name in `allowed`.
 */
export async function assertGuards(database: Database, request: GuardRequest): Promise<readonly PassedGuard[]> {
  return settle(await readGuards(database, request, "settled"), request);
}

/**
 * The guards whose answer can change while an operator reads a plan, for the time when the tables are locked. Throws as
 * `assertGuards` does. The live probe over HTTP is not asked again: nobody may wait for it while others wait for us.
 */
export async function recheckGuards(database: Database, request: GuardRequest): Promise<readonly PassedGuard[]> {
  const { liveUrl: _asked, ...rules } = request.rules ?? {};
  return settle(await readGuards(database, { ...request, rules }, "settled"), request);
}

/** What each guard sees, refusals included: for showing with a plan. Throws E_USAGE for an unknown name in `allowed`. */
export async function readGuards(
  database: Database,
  request: GuardRequest,
  patience: "at once" | "settled" = "at once",
): Promise<readonly GuardLook[]> {
  assertGuardNames(request.allowed);
  return [
    await lookAtHost(database, request),
    await lookAtTables(database, request),
    await lookForLiveRooms(database, request),
    await lookForClients(database, request, patience),
    await lookForBackup(database, request),
    await lookForMigration(database, request),
  ];
}

/** Those that were stepped over, for the record. */
export function allowedGuards(passed: readonly PassedGuard[]): readonly AllowedGuard[] {
  return passed.filter(({ isSteppedOver }) => isSteppedOver).map(({ guard, saw }) => ({ guard, saw }));
}

function settle(looks: readonly GuardLook[], request: GuardRequest): readonly PassedGuard[] {
  const isSteppedOver = ({ guard, refusal }: GuardLook) =>
    refusal !== undefined && !refusal.isFinal && request.allowed.includes(guard);
  const refused = looks.filter((look) => look.refusal !== undefined && !isSteppedOver(look));
  if (refused.length > 0) throw guardError(refused, request);
  return looks.map((look) => ({ guard: look.guard, saw: look.saw, isSteppedOver: isSteppedOver(look) }));
}
