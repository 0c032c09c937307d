import type { Style } from "../report/style.js";
import { type Column, tableLines } from "../report/table.js";
import { formatBytes, formatCount, plural, printable } from "../report/text.js";
import type { CascadeWay, DescribedTable } from "../wipe/describe.js";
import type { WipePlan } from "../wipe/plan.js";

interface CountedTable extends DescribedTable {
  /** Null where nobody knows. */
  readonly rows: number | null;
}

interface CountedCascade extends CountedTable, CascadeWay {}

export interface CountedPlan {
  readonly kind: WipePlan["kind"];
  readonly isEstimate?: boolean;
  readonly tables: readonly CountedTable[];
  readonly cascades: readonly CountedCascade[];
}

const number = (title: string): Column => ({ title, align: "right" });

/** The chosen tables. */
export function plannedTableLines({ tables, isEstimate }: CountedPlan, style: Style): string[] {
  if (tables.length === 0) return ["no table is emptied"];
  const columns = [{ title: "table" }, number("rows"), number("size"), { title: "why" }];
  const rows = tables.map((table) => [
    table.partitions.length > 0 ? `${table.table} (${plural(table.partitions.length, "partition")})` : table.table,
    countText(table.rows, isEstimate),
    formatBytes(table.sizeBytes),
    table.reason,
  ]);
  return tableLines(columns, rows, style);
}

/** What goes besides, and whether it must be accepted. */
export function cascadeLines({ kind, cascades, isEstimate }: CountedPlan, style: Style): string[] {
  if (cascades.length === 0) return [];
  const columns = [{ title: "table" }, number("rows"), number("size"), { title: "on delete" }, { title: "why" }];
  const rows = cascades.map((table) => [
    table.table,
    countText(table.rows, isEstimate),
    formatBytes(table.sizeBytes),
    table.onDelete,
    table.path.join(", "),
  ]);
  return ["", cascadeTitle(kind, cascades, style), ...tableLines(columns, rows, style)];
}

/** Rows that stay and lose their reference. */
export function detachedLines({ detached }: Pick<WipePlan, "detached">): string[] {
  return detached.map(({ table, columns, onDelete, rows, reason }) =>
    printable(
      `${table} keeps ${plural(rows, "row")} that ${rows === 1 ? "loses" : "lose"} ${columns.join(", ")} (ON DELETE ${onDelete}: ${reason})`,
    ),
  );
}

export function sequenceLines({ sequences }: Pick<WipePlan, "sequences">): string[] {
  if (sequences.length === 0) return [];
  const names = sequences.map(({ sequence, start }) => `${sequence} (at ${start})`).join(", ");
  return [printable(`sequences that begin anew: ${names}`)];
}

export function countText(rows: number | null, isEstimate = false): string {
  if (rows === null) return "never analyzed";
  return isEstimate ? `about ${formatCount(rows)}` : formatCount(rows);
}

function cascadeTitle(kind: CountedPlan["kind"], cascades: readonly CountedCascade[], style: Style): string {
  const lost = cascades.filter(({ rows }) => rows !== 0);
  if (lost.length === 0) return "Foreign keys add these tables, which are empty:";
  if (kind === "tables") {
    return style.warning(
      "Foreign keys would empty these as well, whatever their ON DELETE says; accept it with --cascade:",
    );
  }
  if (lost.every(({ onDelete }) => onDelete === "CASCADE")) return "Foreign keys delete these with them:";
  return style.warning("Foreign keys keep the rows unless these go as well; accept it with --cascade:");
}
