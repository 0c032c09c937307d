import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName, parseName, type QualifiedName, quoteName } from "./identifier.js";
import type { Queryable } from "./pool.js";
import { loadStatement } from "./statement.js";

/** Catalog facts about the app's tables. roomctl's own schema, the system's and extensions' objects are left out. */
export interface TableFacts extends QualifiedName {
  readonly oid: number;
  readonly kind: "table" | "partitioned" | "foreign";
  readonly isPartition: boolean;
  readonly isUnlogged: boolean;
  readonly hasRowSecurity: boolean;
  readonly estimatedRows: number;
  readonly columns: readonly ColumnFacts[];
  readonly primaryKey: readonly string[];
}

export interface ColumnFacts {
  readonly name: string;
  /** As `format_type` spells it: `timestamp with time zone`, `character varying(100)`. */
  readonly type: string;
  readonly notNull: boolean;
  readonly isGenerated: boolean;
  readonly identity: "always" | "by default" | null;
  /** An expression of its own; neither an identity nor a generated column has one. */
  readonly hasDefault: boolean;
}

export interface ForeignKeyFacts {
  readonly name: string;
  readonly table: QualifiedName;
  readonly columns: readonly string[];
  readonly references: QualifiedName;
  readonly referencedColumns: readonly string[];
  readonly onDelete: "NO ACTION" | "RESTRICT" | "CASCADE" | "SET NULL" | "SET DEFAULT";
  readonly isValidated: boolean;
  /** A valid, non-partial index of the child begins with these columns. */
  readonly hasIndex: boolean;
  /** As `pg_get_constraintdef` spells it. */
  readonly definition: string;
}

/** Numbers are bigint as decimal text: int8 does not fit a JavaScript number. */
export interface SequenceFacts extends QualifiedName {
  readonly dataType: string;
  readonly start: string;
  readonly increment: string;
  readonly minimum: string;
  readonly maximum: string;
  readonly cycles: boolean;
  readonly isReadable: boolean;
  /** The role may alter it: it is the owner, or a member of it. */
  readonly isOwned: boolean;
  readonly columns: readonly SequenceColumn[];
}

export interface SequenceColumn {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  /** Of a domain, the type that it stands on. */
  readonly type: string;
  /** The sequence is the column's own (serial or identity); false when only a default calls it. */
  readonly isOwner: boolean;
  /** Its rows live on another server. */
  readonly isForeign: boolean;
  /** A unique index of this column alone keeps its values apart. */
  readonly isUnique: boolean;
}

export interface SchemaScope {
  /** Also what is in roomctl's own schema. */
  readonly includesOwn?: boolean;
}

export function readTables(queryable: Queryable, scope: SchemaScope = {}): Promise<readonly TableFacts[]> {
  return queryable.query<TableFacts>(loadStatement("schema/tables"), [scope.includesOwn ?? false]);
}

export function readForeignKeys(queryable: Queryable): Promise<readonly ForeignKeyFacts[]> {
  return queryable.query<ForeignKeyFacts>(loadStatement("schema/foreign-keys"));
}

export function readSequences(queryable: Queryable, scope: SchemaScope = {}): Promise<readonly SequenceFacts[]> {
  return queryable.query<SequenceFacts>(loadStatement("schema/sequences"), [scope.includesOwn ?? false]);
}

/**
 * Bytes of each relation by oid, with indexes and TOAST; 0 for a partitioned table, whose partitions hold the rows. It
 * opens the relations, and so waits for whoever has locked one of these exclusively.
 */
export async function readSizes(queryable: Queryable, oids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const rows = await queryable.query<{ oid: number; sizeBytes: number }>(
    `SELECT oid::int8::float8 AS oid, coalesce(pg_total_relation_size(oid), 0)::float8 AS "sizeBytes"
       FROM unnest($1::oid[]) AS oid`,
    [oids],
  );
  return new Map(rows.map(({ oid, sizeBytes }) => [oid, sizeBytes]));
}

/** Exact number of rows, counted now. */
export async function countRows(queryable: Queryable, table: QualifiedName): Promise<number> {
  const [row] = await queryable.query<{ rows: string }>(`SELECT count(*) AS rows FROM ${quoteName(table)}`);
  return Number(row?.rows);
}

function findTable(tables: readonly TableFacts[], name: QualifiedName): TableFacts | undefined {
  return tables.find((table) => isSameName(table, name));
}

/** The table that a person named. Throws E_UNKNOWN_TABLE with the closest names. */
export function requireTable(tables: readonly TableFacts[], text: string): TableFacts {
  const table = findTable(tables, parseName(text));
  if (table) return table;
  throw new RoomctlError("E_UNKNOWN_TABLE", `there is no table ${JSON.stringify(text)} in this database`, {
    hint: `its tables: ${tables.map(formatName).join(", ") || "none"}`,
  });
}
