import { formatDuration } from "../core/duration.js";
import { formatName } from "../db/identifier.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatCount, formatTime, plural, printable } from "../report/text.js";
import type { UndoPlan, UndoResult } from "../restore/undo.js";
import { describeConflict } from "../restore/undo-outcome.js";

/** What an undo would bring back, and how to go on. */
export function undoPlanLines(plan: UndoPlan & { readonly next: string }, style: Style): readonly string[] {
  return [
    wipeLine(plan),
    "",
    ...tablesOf(plan, ["comes back", "changes back"], style),
    ...conflictLines(plan, style),
    `${style.strong(plural(plan.rows, "row"))} would come back${changed(plan, "would get old values back")}. Nothing was changed.`,
    `To do it:  ${plan.next}`,
  ];
}

/** What an undo brought back. */
export function undoResultLines(result: UndoResult, style: Style): readonly string[] {
  const { rows, database, receipt, sequences, durationMs } = result;
  const done = `${plural(rows, "row")} of ${receipt} came back into ${JSON.stringify(database)}${changed(result, "got old values back")}`;
  const took = ` in ${formatDuration(durationMs)}`;
  return [
    ...tablesOf(result, ["came back", "changed back"], style),
    ...conflictLines(result, style),
    result.isComplete ? style.good(`${done}${took}`) : `${style.warning("partly undone")}: ${done}${took}`,
    "what came back equals the backup's rows, by fingerprint",
    ...sequences.map((sequence) => `sequence ${printable(formatName(sequence))} stands at ${sequence.lastValue}`),
  ];
}

function wipeLine({ wipe, receipt, database }: UndoPlan): string {
  return `wipe ${receipt} (operation ${wipe.operation}: ${printable(wipe.choice)}) of ${formatTime(wipe.finishedAt)}, in ${JSON.stringify(database)}`;
}

function tablesOf(
  { tables }: UndoPlan,
  [back, changedBack]: readonly [string, string],
  style: Style,
): readonly string[] {
  const isAny = (read: (table: UndoPlan["tables"][number]) => number) => tables.some((table) => read(table) > 0);
  const conflictsOf = ({ conflicts }: UndoPlan["tables"][number]) => conflicts.reduce((sum, { rows }) => sum + rows, 0);
  const columns = [
    { title: "saved", read: (table: UndoPlan["tables"][number]) => table.saved },
    { title: back, read: (table: UndoPlan["tables"][number]) => table.restored },
    { title: changedBack, read: (table: UndoPlan["tables"][number]) => table.changedBack },
    { title: "already there", read: (table: UndoPlan["tables"][number]) => table.alreadyThere },
    { title: "conflicts", read: conflictsOf },
  ].filter(({ title, read }) => title === "saved" || isAny(read));
  const titles = [{ title: "table" }, ...columns.map(({ title }) => ({ title, align: "right" }) as const)];
  const rows = tables.map((table) => [
    printable(table.changedBack > 0 ? `${table.table} (${table.columns.join(", ")})` : table.table),
    ...columns.map(({ read }) => formatCount(read(table))),
  ]);
  return tables.length === 0 ? [] : [...tableLines(titles, rows, style), ""];
}

function conflictLines({ tables }: UndoPlan, style: Style): readonly string[] {
  return tables.flatMap(({ table, conflicts }) =>
    conflicts.map((conflict) => `${style.warning("conflict")} ${printable(`${table}: ${describeConflict(conflict)}`)}`),
  );
}

function changed({ changedBack }: UndoPlan, words: string): string {
  return changedBack > 0 ? `; ${plural(changedBack, "row")} ${words}` : "";
}
