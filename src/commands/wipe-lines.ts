import type { BackupReceipt } from "../backup/create.js";
import type { Style } from "../report/style.js";
import { type Column, tableLines } from "../report/table.js";
import { formatBytes, formatCount, plural, printable, printableStyled } from "../report/text.js";
import type { WipeResult } from "../wipe/apply.js";
import type { WipeEstimate } from "../wipe/estimate.js";
import type { WipePlan } from "../wipe/plan.js";
import type { RowWipeResult } from "../wipe/rows-apply.js";
import { effectLines } from "./wipe-effect-lines.js";
import { placeLines } from "./wipe-place-lines.js";
import { cascadeLines, countText, detachedLines, plannedTableLines, sequenceLines } from "./wipe-table-lines.js";

/** What a wipe would do, where, and how to go on. */
export function wipePlanLines(
  { plan, next }: { readonly plan: WipePlan; readonly next: string },
  style: Style,
): string[] {
  return [
    ...placeLines(plan, style),
    "",
    ...plannedTableLines(plan, style),
    ...cascadeLines(plan, style),
    ...detachedLines(plan),
    ...sequenceLines(plan),
    ...resetLines(plan),
    ...effectLines(plan.effects, plan.kind, style),
    "",
    ...(plan.kind === "rows" && plan.rows === 0
      ? ["No row is like that: there is nothing to delete."]
      : goLines({ plan, next }, style)),
  ];
}

function goLines({ plan, next }: { readonly plan: WipePlan; readonly next: string }, style: Style): string[] {
  return [
    totalLine(plan, style),
    `To do it:                    ${next}`,
    `Unattended, only this plan:  ${next.replace(/ --confirm$/, "")} --plan ${plan.token}`,
  ];
}

/** The same by estimates: `exact` is the command that counts. */
export function wipeEstimateLines(
  { plan, exact }: { readonly plan: WipeEstimate; readonly exact: string },
  style: Style,
): string[] {
  const count = plan.tables.length + plan.cascades.length;
  const rows = plan.rows === null ? "an unknown number of rows" : `${countText(plan.rows, true)} rows`;
  return [
    ...placeLines(plan, style),
    "",
    ...plannedTableLines(plan, style),
    ...cascadeLines(plan, style),
    ...sequenceLines(plan),
    ...plan.resets.map(({ table, column, value }) =>
      printable(`${table}.${column} goes back to ${value} where it differs; the rows stay`),
    ),
    ...effectLines(plan.effects, plan.kind, style),
    "",
    `${style.strong(rows)} of ${plural(count, "table")} would be deleted (${formatBytes(plan.sizeBytes)}). Nothing was counted, and nothing was changed.`,
    `The exact plan, which can be applied:  ${exact}`,
  ];
}

export interface AppliedWipe extends WipeResult<BackupReceipt>, Partial<Pick<RowWipeResult, "skipped" | "state">> {
  /** The command that brings everything back. */
  readonly undo?: string;
}

/** What a wipe did. */
export function wipeResultLines(result: AppliedWipe, style: Style): string[] {
  const { plan, tables, resets, detached, skipped, backup } = result;
  const number = (title: string): Column => ({ title, align: "right" });
  const columns = [{ title: "table" }, number("deleted"), number("left")];
  const rows = tables.map((table) => [table.table, formatCount(table.rowsDeleted), formatCount(table.rowsLeft)]);
  const deleted = tables.reduce((sum, { rowsDeleted }) => sum + rowsDeleted, 0);
  return [
    ...(rows.length > 0 ? [...tableLines(columns, rows, style), ""] : []),
    ...resets.map(
      ({ table, column, rowsChanged }) => `${table}.${column} was put back in ${plural(rowsChanged, "row")}`,
    ),
    ...detached.map((one) =>
      printable(`${one.table} lost ${one.columns.join(", ")} in ${plural(one.rowsChanged, "row")}`),
    ),
    ...(tables.length > 0 || resets.length === 0
      ? [
          `${style.good("wiped")} ${plural(deleted, "row")} of ${plural(tables.length, "table")} in ${JSON.stringify(plan.database)}`,
        ]
      : []),
    ...(skipped ?? []).map((one) =>
      style.warning(printable(`left ${plural(one.rows, "row")} of ${one.table}: ${one.reason}`)),
    ),
    ...sequenceLines(plan),
    ...(backup ? receiptLines(result, backup, style) : [style.warning("no backup was taken")]),
  ];
}

function receiptLines({ tables, resets, undo }: AppliedWipe, { id, directory }: BackupReceipt, style: Style): string[] {
  const deleted = tables.length > 0 || resets.length === 0 ? ["the deleted rows"] : [];
  const old = resets.length > 0 ? ["the values before the reset"] : [];
  return [
    `receipt ${style.strong(id)}: ${[...deleted, ...old].join(" and ")}, verified, in ${directory}`,
    ...(undo === undefined ? [] : [`to bring everything back: ${undo}`]),
  ];
}

function totalLine(plan: WipePlan, style: Style): string {
  const count = plan.tables.length + plan.cascades.length;
  const parts = [
    ...(count > 0 || plan.resets.length === 0
      ? [
          `${style.strong(plural(plan.rows, "row"))} of ${plural(count, "table")} would be deleted (${formatBytes(plan.sizeBytes)})`,
        ]
      : []),
    ...plan.resets.map(
      ({ table, column, rows }) => `${table}.${column} would be put back in ${style.strong(plural(rows, "row"))}`,
    ),
  ];
  return printableStyled(`${parts.join("; ")}. Nothing was changed.`);
}

function resetLines({ resets }: WipePlan): string[] {
  return resets.map(({ table, column, value, rows }) =>
    printable(`${table}.${column} goes back to ${value} in ${plural(rows, "row")}; the rows stay`),
  );
}
