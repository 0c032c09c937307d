import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import type { WipePlan } from "./plan.js";

/** Throws E_PLAN_STALE, saying what moved, unless the second plan is the first one. */
export function assertSamePlan(planned: WipePlan, now: WipePlan): void {
  if (planned.token === now.token) return;
  throw stalePlan(`${planDifferences(planned, now).join("; ")} since the plan`, now.scopes);
}

/** Throws E_PLAN_STALE unless the token that was consented to is this plan's. */
export function assertToken(plan: WipePlan, token: string): void {
  if (plan.token === token) return;
  throw stalePlan(`${token} is not the token of what would be deleted now (${plan.token})`, plan.scopes);
}

/** `roomctl wipe --scope rooms`: the command that shows such a plan, as a shell takes it. */
export function wipeCommand(scopes: readonly string[]): string {
  return ["roomctl wipe", ...scopes.map((scope) => `--scope ${shellWord(scope)}`)].join(" ");
}

function stalePlan(why: string, scopes: readonly string[]): RoomctlError {
  return new RoomctlError("E_PLAN_STALE", `nothing was deleted: ${why}`, {
    hint: wipeCommand(scopes),
  });
}

function planDifferences(planned: WipePlan, now: WipePlan): readonly string[] {
  if (planned.systemIdentifier !== now.systemIdentifier || planned.database !== now.database) {
    return ["this is another database"];
  }
  const before = rowsByTable(planned);
  const after = rowsByTable(now);
  const rows = [...new Set([...before.keys(), ...after.keys()])].flatMap((table) =>
    rowDifference(table, before.get(table), after.get(table)),
  );
  return rows.length > 0 ? rows : ["the structure of the tables changed"];
}

function rowDifference(table: string, before: number | undefined, after: number | undefined): readonly string[] {
  if (before === after) return [];
  if (before === undefined) return [`${table} has come into the plan`];
  if (after === undefined) return [`${table} is no longer part of it`];
  const count = Math.abs(after - before);
  return [`${count} ${count === 1 ? "row" : "rows"} ${after > before ? "appeared in" : "went from"} ${table}`];
}

function rowsByTable({ tables, cascades, resets }: WipePlan): ReadonlyMap<string, number> {
  return new Map([
    ...[...tables, ...cascades].map(({ table, rows }) => [table, rows] as const),
    ...resets.map(({ table, column, rows }) => [`${table}.${column}`, rows] as const),
  ]);
}
