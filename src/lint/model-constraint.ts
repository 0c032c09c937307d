import type { Constraint } from "libpg-query";
import type { QualifiedName } from "../db/identifier.js";
import type { ConstraintModel, IndexModel, TableModel } from "./model.js";
import type { WrittenName } from "./names.js";
import { stringsIn } from "./names.js";

/** What a constraint needs besides its tree. */
export interface ConstraintPlace {
  readonly resolve: (name: WrittenName) => QualifiedName;
  /** The statement's text from a place of its tree on. */
  readonly textFrom: (location: number) => string;
  /** The column that the constraint is written beside. */
  readonly column?: string;
}

/** A table with a constraint more: its index, its primary key, its columns that must not be null. */
export function withConstraint(table: TableModel, constraint: Constraint, place: ConstraintPlace): TableModel {
  const kind = kinds[constraint.contype ?? "CONSTR_NULL"];
  if (kind === undefined) return table;
  const existing = table.indexes.find(({ name }) => name.name === constraint.indexname);
  const columns = existing ? existing.columns.flatMap((one) => one ?? []) : columnsOf(constraint, place.column);
  const name =
    constraint.conname ??
    constraint.indexname ??
    chooseName(table.name.name, suffixes[kind](columns), usedNames(table));
  const added: ConstraintModel = {
    name,
    kind,
    columns,
    isValidated: constraint.skip_validation !== true,
    expression: kind === "check" ? textInParentheses(place.textFrom(constraint.location ?? 0)) : undefined,
    references: constraint.pktable ? place.resolve(constraint.pktable) : undefined,
  };
  const isNotNull = kind === "primary key" || (kind === "not null" && added.isValidated);
  return {
    ...table,
    constraints: [...table.constraints, added],
    primaryKey: kind === "primary key" ? columns : table.primaryKey,
    indexes: withIndex(table, { kind, name, columns, isUsingIndex: existing !== undefined }, constraint),
    columns: isNotNull
      ? table.columns.map((one) => (columns.includes(one.name) ? { ...one, isNotNull: true } : one))
      : table.columns,
  };
}

/** `name1_name2_suffix` in 63 bytes, as PostgreSQL's ChooseRelationName and makeObjectName choose it. */
export function chooseName(table: string, suffix: readonly [string, string], used: ReadonlySet<string>): string {
  for (let number = 0; ; number += 1) {
    const name = joinName(table, suffix[0], `${suffix[1]}${number || ""}`);
    if (!used.has(name)) return name;
  }
}

/** Names that a table's own objects have taken. */
export function usedNames({ constraints, indexes }: TableModel): ReadonlySet<string> {
  return new Set([...constraints.flatMap(({ name }) => name ?? []), ...indexes.map(({ name }) => name.name)]);
}

/** What stands between the first parenthesis of a text and the one that closes it; quotes are jumped over. */
export function textInParentheses(text: string): string | undefined {
  const tokens = /'(?:[^']|'')*'|"[^"]*"|[()]/g;
  let depth = 0;
  let start = 0;
  for (let token = tokens.exec(text); token; token = tokens.exec(text)) {
    if (token[0] === "(") {
      if (depth === 0) start = tokens.lastIndex;
      depth += 1;
    } else if (token[0] === ")") {
      depth -= 1;
      if (depth === 0) return text.slice(start, token.index).trim();
    }
  }
  return undefined;
}

type ConstraintKind = ConstraintModel["kind"];

const kinds: Readonly<Record<string, ConstraintKind>> = {
  CONSTR_CHECK: "check",
  CONSTR_FOREIGN: "foreign key",
  CONSTR_UNIQUE: "unique",
  CONSTR_PRIMARY: "primary key",
  CONSTR_EXCLUSION: "exclude",
  CONSTR_NOTNULL: "not null",
};

const suffixes: Readonly<Record<ConstraintKind, (columns: readonly string[]) => readonly [string, string]>> = {
  check: (columns) => [columns.length === 1 ? (columns[0] ?? "") : "", "check"],
  "foreign key": (columns) => [columns.join("_"), "fkey"],
  unique: (columns) => [columns.join("_"), "key"],
  "primary key": () => ["", "pkey"],
  exclude: (columns) => [columns.join("_"), "excl"],
  "not null": (columns) => [columns.join("_"), "not_null"],
};

function columnsOf(constraint: Constraint, column: string | undefined): readonly string[] {
  if (constraint.contype === "CONSTR_CHECK") return [...new Set(columnsIn(constraint.raw_expr))];
  const listed = stringsIn(constraint.contype === "CONSTR_FOREIGN" ? constraint.fk_attrs : constraint.keys);
  if (listed.length > 0) return listed;
  const excluded = (constraint.exclusions ?? []).flatMap((node) =>
    "List" in node
      ? (node.List.items ?? []).flatMap((item) => ("IndexElem" in item ? (item.IndexElem.name ?? []) : []))
      : [],
  );
  return excluded.length > 0 || column === undefined ? excluded : [column];
}

/** The columns that an expression names. */
function columnsIn(node: unknown): readonly string[] {
  if (typeof node !== "object" || node === null) return [];
  const reference: unknown = Reflect.get(node, "ColumnRef");
  const fields: unknown = typeof reference === "object" && reference !== null ? Reflect.get(reference, "fields") : [];
  const last = Array.isArray(fields) ? stringsIn(fields).at(-1) : undefined;
  return last === undefined ? Object.values(node).flatMap(columnsIn) : [last];
}

interface KeyIndex {
  readonly kind: ConstraintKind;
  readonly name: string;
  readonly columns: readonly string[];
  readonly isUsingIndex: boolean;
}

function withIndex(
  { name: table, indexes }: TableModel,
  { kind, name, columns, isUsingIndex }: KeyIndex,
  constraint: Constraint,
): readonly IndexModel[] {
  if (!["unique", "primary key", "exclude"].includes(kind)) return indexes;
  const qualified = { schema: table.schema, name };
  // USING INDEX renames the index to the constraint's name.
  if (isUsingIndex) {
    return indexes.map((one) => (one.name.name === constraint.indexname ? { ...one, name: qualified } : one));
  }
  const isPartial = constraint.where_clause !== undefined;
  return [...indexes, { name: qualified, columns, isUnique: kind !== "exclude", isPartial, isValid: true }];
}

function joinName(first: string, second: string, suffix: string): string {
  let [a, b] = [first, second];
  const length = () => Buffer.byteLength([a, b, suffix].filter((part) => part !== "").join("_"));
  while (length() > 63) {
    if (Buffer.byteLength(a) > Buffer.byteLength(b)) a = [...a].slice(0, -1).join("");
    else b = [...b].slice(0, -1).join("");
  }
  return [a, b, suffix].filter((part) => part !== "").join("_");
}
