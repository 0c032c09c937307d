import { RoomctlError } from "../core/errors.js";
import type { TableMark } from "./content.js";
import type { WipePlan } from "./plan.js";
import { type RowChoice, rowWipeCommand } from "./rows-choice.js";

/** Throws E_PLAN_STALE, saying what moved, unless the second plan of rows is the first one. */
export function assertSameRows(planned: WipePlan, now: WipePlan, choice: RowChoice): void {
  if (planned.token === now.token) return;
  throw stale(`${differences(planned, now).join("; ")} since the plan`, choice);
}

/** Throws E_PLAN_STALE unless the token that was consented to is this plan's. */
export function assertRowToken(plan: WipePlan, token: string, choice: RowChoice): void {
  if (plan.token === token) return;
  throw stale(`${token} is not the token of what would be deleted now (${plan.token})`, choice);
}

function stale(why: string, choice: RowChoice): RoomctlError {
  return new RoomctlError("E_PLAN_STALE", `nothing was deleted: ${why}`, { hint: rowWipeCommand(choice) });
}

function differences(planned: WipePlan, now: WipePlan): readonly string[] {
  if (planned.systemIdentifier !== now.systemIdentifier || planned.databaseOid !== now.databaseOid) {
    return ["this is another database"];
  }
  const before = rowsByTable(planned);
  const after = rowsByTable(now);
  const found = [...new Set([...before.keys(), ...after.keys()])].flatMap((table) =>
    tableDifference(table, before.get(table), after.get(table)),
  );
  return found.length > 0 ? found : ["the foreign keys, the role, the marker or the choice changed"];
}

interface Rows {
  readonly rows: number;
  readonly contents: readonly string[];
  readonly structure: string;
}

function tableDifference(table: string, before: Rows | undefined, after: Rows | undefined): readonly string[] {
  const more = (after?.rows ?? 0) - (before?.rows ?? 0);
  if (before && after && before.structure !== after.structure) return [`the structure of ${table} changed`];
  if (more === 0) return before?.contents.join() === after?.contents.join() ? [] : [`rows of ${table} changed`];
  const count = Math.abs(more);
  return [`${count} ${count === 1 ? "row" : "rows"} of ${table} ${more > 0 ? "came into" : "left"} the plan`];
}

/** A table may be in a plan several times, chosen and by several foreign keys. */
function rowsByTable({ tables, cascades, detached }: WipePlan): ReadonlyMap<string, Rows> {
  const found = new Map<string, Rows>();
  const add = (key: string, rows: number, mark: Partial<TableMark> = {}) => {
    const known = found.get(key);
    found.set(key, {
      rows: rows + (known?.rows ?? 0),
      contents: [...(known?.contents ?? []), mark.content ?? ""],
      structure: mark.structure ?? "",
    });
  };
  for (const { table, rows, mark } of [...tables, ...cascades]) add(table, rows, mark);
  for (const { table, rows, columns } of detached) add(`${table}(${columns.join(", ")})`, rows);
  return found;
}
