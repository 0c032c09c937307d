import { quoteIdentifier, quoteName } from "../db/identifier.js";
import type { CopiedTable } from "./fingerprint.js";

/** Pages of a table's storage, from the first up to but not including the last; without a last, to the end. */
export interface PageRange {
  readonly from: number;
  readonly to?: number;
}

/**
 * The statement that reads a table's own rows, all, those that were chosen, or those of them on some pages. Columns are named: `COPY (SELECT * …)` would
 * carry generated ones, which no restore could load.
 */
export function copyStatement(table: CopiedTable, pages?: PageRange): string {
  const list = table.columns.map(({ name }) => quoteIdentifier(name)).join(", ");
  const format = table.format === "binary" ? " (FORMAT binary)" : "";
  const { chosenRows } = table;
  // To name no column would mean all of them, so a table without any is read by a query.
  if (pages === undefined && chosenRows === undefined && list !== "") {
    return `COPY ${quoteName(table)} (${list}) TO STDOUT${format}`;
  }
  const source = chosenRows ?? `ONLY ${quoteName(table)}`;
  return `COPY (SELECT ${list} FROM ${source}${pages ? condition(pages) : ""}) TO STDOUT${format}`;
}

/** Answered by a TID range scan, which reads those pages only. */
function condition({ from, to }: PageRange): string {
  const end = to === undefined ? "" : ` AND ctid < '(${to},0)'`;
  return ` WHERE ctid >= '(${from},0)'${end}`;
}
