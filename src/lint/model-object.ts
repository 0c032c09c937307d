import type {
  AlterObjectSchemaStmt,
  AlterPublicationStmt,
  CreatePublicationStmt,
  DropStmt,
  ObjectType,
  RenameStmt,
} from "libpg-query";
import { isSameName, type QualifiedName } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import type { ObjectKind, TableModel } from "./model.js";
import type { ModelStore, PublicationModel } from "./model-store.js";
import { withoutIndex, withRenamedColumn } from "./model-table.js";
import { nameInNode, stringsIn, type WrittenName } from "./names.js";

/** DROP of anything that the model knows. */
export function dropObjects(store: ModelStore, { objects, removeType, behavior }: DropStmt): void {
  const kind = kindOf(removeType);
  if (kind === undefined) return;
  for (const node of objects ?? []) {
    const written = nameInNode(node);
    if (written === undefined) continue;
    if (kind === "trigger" || kind === "policy" || kind === "rule") dropFromTable(store, kind, node);
    else if (kind === "schema") dropSchema(store, written.relname ?? "", behavior === "DROP_CASCADE");
    else if (kind === "table") dropTable(store, store.model.resolve(written));
    else if (kind === "index") dropIndex(store, store.model.resolve(written));
    else if (kind === "publication") store.publications.delete(written.relname ?? "");
    else store.remove(kind, placed(store, kind, written));
  }
}

/** RENAME of a relation, a column, a constraint, or anything else with a name. */
export function renameObject(store: ModelStore, statement: RenameStmt): void {
  const { renameType, relation, object, subname = "", newname = "" } = statement;
  const table = store.find(relation);
  if (renameType === "OBJECT_COLUMN" || renameType === "OBJECT_ATTRIBUTE") {
    if (table) store.putTable(withRenamedColumn(table, subname, newname));
    return;
  }
  if (renameType === "OBJECT_TABCONSTRAINT") {
    if (table) store.putTable(withRenamedConstraint(table, subname, newname));
    return;
  }
  const kind = kindOf(renameType);
  if (kind === undefined) return;
  if (kind === "trigger" || kind === "policy" || kind === "rule") {
    if (!relation) return;
    const { schema, name } = store.model.resolve(relation);
    store.remove(kind, { schema, name: `${name}.${subname}` });
    store.put(kind, { schema, name: `${name}.${newname}` });
    return;
  }
  const written = relation ?? nameInNode(object) ?? { relname: subname };
  moveObject(store, kind, { from: written, to: ({ schema }) => ({ schema, name: newname }) });
}

/** ALTER … SET SCHEMA. */
export function moveToSchema(store: ModelStore, statement: AlterObjectSchemaStmt): void {
  const kind = kindOf(statement.objectType);
  const written = statement.relation ?? nameInNode(statement.object);
  const schema = statement.newschema ?? "";
  if (kind && written) moveObject(store, kind, { from: written, to: ({ name }) => ({ schema, name }) });
}

/** CREATE PUBLICATION. */
export function createPublication(store: ModelStore, statement: CreatePublicationStmt): void {
  const name = statement.pubname ?? "";
  store.publications.set(name, {
    isForAllTables: statement.for_all_tables === true,
    ...publishedIn(store, statement.pubobjects),
  });
  store.put("publication", { schema: "", name });
}

/** ALTER PUBLICATION … ADD, SET or DROP. */
export function alterPublication(store: ModelStore, statement: AlterPublicationStmt): void {
  const known = store.publications.get(statement.pubname ?? "");
  if (known === undefined || (statement.pubobjects ?? []).length === 0) return;
  const { schemas, tables } = publishedIn(store, statement.pubobjects);
  const merge = {
    AP_AddObjects: () => ({ schemas: [...known.schemas, ...schemas], tables: [...known.tables, ...tables] }),
    AP_SetObjects: () => ({ schemas, tables }),
    AP_DropObjects: () => ({
      schemas: known.schemas.filter((schema) => !schemas.includes(schema)),
      tables: known.tables.filter((table) => !tables.some((one) => isSameName(one, table))),
    }),
  }[statement.action ?? "AP_AddObjects"];
  store.publications.set(statement.pubname ?? "", { ...known, ...merge() });
}

/** Where an object of a kind is or goes: relations are looked for along the search_path, others go by its first schema. */
function placed(store: ModelStore, kind: ObjectKind, written: WrittenName): QualifiedName {
  return ["view", "materialized view", "sequence", "table", "index"].includes(kind)
    ? store.model.resolve(written)
    : store.placeFor(written);
}

const kindsByType: Partial<Record<ObjectType, ObjectKind>> = {
  OBJECT_TABLE: "table",
  OBJECT_FOREIGN_TABLE: "table",
  OBJECT_VIEW: "view",
  OBJECT_MATVIEW: "materialized view",
  OBJECT_INDEX: "index",
  OBJECT_SEQUENCE: "sequence",
  OBJECT_TYPE: "type",
  OBJECT_DOMAIN: "type",
  OBJECT_FUNCTION: "function",
  OBJECT_PROCEDURE: "function",
  OBJECT_ROUTINE: "function",
  OBJECT_AGGREGATE: "function",
  OBJECT_SCHEMA: "schema",
  OBJECT_EXTENSION: "extension",
  OBJECT_PUBLICATION: "publication",
  OBJECT_ROLE: "role",
  OBJECT_POLICY: "policy",
  OBJECT_TRIGGER: "trigger",
  OBJECT_RULE: "rule",
};

function kindOf(type: ObjectType | undefined): ObjectKind | undefined {
  return type === undefined ? undefined : kindsByType[type];
}

function dropFromTable(store: ModelStore, kind: ObjectKind, node: Node): void {
  const parts = "List" in node ? stringsIn(node.List.items) : [];
  const [schemaname, relname] = [parts.at(-3), parts.at(-2)];
  const { schema, name } = store.model.resolve({ ...(schemaname ? { schemaname } : {}), relname: relname ?? "" });
  store.remove(kind, { schema, name: `${name}.${parts.at(-1)}` });
}

function dropTable(store: ModelStore, name: QualifiedName): void {
  store.removeTable(name);
  for (const kind of ["trigger", "policy", "rule"] as const) {
    for (const one of store.names(kind)) {
      if (one.schema === name.schema && one.name.startsWith(`${name.name}.`)) store.remove(kind, one);
    }
  }
  for (const other of store.referencing(name)) {
    const constraints = other.constraints.filter((one) => !(one.references && isSameName(one.references, name)));
    store.putTable({ ...other, constraints });
  }
}

function dropIndex(store: ModelStore, name: QualifiedName): void {
  const table = store.model.tableOfIndex(name);
  if (table) store.putTable(withoutIndex(table, name.name));
  store.remove("index", name);
}

function dropSchema(store: ModelStore, schema: string, isCascading: boolean): void {
  store.remove("schema", { schema: "", name: schema });
  if (!isCascading) return;
  for (const { name } of [...store.tables.values()]) if (name.schema === schema) dropTable(store, name);
  for (const kind of ["view", "materialized view", "sequence", "type", "function"] as const) {
    for (const name of store.names(kind)) if (name.schema === schema) store.remove(kind, name);
  }
}

interface Move {
  readonly from: WrittenName;
  readonly to: (name: QualifiedName) => QualifiedName;
}

function moveObject(store: ModelStore, kind: ObjectKind, { from, to }: Move): void {
  const name = placed(store, kind, from);
  if (kind === "table") {
    moveTable(store, name, to(name));
    return;
  }
  if (kind === "index") {
    const table = store.model.tableOfIndex(name);
    const indexes = table?.indexes.map((one) => (isSameName(one.name, name) ? { ...one, name: to(name) } : one));
    if (table && indexes) store.putTable({ ...table, indexes });
    return;
  }
  if (kind === "publication") {
    const publication = store.publications.get(name.name);
    if (publication) store.publications.set(to(name).name, publication);
    store.publications.delete(name.name);
    return;
  }
  store.remove(kind, name);
  store.put(kind, to(name));
}

/** ALTER TABLE … RENAME may be said of a view or a sequence too. */
function moveTable(store: ModelStore, name: QualifiedName, newName: QualifiedName): void {
  const table = store.model.table(name);
  if (table === undefined) {
    const kind = (["view", "materialized view", "sequence"] as const).find((one) => store.model.has(one, name));
    if (kind === undefined) return;
    store.remove(kind, name);
    store.put(kind, newName);
    return;
  }
  store.removeTable(name);
  const indexes = table.indexes.map((one) => ({ ...one, name: { schema: newName.schema, name: one.name.name } }));
  store.putTable({ ...table, name: newName, indexes });
  for (const other of store.referencing(name)) {
    const constraints = other.constraints.map((one) =>
      one.references && isSameName(one.references, name) ? { ...one, references: newName } : one,
    );
    store.putTable({ ...other, constraints });
  }
}

function withRenamedConstraint(table: TableModel, from: string, to: string): TableModel {
  return {
    ...table,
    constraints: table.constraints.map((one) => (one.name === from ? { ...one, name: to } : one)),
    indexes: table.indexes.map((one) =>
      one.name.name === from ? { ...one, name: { schema: one.name.schema, name: to } } : one,
    ),
  };
}

function publishedIn(
  store: ModelStore,
  nodes: readonly Node[] | undefined,
): Pick<PublicationModel, "schemas" | "tables"> {
  const objects = (nodes ?? []).flatMap((node) => ("PublicationObjSpec" in node ? [node.PublicationObjSpec] : []));
  return {
    schemas: objects.flatMap(({ pubobjtype, name }) =>
      pubobjtype === "PUBLICATIONOBJ_TABLES_IN_SCHEMA" && name !== undefined ? [name] : [],
    ),
    tables: objects.flatMap(({ pubtable }) => (pubtable?.relation ? [store.model.resolve(pubtable.relation)] : [])),
  };
}
