import type { AlterTableCmd, AlterTableStmt, ColumnDef, CreateStmt, IndexStmt } from "libpg-query";
import type { Node } from "../db/parse.js";
import type { ColumnModel, IndexModel, TableModel } from "./model.js";
import { type ConstraintPlace, chooseName, usedNames, withConstraint } from "./model-constraint.js";
import { like, newTable, takeOver } from "./model-inherit.js";
import type { ModelStore } from "./model-store.js";
import { stringsIn, tablesIn } from "./names.js";
import { formatTypeName, isSerial } from "./type-name.js";

type TextFrom = (location: number) => string;

/** CREATE TABLE, with what it takes over from LIKE, INHERITS and PARTITION OF. */
export function createTable(store: ModelStore, statement: CreateStmt, textFrom: TextFrom): void {
  const isTemporary = statement.relation?.relpersistence === "t";
  const name = isTemporary
    ? { schema: "pg_temp", name: statement.relation?.relname ?? "" }
    : store.placeFor(statement.relation);
  if (store.model.has("table", name)) return;
  let table = newTable(name, { isPartitioned: statement.partspec !== undefined });
  for (const parent of tablesIn(statement.inhRelations)) {
    table = takeOver(table, { from: store.find(parent), withIndexes: statement.partbound !== undefined });
  }
  for (const element of statement.tableElts ?? []) {
    if ("ColumnDef" in element) table = withColumn(store, table, element.ColumnDef, textFrom);
    if ("TableLikeClause" in element) table = like(store, table, element.TableLikeClause);
    if ("Constraint" in element) {
      table = withConstraint(table, element.Constraint, placeOf(store, textFrom));
    }
  }
  store.putTable(table);
}

/** ALTER TABLE, each of its commands; a table that nobody made is left alone. */
export function alterTable(store: ModelStore, { relation, cmds }: AlterTableStmt, textFrom: TextFrom): void {
  for (const node of cmds ?? []) {
    const table = store.find(relation);
    if (table === undefined) return;
    if ("AlterTableCmd" in node) store.putTable(altered(store, table, node.AlterTableCmd, textFrom));
  }
}

/** CREATE INDEX. */
export function createIndex(store: ModelStore, statement: IndexStmt): void {
  const table = store.find(statement.relation);
  if (table === undefined) return;
  const columns = (statement.indexParams ?? []).map((node) => ("IndexElem" in node ? node.IndexElem.name : undefined));
  const words = (statement.indexParams ?? []).map(wordFor).join("_");
  const chosen = statement.idxname ?? chooseName(table.name.name, [words, "idx"], usedNames(table));
  const index: IndexModel = {
    name: { schema: table.name.schema, name: chosen },
    columns,
    isUnique: statement.unique === true,
    isPartial: statement.whereClause !== undefined,
    isValid: true,
  };
  if (table.indexes.some(({ name }) => name.name === chosen)) return;
  store.putTable({ ...table, indexes: [...table.indexes, index] });
  store.put("index", index.name);
}

/** What a column of an index adds to its name, as FigureIndexColname has it for the expressions that are usual. */
function wordFor(node: Node | undefined): string {
  if (node === undefined) return "expr";
  if ("IndexElem" in node) return node.IndexElem.name ?? wordFor(node.IndexElem.expr);
  if ("FuncCall" in node) return stringsIn(node.FuncCall.funcname).at(-1) ?? "expr";
  if ("CoalesceExpr" in node) return "coalesce";
  if ("TypeCast" in node) return wordFor(node.TypeCast.arg);
  return "ColumnRef" in node ? (stringsIn(node.ColumnRef.fields).at(-1) ?? "expr") : "expr";
}

/** Without an index, and without the constraint that stood on it. */
export function withoutIndex(table: TableModel, name: string): TableModel {
  return { ...table, indexes: table.indexes.filter((index) => index.name.name !== name) };
}

/** With a column's new name wherever the table names it. */
export function withRenamedColumn(table: TableModel, from: string, to: string): TableModel {
  const renamed = (name: string) => (name === from ? to : name);
  return {
    ...table,
    columns: table.columns.map((column) => ({ ...column, name: renamed(column.name) })),
    primaryKey: table.primaryKey?.map(renamed),
    constraints: table.constraints.map((one) => ({ ...one, columns: one.columns.map(renamed) })),
    indexes: table.indexes.map((one) => ({ ...one, columns: one.columns.map((name) => name && renamed(name)) })),
  };
}

function altered(store: ModelStore, table: TableModel, command: AlterTableCmd, textFrom: TextFrom): TableModel {
  const { subtype, name = "", def } = command;
  const change = (changes: Partial<ColumnModel>) => withColumnChange(table, name, changes);
  if (subtype === "AT_SetNotNull") return change({ isNotNull: true });
  if (subtype === "AT_DropNotNull") return change({ isNotNull: false });
  if (subtype === "AT_ColumnDefault") return change({ hasDefault: def !== undefined });
  if (subtype === "AT_AddIdentity") return change({ hasDefault: true });
  if (subtype === "AT_DropIdentity" || subtype === "AT_DropExpression") return change({ hasDefault: false });
  if (subtype === "AT_DropColumn") return withoutColumn(table, name);
  if (subtype === "AT_DropConstraint") return withoutConstraint(table, name);
  if (subtype === "AT_ValidateConstraint") return withValidated(table, name);
  if (def === undefined) return table;
  if (subtype === "AT_AddColumn" && "ColumnDef" in def) return withColumn(store, table, def.ColumnDef, textFrom);
  if (subtype === "AT_AlterColumnType" && "ColumnDef" in def)
    return change({ type: formatTypeName(def.ColumnDef.typeName) });
  if (subtype === "AT_AddConstraint" && "Constraint" in def)
    return withConstraint(table, def.Constraint, placeOf(store, textFrom));
  if (subtype === "AT_ReplicaIdentity" && "ReplicaIdentityStmt" in def)
    return { ...table, replicaIdentity: identities[def.ReplicaIdentityStmt.identity_type ?? "d"] ?? "default" };
  return table;
}

const identities: Readonly<Record<string, TableModel["replicaIdentity"]>> = { f: "full", n: "nothing", i: "index" };

function placeOf(store: ModelStore, textFrom: TextFrom, column?: string): ConstraintPlace {
  return { resolve: store.model.resolve, textFrom, ...(column === undefined ? {} : { column }) };
}

function withColumn(store: ModelStore, table: TableModel, definition: ColumnDef, textFrom: TextFrom): TableModel {
  const { colname: name = "", typeName } = definition;
  if (table.columns.some((column) => column.name === name)) return table;
  const constraints = (definition.constraints ?? []).flatMap((node) => ("Constraint" in node ? [node.Constraint] : []));
  const isFilled = constraints.some(({ contype }) => fillers.has(contype ?? "CONSTR_NULL"));
  const column: ColumnModel = {
    name,
    type: formatTypeName(typeName),
    isNotNull: isSerial(typeName) || constraints.some(({ contype }) => contype === "CONSTR_IDENTITY"),
    hasDefault: isFilled || isSerial(typeName),
  };
  if (isSerial(typeName)) {
    const sequence = chooseName(table.name.name, [name, "seq"], new Set());
    store.put("sequence", { schema: table.name.schema, name: sequence });
  }
  return constraints.reduce<TableModel>(
    (present, constraint) => withConstraint(present, constraint, placeOf(store, textFrom, name)),
    {
      ...table,
      columns: [...table.columns, column],
    },
  );
}

const fillers: ReadonlySet<string> = new Set(["CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"]);

function withColumnChange(table: TableModel, name: string, changes: Partial<ColumnModel>): TableModel {
  return { ...table, columns: table.columns.map((one) => (one.name === name ? { ...one, ...changes } : one)) };
}

function withoutColumn(table: TableModel, name: string): TableModel {
  const keeps = ({ columns }: { readonly columns: readonly (string | undefined)[] }) => !columns.includes(name);
  return {
    ...table,
    columns: table.columns.filter((column) => column.name !== name),
    indexes: table.indexes.filter(keeps),
    constraints: table.constraints.filter(keeps),
    primaryKey: table.primaryKey?.includes(name) ? undefined : table.primaryKey,
  };
}

function withoutConstraint(table: TableModel, name: string): TableModel {
  const constraint = table.constraints.find((one) => one.name === name);
  if (constraint === undefined) return table;
  const { kind, columns } = constraint;
  const present = kind === "not null" ? withColumnChange(table, columns[0] ?? "", { isNotNull: false }) : table;
  return {
    ...present,
    constraints: table.constraints.filter((one) => one !== constraint),
    indexes: table.indexes.filter((index) => index.name.name !== name),
    primaryKey: kind === "primary key" ? undefined : table.primaryKey,
  };
}

function withValidated(table: TableModel, name: string): TableModel {
  const found = table.constraints.find((one) => one.name === name);
  const column = found?.kind === "not null" ? (found.columns[0] ?? "") : "";
  const present = withColumnChange(table, column, { isNotNull: true });
  return {
    ...present,
    constraints: table.constraints.map((one) => (one === found ? { ...one, isValidated: true } : one)),
  };
}
