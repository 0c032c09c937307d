import { formatName } from "../db/identifier.js";
import { type Difference, expandFirst } from "./compare.js";
import type { PlannedWrite } from "./plan.js";
import type { TableFacts, WorkingQuery } from "./record.js";

/** A query that works, with the tables of the schema it was tried on. */
export interface Placed {
  readonly outcome: WorkingQuery;
  readonly tables: readonly TableFacts[];
}

/** What the tables that a query writes ask of its rows now, and did not before. Preparing and planning do not tell. Pure. */
export function compareWrites(before: Placed, after: Placed): readonly Difference[] {
  const known = new Set(before.outcome.writes.flatMap((write) => columnsLeftOut(write, tableOf(before, write))));
  return after.outcome.writes.flatMap((write, index) => {
    const now = tableOf(after, write);
    if (now === undefined) return [];
    // A renamed table with a view in its place is written under its new name.
    const then = tableOf(before, write) ?? tableOf(before, before.outcome.writes[index]);
    const missing = columnsLeftOut(write, now).filter((column) => !known.has(column));
    return [
      ...missing.map((column) => missingValue(now, column)),
      ...(then === undefined ? [] : newChecks(write, then, now)),
      ...(then === undefined ? [] : movedValues(before.outcome.writes[index], then, { write, table: now })),
    ];
  });
}

function tableOf({ tables }: Placed, write: PlannedWrite | undefined): TableFacts | undefined {
  return tables.find(({ schema, name }) => schema === write?.schema && name === write.table);
}

/** Columns that take no NULL and get one from this write: the planner has put in every default already. */
function columnsLeftOut(write: PlannedWrite, table: TableFacts | undefined): readonly string[] {
  const required = (table?.columns ?? []).map((column, index) => ({ ...column, index })).filter(isRequired);
  const inInsert = required.filter(({ index }) => write.values?.[index]?.startsWith("NULL::"));
  const inMerge = required.filter(
    ({ name, hasDefault }) => !hasDefault && write.mergeColumns.some((columns) => !columns.includes(name)),
  );
  return [...inInsert, ...inMerge].map(({ name }) => name);
}

function isRequired({ isRequired: required, isDropped }: TableFacts["columns"][number]): boolean {
  return required && !isDropped;
}

function missingValue(table: TableFacts, column: string): Difference {
  const message = `${formatName(table)}.${column} takes no NULL and has no default, and the query gives it no value`;
  const common = { kind: "missing-value", sqlState: null } as const;
  if (!table.hasFillingTrigger) {
    return { ...common, severity: "error", message, hint: "give the column a default until the old release is gone" };
  }
  return {
    ...common,
    severity: "warning",
    message: `${message}, unless a BEFORE INSERT trigger of the table does`,
    hint: "see that the trigger fills it for rows of the old release",
  };
}

interface Target {
  readonly write: PlannedWrite;
  readonly table: TableFacts;
}

/** An INSERT without a column list goes by places: where a column is gone, what was meant for it lands in another one. */
function movedValues(
  before: PlannedWrite | undefined,
  then: TableFacts,
  { write, table }: Target,
): readonly Difference[] {
  const { values } = write;
  if (values === undefined || before?.values === undefined) return [];
  return then.columns.flatMap(({ name, isDropped }, index) => {
    const given = givenBy(before.values?.[index]);
    if (isDropped || given === "" || givenBy(values[successorOf(name, index, table)]) === given) return [];
    return {
      kind: "value-moved" as const,
      severity: "error" as const,
      sqlState: null,
      message: `the value for ${formatName(then)}.${name} goes into another column now, since the INSERT has no column list`,
      hint: "name the columns in the query before this migration runs",
    };
  });
}

/** Where a column is now: under its name, or, renamed, in its place. */
function successorOf(name: string, index: number, { columns }: TableFacts): number {
  const at = columns.findIndex((column) => column.name === name && !column.isDropped);
  return at === -1 && columns[index]?.isDropped === false ? index : at;
}

/** The parameters and source columns in a planned value, without the casts around them. */
function givenBy(value: string | undefined): string {
  return (value?.match(/\$\d+|"\*(?:VALUES|SELECT)\*"\.(?:"[^"]*"|\w+)/g) ?? []).join(" ");
}

function newChecks(write: PlannedWrite, then: TableFacts, now: TableFacts): readonly Difference[] {
  const before = new Set(then.checks.map(keyOf));
  const columnsBefore = new Set(then.columns.map(({ name }) => name));
  return now.checks
    .filter((check) => !before.has(keyOf(check)) && concerns(check.kind, write.operation))
    .filter(({ kind, name }) => kind !== "NOT NULL" || columnsBefore.has(name))
    .map(({ kind, name, definition }) => ({
      kind: "new-check" as const,
      severity: "info" as const,
      sqlState: null,
      message:
        kind === "reference"
          ? `rows of ${formatName(now)} are referenced by ${name} now (${saidBy(definition)})`
          : `${formatName(now)} has a new ${kind}, ${name} (${saidBy(definition)})`,
      hint: `it depends on the rows whether the old release's writes pass; ${expandFirst}`,
    }));
}

/** Renaming changes nothing for a query, so a constraint is known by what it says; of references several say the same. */
function keyOf({ kind, name, definition }: TableFacts["checks"][number]): string {
  return kind === "reference" ? `${kind} ${name} ${saidBy(definition)}` : `${kind} ${saidBy(definition)}`;
}

/** New rows are checked from the start: validating the old ones later changes nothing for a query. */
function saidBy(definition: string): string {
  return definition.replace(/ NOT VALID$/, "");
}

/** A deleted row meets no CHECK, and only a deleted one a reference: keys are hardly ever changed. */
function concerns(kind: string, operation: PlannedWrite["operation"]): boolean {
  if (kind === "reference") return operation === "Delete" || operation === "Merge";
  return operation !== "Delete" || ["trigger", "rule", "policy", "row security"].includes(kind);
}
