import type { QualifiedName } from "../db/identifier.js";

/**
 * What is known of the schema at one point of the migrations: from the files before it, and from the database where one is
 * given. What a body does behind a condition is taken as done; what EXECUTE does is not known.
 */
export interface LintModel {
  /** A relation's full name: an unqualified one is looked up in the file's search_path, `public` unless it says otherwise, or in the given one. */
  resolve(
    name: { readonly schemaname?: string; readonly relname?: string },
    searchPath?: readonly string[],
  ): QualifiedName;
  table(name: QualifiedName): TableModel | undefined;
  /** The table that an index belongs to. */
  tableOfIndex(name: QualifiedName): TableModel | undefined;
  /** All tables, for rules about "every". */
  tables(): readonly TableModel[];
  /**
   * True when anything of that kind and name is known: `type public.mood`, `function public.f`, `view public.v`. What has no
   * schema (schema, extension, publication, role) goes by its name alone, whatever `schema` says. What belongs to a table
   * (constraint, trigger, policy, rule) is named `{ schema, name: "table.constraint" }`.
   */
  has(kind: ObjectKind, name: QualifiedName): boolean;
  /** True when that object was made by the pending set itself: nobody else uses it yet. */
  isNew(kind: ObjectKind, name: QualifiedName): boolean;
  /** A publication `FOR ALL TABLES`, or one that lists the table. */
  isPublished(name: QualifiedName): boolean;
  /** True when the model comes from a database, so that what is not in it does not exist. */
  readonly isComplete: boolean;
}

export type ObjectKind =
  | "schema"
  | "table"
  | "view"
  | "materialized view"
  | "index"
  | "sequence"
  | "type"
  | "function"
  | "extension"
  | "publication"
  | "role"
  | "policy"
  | "trigger"
  | "rule"
  | "constraint";

export interface TableModel {
  readonly name: QualifiedName;
  /** Made by the pending set: empty or nearly so, and nobody else uses it yet. */
  readonly isNew: boolean;
  readonly isPartitioned: boolean;
  /** False when only the name is known: made by CREATE TABLE AS, or from a table that no file makes. */
  readonly hasKnownColumns: boolean;
  readonly columns: readonly ColumnModel[];
  readonly primaryKey: readonly string[] | undefined;
  readonly indexes: readonly IndexModel[];
  readonly constraints: readonly ConstraintModel[];
  readonly replicaIdentity: "default" | "full" | "nothing" | "index";
  /** Estimated rows, and bytes with indexes and TOAST, of the database; undefined without one. */
  readonly rows: number | undefined;
  readonly sizeBytes: number | undefined;
}

export interface ColumnModel {
  readonly name: string;
  /** As `format_type` writes it without a schema: `integer`, `character varying(20)`, `timestamp with time zone`. */
  readonly type: string;
  readonly isNotNull: boolean;
  /** Something fills it when an INSERT leaves it out: a default, an identity, a generating expression. */
  readonly hasDefault: boolean;
}

export interface IndexModel {
  readonly name: QualifiedName;
  /** Undefined for a place that holds an expression. */
  readonly columns: readonly (string | undefined)[];
  readonly isUnique: boolean;
  readonly isPartial: boolean;
  readonly isValid: boolean;
}

export interface ConstraintModel {
  /** As PostgreSQL names it where the statement does not. */
  readonly name: string | undefined;
  readonly kind: "check" | "foreign key" | "unique" | "primary key" | "exclude" | "not null";
  readonly columns: readonly string[];
  readonly isValidated: boolean;
  /** Of a CHECK, as it was written: `a IS NOT NULL`. */
  readonly expression: string | undefined;
  readonly references: QualifiedName | undefined;
}
