import type { QueryOutcome, WorkingQuery } from "./record.js";

export type CompatSeverity = "error" | "warning" | "info";

type CompatKind =
  | "broken"
  | "parameter-type"
  | "result-type"
  | "result-column-removed"
  | "result-column-renamed"
  | "result-column-added"
  | "result-column-repeated"
  | "result-columns-moved"
  | "missing-value"
  | "value-moved"
  | "new-check"
  | "did-not-work-before"
  | "broken-in-between";

/** One thing that a new schema changes for a query, without the query's own name. */
export interface Difference {
  readonly kind: CompatKind;
  readonly severity: CompatSeverity;
  /** Of PostgreSQL's own error, where it is one. */
  readonly sqlState: string | null;
  readonly message: string;
  readonly hint: string;
}

/** What a query that worked meets under another schema. Pure. */
export function compareOutcomes(before: WorkingQuery, after: QueryOutcome): readonly Difference[] {
  if (!after.works) return [broken(after)];
  return [...parameterChanges(before, after), ...columnChanges(before.columns, after.columns)];
}

export const expandFirst =
  "expand first (keep the old name and shape beside the new), contract when no old release runs any more";

function broken({ sqlState, message }: { readonly sqlState: string | null; readonly message: string }): Difference {
  return { kind: "broken", severity: "error", sqlState, message, hint: expandFirst };
}

function parameterChanges(before: WorkingQuery, after: WorkingQuery): readonly Difference[] {
  return before.parameterTypes.flatMap((type, index) => {
    const now = after.parameterTypes[index];
    if (now === undefined || now === type) return [];
    return error(
      "parameter-type",
      `parameter $${index + 1} was ${type} and is ${now} now`,
      "a driver that sends binary or declares types fails: add a column of the new type and fill both until the old release is gone",
    );
  });
}

type Columns = WorkingQuery["columns"];

function columnChanges(before: Columns, after: Columns): readonly Difference[] {
  const renamed = renames(before, after);
  const expected = before.map((column, index) => ({ ...column, name: renamed.get(index) ?? column.name }));
  const removed = missingFrom(after, expected);
  const added = missingFrom(expected, after);
  return [
    ...[...renamed].flatMap(([index, name]) =>
      error("result-column-renamed", `result column ${before[index]?.name} is called ${name} now`, expandFirst),
    ),
    ...removed.flatMap(({ name }) =>
      error(
        "result-column-removed",
        `result column ${name} is gone`,
        "name the columns in the query, and contract later",
      ),
    ),
    ...typeChanges(expected, after),
    ...additions({ expected, after, added, isShort: removed.length > 0 }),
  ];
}

/** Where no column is missing, one that has another name in its place was renamed. */
function renames(before: Columns, after: Columns): ReadonlyMap<number, string> {
  if (after.length < before.length) return new Map();
  const gone = new Set(missingFrom(after, before).map(({ name }) => name));
  const fresh = new Set(missingFrom(before, after).map(({ name }) => name));
  return new Map(
    before.flatMap(({ name }, index) => {
      const now = after[index]?.name;
      return now !== undefined && gone.has(name) && fresh.has(now) ? [[index, now] as const] : [];
    }),
  );
}

/** Those of `wanted` that `columns` has no longer, as often as they stand there. */
function missingFrom(columns: Columns, wanted: Columns): Columns {
  const left = columns.map(({ name }) => name);
  return wanted.filter(({ name }) => {
    const at = left.indexOf(name);
    if (at === -1) return true;
    left.splice(at, 1);
    return false;
  });
}

/** A name that stands twice is told apart by its turn. */
function typeChanges(before: Columns, after: Columns): readonly Difference[] {
  return before.flatMap(({ name, type }, index) => {
    const turn = before.slice(0, index).filter((column) => column.name === name).length;
    const now = after.filter((column) => column.name === name)[turn];
    if (now === undefined || now.type === type) return [];
    return error(
      "result-type",
      `result column ${name} was ${type} and is ${now.type} now${consequence(now.type)}`,
      addBeside,
    );
  });
}

const addBeside = "add a column of the new type beside it, fill both, and switch over in the next release";

function consequence(type: string): string {
  return type === "bigint" || type === "numeric" ? ", which JavaScript drivers give as text" : "";
}

interface Additions {
  readonly expected: Columns;
  readonly after: Columns;
  readonly added: Columns;
  /** A column is gone: that the others moved up is told already. */
  readonly isShort: boolean;
}

function additions({ expected, after, added, isShort }: Additions): readonly Difference[] {
  const names = added.map(({ name }) => name).join(", ");
  const repeated = added.filter(({ name }) => expected.some((column) => column.name === name));
  const isSamePlace = expected.every(({ name }, index) => after[index]?.name === name);
  return [
    ...repeated.flatMap(({ name }) =>
      error(
        "result-column-repeated",
        `there are two result columns ${name} now; a driver that keys rows by name gives the last one only`,
        "name the columns in the query before this migration runs",
      ),
    ),
    ...(isSamePlace || isShort
      ? []
      : error(
          "result-columns-moved",
          `result columns stand in other places now${names ? `, since ${names} came in between` : ""}: reading by position gives wrong values`,
          "name the columns in the query before this migration runs",
        )),
    ...(added.length > 0 && isSamePlace
      ? [
          {
            kind: "result-column-added" as const,
            severity: "warning" as const,
            sqlState: null,
            message: `the result has ${names} as well; a statement prepared by name fails in every session that is open already (cached plan must not change result type, 0A000)`,
            hint: "name the columns in the query, or recycle the pool after migrating",
          },
        ]
      : []),
  ];
}

function error(kind: CompatKind, message: string, hint: string): readonly Difference[] {
  return [{ kind, severity: "error", sqlState: null, message, hint }];
}
