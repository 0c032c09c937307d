import type { BackupReceipt } from "../backup/create.js";
import type { Style } from "../report/style.js";
import { type Column, tableLines } from "../report/table.js";
import { formatBytes, formatCount, plural } from "../report/text.js";
import type { WipeResult } from "../wipe/apply.js";
import type { WipePlan } from "../wipe/plan.js";

const number = (title: string): Column => ({ title, align: "right" });

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
    ...sequenceLines(plan),
    ...resetLines(plan),
    "",
    totalLine(plan, style),
    `To do it:                    ${next}`,
    `Unattended, only this plan:  ${next.replace(/ --confirm$/, "")} --plan ${plan.token}`,
  ];
}

/** What a wipe did. */
export function wipeResultLines(result: WipeResult<BackupReceipt>, style: Style): string[] {
  const { plan, tables, resets, backup } = result;
  const columns = [{ title: "table" }, number("deleted"), number("left")];
  const rows = tables.map((table) => [table.table, formatCount(table.rowsDeleted), formatCount(table.rowsLeft)]);
  return [
    ...(rows.length > 0 ? [...tableLines(columns, rows, style), ""] : []),
    ...resets.map(
      ({ table, column, rowsChanged }) => `${table}.${column} was put back in ${plural(rowsChanged, "row")}`,
    ),
    ...(tables.length > 0 || resets.length === 0
      ? [
          `${style.good("wiped")} ${plural(plan.rows, "row")} of ${plural(tables.length, "table")} in ${JSON.stringify(plan.database)}`,
        ]
      : []),
    ...sequenceLines(plan),
    ...(backup ? receiptLines(result, backup, style) : [style.warning("no backup was taken")]),
  ];
}

/** A restore fills empty tables only, so what a reset changed in rows that stay cannot come back in place. */
function receiptLines(
  { tables, resets }: WipeResult<BackupReceipt>,
  { id, directory }: BackupReceipt,
  style: Style,
): string[] {
  const deleted = tables.length > 0 || resets.length === 0 ? ["the deleted rows"] : [];
  const columns = resets.map(({ table, column }) => `${table}.${column}`).join(", ");
  const old = resets.length > 0 ? ["the values before the reset"] : [];
  return [
    `receipt ${style.strong(id)}: ${[...deleted, ...old].join(" and ")}, verified, in ${directory}`,
    ...(resets.length > 0
      ? [
          `A restore fills empty tables only: to get the old values of ${columns} back, restore ${id} into another database and take them from there.`,
        ]
      : []),
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
  return `${parts.join("; ")}. Nothing was changed.`;
}

function placeLines(plan: WipePlan, style: Style): string[] {
  const server = plan.serverAddress ?? "over a Unix socket";
  return [
    `database     ${style.strong(JSON.stringify(plan.database))} as ${plan.role}`,
    `host         ${plan.host} (the server says ${server}; system ${plan.systemIdentifier})`,
    `environment  ${environmentText(plan, style)}`,
    `scopes       ${plan.scopes.join(", ")}`,
  ];
}

function environmentText({ environment }: WipePlan, style: Style): string {
  switch (environment) {
    case "development":
      return style.good(environment);
    case "staging":
      return style.warning(environment);
    case "production":
      return style.bad(environment);
    case undefined:
      return style.warning("not marked, which counts as protected");
  }
}

function plannedTableLines(plan: WipePlan, style: Style): string[] {
  if (plan.tables.length === 0) return ["no table is emptied"];
  const columns = [{ title: "table" }, number("rows"), number("size"), { title: "why" }];
  const rows = plan.tables.map((table) => [
    table.partitions.length > 0 ? `${table.table} (${plural(table.partitions.length, "partition")})` : table.table,
    formatCount(table.rows),
    formatBytes(table.sizeBytes),
    table.reason,
  ]);
  return tableLines(columns, rows, style);
}

function cascadeLines(plan: WipePlan, style: Style): string[] {
  if (plan.cascades.length === 0) return [];
  const columns = [{ title: "table" }, number("rows"), number("size"), { title: "on delete" }, { title: "why" }];
  const rows = plan.cascades.map((table) => [
    table.table,
    formatCount(table.rows),
    formatBytes(table.sizeBytes),
    table.onDelete,
    table.path.join(", "),
  ]);
  const isHarmless = plan.cascades.every((table) => table.rows === 0);
  return [
    "",
    isHarmless
      ? "Foreign keys add these tables, which are empty:"
      : style.warning(
          "Foreign keys would empty these as well, whatever their ON DELETE says; accept it with --cascade:",
        ),
    ...tableLines(columns, rows, style),
  ];
}

function sequenceLines({ sequences }: WipePlan): string[] {
  if (sequences.length === 0) return [];
  return [
    `sequences that begin anew: ${sequences.map(({ sequence, start }) => `${sequence} (at ${start})`).join(", ")}`,
  ];
}

function resetLines({ resets }: WipePlan): string[] {
  return resets.map(
    ({ table, column, value, rows }) =>
      `${table}.${column} goes back to ${value} in ${plural(rows, "row")}; the rows stay`,
  );
}
