import { isSameName, type QualifiedName } from "../db/identifier.js";
import type { LintModel, ObjectKind, TableModel } from "./model.js";
import type { WrittenName } from "./names.js";

/** A publication, as far as it says which tables it sends. */
export interface PublicationModel {
  readonly isForAllTables: boolean;
  readonly schemas: readonly string[];
  readonly tables: readonly QualifiedName[];
}

/** What is known of a schema, and the means to change it as statements go by. One per run; looking up costs no walk. */
export interface ModelStore {
  /** The view that rules get: always of the present moment. */
  readonly model: LintModel;
  readonly tables: Map<string, TableModel>;
  readonly publications: Map<string, PublicationModel>;
  /** From here on what exists is old, and what comes is new. */
  beginSet(): void;
  /** What a file sets ends with it. */
  resetSearchPath(): void;
  setSearchPath(schemas: readonly string[]): void;
  /** Where a new object goes: the first schema of the search_path. */
  placeFor(name: WrittenName | undefined): QualifiedName;
  find(name: WrittenName | undefined): TableModel | undefined;
  /** The tables with a foreign key to that one. */
  referencing(name: QualifiedName): readonly TableModel[];
  putTable(table: TableModel): void;
  removeTable(name: QualifiedName): void;
  put(kind: ObjectKind, name: QualifiedName): void;
  remove(kind: ObjectKind, name: QualifiedName): void;
  /** Names of one kind. */
  names(kind: ObjectKind): readonly QualifiedName[];
}

export interface StoreOptions {
  readonly isComplete: boolean;
  /** The target's search_path; `public` without one. */
  readonly searchPath: readonly string[];
  /** Sizes of the target's tables by the keys of `tables`, for a model that is built from files. */
  readonly sizes?: ReadonlyMap<string, TableSize>;
}

export type TableSize = Pick<TableModel, "rows" | "sizeBytes">;

/** An empty store. */
export function createModelStore({ isComplete, searchPath, sizes }: StoreOptions): ModelStore {
  const tables = new Map<string, TableModel>();
  const indexOwners = new Map<string, string>();
  const objects = new Map<ObjectKind, Map<string, QualifiedName>>();
  const publications = new Map<string, PublicationModel>();
  const newKeys = new Set<string>();
  /** Names that stand for a relation of any kind: each name in a statement is looked for here, often. */
  const relations = new Map<string, number>();
  const count = (key: string, change: 1 | -1) => relations.set(key, Math.max(0, (relations.get(key) ?? 0) + change));
  /** The tables that ever had a foreign key to one, by its key: more than have one now. */
  const children = new Map<string, Set<string>>();
  const note = (parent: string, child: string) => {
    const known = children.get(parent);
    if (known === undefined) children.set(parent, new Set([child]));
    else known.add(child);
  };
  let path = searchPath;

  const objectsOf = (kind: ObjectKind) => {
    const known = objects.get(kind);
    if (known) return known;
    const made = new Map<string, QualifiedName>();
    objects.set(kind, made);
    return made;
  };
  const isRelation = (schema: string, name: string) => (relations.get(keyOf({ schema, name })) ?? 0) > 0;
  const resolve = ({ schemaname, relname = "" }: WrittenName, searched = path): QualifiedName => {
    if (schemaname) return { schema: schemaname, name: relname };
    const isTemporary = isRelation("pg_temp", relname);
    const found = isTemporary ? "pg_temp" : searched.find((schema) => isRelation(schema, relname));
    return { schema: found ?? searched[0] ?? "public", name: relname };
  };
  const forgetIndexes = (key: string) => {
    for (const { name } of tables.get(key)?.indexes ?? []) {
      indexOwners.delete(keyOf(name));
      count(keyOf(name), -1);
    }
  };
  const putTable = (table: TableModel) => {
    const key = keyOf(table.name);
    forgetIndexes(key);
    if (!tables.has(key)) count(key, 1);
    tables.set(key, table);
    for (const { name } of table.indexes) {
      indexOwners.set(keyOf(name), key);
      count(keyOf(name), 1);
    }
    for (const { references } of table.constraints) {
      if (references !== undefined) note(keyOf(references), key);
    }
  };
  const removeTable = (name: QualifiedName) => {
    const key = keyOf(name);
    forgetIndexes(key);
    if (tables.delete(key)) count(key, -1);
  };
  const hasConstraint = ({ schema, name }: QualifiedName) =>
    [...name.matchAll(/\./g)].some(({ index }) =>
      tables
        .get(keyOf({ schema, name: name.slice(0, index) }))
        ?.constraints.some((constraint) => constraint.name === name.slice(index + 1)),
    );

  const model: LintModel = {
    isComplete,
    resolve,
    table: (name) => tables.get(keyOf(name)),
    tableOfIndex: (name) => tables.get(indexOwners.get(keyOf(name)) ?? ""),
    tables: () => [...tables.values()],
    has(kind, name) {
      if (kind === "table") return tables.has(keyOf(name));
      if (kind === "index") return indexOwners.has(keyOf(name));
      if (kind === "constraint") return hasConstraint(name);
      if (kind === "publication") return publications.has(name.name);
      return objectsOf(kind).has(keyIn(kind, name));
    },
    isNew(kind, name) {
      if (kind === "table") return tables.get(keyOf(name))?.isNew === true;
      return newKeys.has(`${kind} ${keyIn(kind, name)}`);
    },
    isPublished: (name) =>
      [...publications.values()].some(
        (one) =>
          one.isForAllTables ||
          one.schemas.includes(name.schema) ||
          one.tables.some((table) => isSameName(table, name)),
      ),
  };
  return {
    model,
    tables,
    publications,
    beginSet() {
      for (const [key, table] of tables) {
        if (table.isNew) tables.set(key, { ...table, ...sizes?.get(key), isNew: false });
      }
      newKeys.clear();
    },
    resetSearchPath() {
      path = searchPath;
    },
    setSearchPath(schemas) {
      path = schemas;
    },
    placeFor: (name) => ({ schema: name?.schemaname ?? path[0] ?? "public", name: name?.relname ?? "" }),
    find: (name) => (name === undefined ? undefined : tables.get(keyOf(resolve(name)))),
    referencing: (name) =>
      [...(children.get(keyOf(name)) ?? [])].flatMap((key) => {
        const table = tables.get(key);
        const refers = table?.constraints.some(({ references }) => references && isSameName(references, name));
        return table !== undefined && refers ? [table] : [];
      }),
    putTable,
    removeTable,
    put(kind, name) {
      const key = keyIn(kind, name);
      newKeys.add(`${kind} ${key}`);
      if (kind === "index" || kind === "publication" || objectsOf(kind).has(key)) return;
      objectsOf(kind).set(key, name);
      if (relationKinds.includes(kind)) count(key, 1);
    },
    remove(kind, name) {
      const key = keyIn(kind, name);
      newKeys.delete(`${kind} ${key}`);
      if (objectsOf(kind).delete(key) && relationKinds.includes(kind)) count(key, -1);
    },
    names: (kind) => [...objectsOf(kind).values()],
  };
}

const relationKinds: readonly ObjectKind[] = ["view", "materialized view", "sequence"];
const withoutSchema: readonly ObjectKind[] = ["schema", "extension", "publication", "role"];

/** A NUL is in no name. */
function keyOf({ schema, name }: QualifiedName): string {
  return `${schema}\0${name}`;
}

function keyIn(kind: ObjectKind, name: QualifiedName): string {
  return withoutSchema.includes(kind) ? name.name : keyOf(name);
}
