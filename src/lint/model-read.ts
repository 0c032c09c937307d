import type { QualifiedName } from "../db/identifier.js";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import type { ColumnModel, ConstraintModel, ObjectKind, TableModel } from "./model.js";
import { textInParentheses } from "./model-constraint.js";
import { createModelStore, type ModelStore, type TableSize } from "./model-store.js";

/** Reads the target's schema into a model, in a read-only transaction. Opens no table that is locked or about to be. */
export async function readModel(database: Database): Promise<ModelStore> {
  const { catalog, schemas } = await withTransaction(
    database,
    { isolation: "REPEATABLE READ", readOnly: true },
    async (connection) => ({
      catalog: (await connection.query<CatalogRow>(loadStatement("lint/model")))[0],
      schemas:
        database.serverVersion < 150_000
          ? []
          : await connection.query<PublishedSchema>(loadStatement("lint/published-schemas")),
    }),
  );
  return storeOf(catalog ?? emptyCatalog, schemas);
}

/** The sizes in a model, for one that is built from files. */
export function sizesIn({ tables }: ModelStore): ReadonlyMap<string, TableSize> {
  return new Map([...tables].map(([key, { rows, sizeBytes }]) => [key, { rows, sizeBytes }]));
}

interface CatalogRow {
  readonly searchPath: readonly string[];
  readonly tables: readonly TableRow[];
  readonly objects: readonly (QualifiedName & { readonly kind: ObjectKind })[];
  readonly publications: readonly PublicationRow[];
}

interface TableRow extends Omit<TableModel, "rows" | "sizeBytes" | "primaryKey" | "constraints" | "isNew"> {
  readonly rows: number | null;
  readonly sizeBytes: number | null;
  readonly primaryKey: readonly string[] | null;
  readonly constraints: readonly ConstraintRow[];
}

interface ConstraintRow extends Omit<ConstraintModel, "expression" | "references"> {
  readonly definition: string | null;
  readonly references: QualifiedName | null;
}

interface PublicationRow {
  readonly name: string;
  readonly isForAllTables: boolean;
  readonly tables: readonly QualifiedName[];
}

interface PublishedSchema {
  readonly name: string;
  readonly schema: string;
}

const emptyCatalog: CatalogRow = { searchPath: [], tables: [], objects: [], publications: [] };

function storeOf(catalog: CatalogRow, schemas: readonly PublishedSchema[]): ModelStore {
  const path = catalog.searchPath.filter((schema) => schema !== "roomctl");
  const store = createModelStore({ isComplete: true, searchPath: path.length > 0 ? path : ["public"] });
  for (const row of catalog.tables) store.putTable(tableOf(row));
  for (const { kind, schema, name } of catalog.objects) store.put(kind, { schema, name });
  for (const { name, isForAllTables, tables } of catalog.publications) {
    const own = schemas.filter((one) => one.name === name).map(({ schema }) => schema);
    store.publications.set(name, { isForAllTables, tables, schemas: own });
  }
  return store;
}

function tableOf(row: TableRow): TableModel {
  return {
    ...row,
    isNew: false,
    rows: row.rows ?? undefined,
    sizeBytes: row.sizeBytes ?? undefined,
    primaryKey: row.primaryKey ?? undefined,
    columns: row.columns.map(withoutSchema),
    indexes: row.indexes.map((index) => ({ ...index, columns: index.columns.map((column) => column ?? undefined) })),
    constraints: row.constraints.map(({ definition, references, ...constraint }) => ({
      ...constraint,
      expression: definition === null ? undefined : textInParentheses(definition),
      references: references ?? undefined,
    })),
  };
}

function withoutSchema(column: ColumnModel): ColumnModel {
  return { ...column, type: column.type.replace(/^(?:"(?:[^"]|"")+"|[\w$]+)\./, "") };
}
