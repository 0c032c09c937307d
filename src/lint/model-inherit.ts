import type { TableLikeClause } from "libpg-query";
import type { QualifiedName } from "../db/identifier.js";
import type { IndexModel, TableModel } from "./model.js";
import { chooseName } from "./model-constraint.js";
import type { ModelStore } from "./model-store.js";

/** A table of which only the name is known, unless more is told. */
export function newTable(name: QualifiedName, known: Partial<TableModel> = {}): TableModel {
  return {
    name,
    isNew: true,
    isPartitioned: false,
    hasKnownColumns: true,
    columns: [],
    primaryKey: undefined,
    indexes: [],
    constraints: [],
    replicaIdentity: "default",
    rows: undefined,
    sizeBytes: undefined,
    ...known,
  };
}

/** Bits of `TableLikeOption` in PostgreSQL's parsenodes.h. */
const likeOptions = { constraints: 1 << 2, defaults: 1 << 3, generated: 1 << 4, identity: 1 << 5, indexes: 1 << 6 };

/** LIKE: the columns, and what its options say. */
export function like(store: ModelStore, table: TableModel, { relation, options = 0 }: TableLikeClause): TableModel {
  const source = store.find(relation);
  const copiesDefaults = (options & (likeOptions.defaults | likeOptions.generated | likeOptions.identity)) !== 0;
  const from = source && {
    ...source,
    columns: source.columns.map((one) => ({ ...one, hasDefault: one.hasDefault && copiesDefaults })),
    constraints: source.constraints.filter(({ kind }) =>
      kind === "check" ? (options & likeOptions.constraints) !== 0 : kind !== "foreign key",
    ),
  };
  return takeOver(table, { from, withIndexes: (options & likeOptions.indexes) !== 0 });
}

interface Inheritance {
  readonly from: TableModel | undefined;
  readonly withIndexes: boolean;
}

/** Columns and checks of another table; keys and indexes under names of the new one, where they come along. */
export function takeOver(table: TableModel, { from, withIndexes }: Inheritance): TableModel {
  if (from === undefined) return { ...table, hasKnownColumns: false };
  const own = new Set(table.columns.map(({ name }) => name));
  const indexes = withIndexes ? from.indexes.map((index) => renamedFor(table, from, index)) : [];
  const nameNow = (name: string | undefined) => {
    const position = from.indexes.findIndex((index) => index.name.name === name);
    return position === -1 ? name : indexes[position]?.name.name;
  };
  const kept = from.constraints.filter(({ kind }) => kind === "check" || kind === "not null" || withIndexes);
  return {
    ...table,
    hasKnownColumns: table.hasKnownColumns && from.hasKnownColumns,
    columns: [...table.columns, ...from.columns.filter(({ name }) => !own.has(name))],
    constraints: [...table.constraints, ...kept.map((one) => ({ ...one, name: nameNow(one.name) }))],
    indexes: [...table.indexes, ...indexes],
    primaryKey: withIndexes ? from.primaryKey : table.primaryKey,
  };
}

function renamedFor({ name }: TableModel, from: TableModel, index: IndexModel): IndexModel {
  const kind = from.constraints.find((constraint) => constraint.name === index.name.name)?.kind;
  const words = index.columns.map((column) => column ?? "expr").join("_");
  const suffix: readonly [string, string] =
    kind === "primary key" ? ["", "pkey"] : [words, kind === undefined ? "idx" : "key"];
  return { ...index, name: { schema: name.schema, name: chooseName(name.name, suffix, new Set()) } };
}
