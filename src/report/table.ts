import Table from "cli-table3";
import type { Style } from "./style.js";
import { printableStyled } from "./text.js";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Rows as lines: aligned columns on a terminal, tab-separated with a header elsewhere (so that `cut` and `awk` work). */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[], style: Style): string[] {
  const cells = rows.map((row) => row.map(printableStyled));
  if (!style.isTerminal) {
    return [columns.map((column) => column.title).join("\t"), ...cells.map((row) => row.join("\t"))];
  }
  const table = new Table({
    head: columns.map((column) => style.strong(column.title)),
    colAligns: columns.map((column) => column.align ?? "left"),
    chars: borderless,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
  });
  table.push(...cells);
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}

const borderless = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "",
};
