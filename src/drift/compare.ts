import type { SchemaFact } from "../db/snapshot.js";
import { type Difference, eitherSide, kindOf } from "./model.js";

export interface CompareOptions {
  /** Another major version words definitions in another way: only names, and columns' type, NOT NULL and default, count. */
  readonly isSameMajor: boolean;
}

/** Every object that differs. What only follows from another difference (the columns of a missing table) is not told. */
export function findDifferences(
  liveFacts: readonly SchemaFact[],
  filesFacts: readonly SchemaFact[],
  { isSameMajor }: CompareOptions,
): readonly Difference[] {
  const live = byKey(liveFacts);
  const files = byKey(filesFacts);
  const keys = [...new Set([...live.keys(), ...files.keys()])].sort();
  const differences = keys
    .map((key): Difference => ({ key, live: live.get(key), files: files.get(key) }))
    .filter((pair) => !isEqual(pair, isSameMajor));
  return [...withoutConsequences(differences), ...findReordered(liveFacts, filesFacts)];
}

/** Columns go by their names: one that was dropped in the middle moves all that come after it. */
function byKey(facts: readonly SchemaFact[]): ReadonlyMap<string, SchemaFact> {
  return new Map(facts.map((fact) => [keyOf(fact), fact]));
}

function keyOf({ key, belongs, facts }: SchemaFact): string {
  return isColumn(key) ? `column ${belongs} ${facts?.["name"]}` : key;
}

const isColumn = (key: string) => key.startsWith("column ");

function isEqual({ key, live, files }: Difference, isSameMajor: boolean): boolean {
  if (live === undefined || files === undefined) return false;
  if (isSameMajor) return live.definition === files.definition;
  return !isColumn(key) || normalised(live) === normalised(files);
}

function normalised({ facts }: SchemaFact): string {
  return JSON.stringify([facts?.["type"], Boolean(facts?.["notNull"]), facts?.["default"]]);
}

function withoutConsequences(differences: readonly Difference[]): readonly Difference[] {
  const known = new Map(differences.map((difference) => [difference.key, kindOf(difference)]));
  const causes = constraintsOfIndexes(differences);
  return differences.filter((difference) => {
    const kind = kindOf(difference);
    if (kind === "changed") return true;
    return ![...causesOf(difference), ...(causes.get(difference.key) ?? [])].some(
      (cause) => cause !== difference.key && known.get(cause) === kind,
    );
  });
}

/** The keys of what this one would be gone with. */
function causesOf(difference: Difference): readonly string[] {
  const fact = eitherSide(difference);
  const { belongs = null, facts } = fact ?? {};
  const object = facts?.["object"];
  const maker = facts?.["madeBy"];
  return [
    ...(belongs === null ? [] : [belongs, ...containers.map((kind) => `${kind} ${belongs}`)]),
    ...(typeof maker === "string" ? [maker] : []),
    ...(typeof object === "string" ? [object, columnKey(object, belongs)] : []),
  ];
}

const containers = ["table", "view", "materialized view", "foreign table", "type", "sequence"];

/** `column public.users.name`, as comments and privileges call it, is `column public.users name` itself. */
function columnKey(object: string, belongs: string | null): string {
  return object.replace(`column ${belongs}.`, `column ${belongs} `);
}

/** A primary key makes its index, and takes it away. */
function constraintsOfIndexes(differences: readonly Difference[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    differences.flatMap((difference): [string, readonly string[]][] => {
      const index = eitherSide(difference)?.facts?.["index"];
      return typeof index === "string" ? [[index, [difference.key]]] : [];
    }),
  );
}

/** Tables whose columns, as far as both have them, come in another order. */
function findReordered(live: readonly SchemaFact[], files: readonly SchemaFact[]): readonly Difference[] {
  const liveColumns = columnsByTable(live);
  return [...columnsByTable(files)].flatMap(([table, filesNames]) => {
    const liveNames = liveColumns.get(table) ?? [];
    const liveOrder = liveNames.filter((name) => filesNames.includes(name)).join(", ");
    const filesOrder = filesNames.filter((name) => liveNames.includes(name)).join(", ");
    const key = `order of columns of ${table}`;
    const fact = (definition: string): SchemaFact => ({ key, definition, belongs: table, facts: null });
    return liveOrder === filesOrder ? [] : [{ key, live: fact(liveOrder), files: fact(filesOrder) }];
  });
}

function columnsByTable(facts: readonly SchemaFact[]): ReadonlyMap<string, readonly string[]> {
  const columns = new Map<string, string[]>();
  // Facts come sorted by key, which has the column's place.
  for (const { key, belongs, facts: pieces } of facts) {
    if (!isColumn(key) || belongs === null) continue;
    columns.set(belongs, [...(columns.get(belongs) ?? []), String(pieces?.["name"])]);
  }
  return columns;
}
