import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import type { TableMark } from "./content.js";
import type { WipePlan } from "./plan.js";

/** Throws E_PLAN_STALE, saying what moved, unless the second plan is the first one; E_USAGE for an estimate. */
export function assertSamePlan(planned: WipePlan, now: WipePlan): void {
  assertExact(planned);
  if (planned.token === now.token) return;
  throw stalePlan(`${planDifferences(planned, now).join("; ")} since the plan`, now);
}

/** Throws E_PLAN_STALE unless the token that was consented to is this plan's. */
export function assertToken(plan: WipePlan, token: string): void {
  if (plan.token === token) return;
  throw stalePlan(`${token} is not the token of what would be deleted now (${plan.token})`, plan);
}

/** `roomctl wipe --scope rooms --table notes`: the command that shows such a plan, as a shell takes it. */
export function wipeCommand(scopes: readonly string[], tables: readonly string[] = []): string {
  return [
    "roomctl wipe",
    ...scopes.map((scope) => `--scope ${shellWord(scope)}`),
    ...tables.map((table) => `--table ${shellWord(table)}`),
  ].join(" ");
}

/** The types know it too; a caller in plain JavaScript does not. */
function assertExact(plan: { readonly isEstimate?: boolean } & Pick<WipePlan, "scopes" | "namedTables">): void {
  if (!plan.isEstimate) return;
  throw new RoomctlError("E_USAGE", "nothing was deleted: a plan by estimates cannot be applied, only an exact one", {
    hint: wipeCommand(plan.scopes, plan.namedTables),
  });
}

function stalePlan(why: string, { scopes, namedTables }: WipePlan): RoomctlError {
  return new RoomctlError("E_PLAN_STALE", `nothing was deleted: ${why}`, { hint: wipeCommand(scopes, namedTables) });
}

function planDifferences(planned: WipePlan, now: WipePlan): readonly string[] {
  if (planned.systemIdentifier !== now.systemIdentifier || planned.databaseOid !== now.databaseOid) {
    return ["this is another database"];
  }
  const before = contentByTable(planned);
  const after = contentByTable(now);
  const differences = [
    ...(planned.role === now.role ? [] : [`the role became ${now.role} (it was ${planned.role})`]),
    ...(planned.environment === now.environment
      ? []
      : [`the marker became ${now.environment ?? "none"} (it was ${planned.environment ?? "none"})`]),
    ...[...new Set([...before.keys(), ...after.keys()])].flatMap((table) =>
      tableDifferences(table, before.get(table), after.get(table)),
    ),
  ];
  return differences.length > 0 ? differences : ["the foreign keys, the sequences or the choice changed"];
}

interface Content {
  readonly rows: number;
  readonly mark: TableMark;
}

function tableDifferences(table: string, before: Content | undefined, after: Content | undefined): readonly string[] {
  if (before === undefined) return [`${table} has come into the plan`];
  if (after === undefined) return [`${table} is no longer part of it`];
  return [
    ...rowDifference(table, before, after),
    ...(before.mark.structure === after.mark.structure ? [] : [`the structure of ${table} changed`]),
  ];
}

function rowDifference(table: string, before: Content, after: Content): readonly string[] {
  const count = Math.abs(after.rows - before.rows);
  if (count > 0) {
    return [
      `${count} ${count === 1 ? "row" : "rows"} ${after.rows > before.rows ? "appeared in" : "went from"} ${table}`,
    ];
  }
  return before.mark.content === after.mark.content ? [] : [`rows changed in ${table}`];
}

function contentByTable({ tables, cascades, resets }: WipePlan): ReadonlyMap<string, Content> {
  return new Map<string, Content>([
    ...[...tables, ...cascades].map((table) => [table.table, table] as const),
    ...resets.map((reset) => [`${reset.table}.${reset.column}`, reset] as const),
  ]);
}
