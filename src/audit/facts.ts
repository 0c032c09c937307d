import type { QualifiedName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { type ForeignKeyFacts, readForeignKeys, readSequences, type SequenceFacts } from "../db/schema.js";
import { loadStatement } from "../db/statement.js";

/** What the catalog says about the app's tables, read without waiting for any lock. */
export interface AuditFacts {
  /** When the transaction began, by the server's clock. */
  readonly readAt: Date;
  /** Role that reads. */
  readonly role: string;
  readonly tables: readonly AuditTable[];
  readonly foreignKeys: readonly ForeignKeyFacts[];
  readonly indexes: readonly AuditIndex[];
  readonly unchecked: readonly Unchecked[];
  readonly sequences: readonly SequenceFacts[];
}

export interface AuditTable extends QualifiedName {
  readonly kind: "table" | "partitioned" | "foreign";
  readonly isPartition: boolean;
  /** The table, or any of its partitions. */
  readonly isUnlogged: boolean;
  /** Row security applies to the role that reads: it may not see every row. */
  readonly hidesRows: boolean;
  /** Null where the table was never analyzed. */
  readonly estimatedRows: number | null;
  readonly columns: readonly AuditColumn[];
  readonly hasPrimaryKey: boolean;
}

export interface AuditColumn {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  /** A CHECK or a foreign key looks at this column. */
  readonly isConstrained: boolean;
  /** A valid, whole b-tree begins with this column. */
  readonly isIndexed: boolean;
}

export interface AuditIndex extends QualifiedName {
  readonly table: QualifiedName;
  readonly method: string;
  readonly isValid: boolean;
  readonly isBeingBuilt: boolean;
  readonly isUnique: boolean;
  readonly isReplicaIdentity: boolean;
  readonly isPartitioned: boolean;
  /** Name of the constraint that the index serves. */
  readonly constraint: string | null;
  readonly keys: readonly string[];
  readonly included: readonly string[];
  readonly predicate: string | null;
}

/** Declared, but not held. */
export interface Unchecked {
  readonly table: QualifiedName;
  readonly kind: "constraint" | "foreign key" | "trigger";
  readonly name: string;
}

export async function readFacts(connection: Connection): Promise<AuditFacts> {
  const [moment] = await connection.query<{ readAt: Date; role: string }>(
    'SELECT now() AS "readAt", current_user AS role',
  );
  return {
    readAt: moment?.readAt ?? new Date(Number.NaN),
    role: moment?.role ?? "",
    tables: await connection.query<AuditTable>(loadStatement("audit/tables")),
    foreignKeys: await readForeignKeys(connection),
    indexes: await connection.query<AuditIndex>(loadStatement("audit/indexes")),
    unchecked: await connection.query<Unchecked>(loadStatement("audit/unchecked")),
    sequences: await readSequences(connection),
  };
}

/** The facts of chosen tables only: what belongs to a table stays with it, a sequence with each table that draws from it. */
export function chooseFacts(facts: AuditFacts, isChosen: (table: QualifiedName) => boolean): AuditFacts {
  return {
    ...facts,
    tables: facts.tables.filter(isChosen),
    foreignKeys: facts.foreignKeys.filter(({ table }) => isChosen(table)),
    indexes: facts.indexes.filter(({ table }) => isChosen(table)),
    unchecked: facts.unchecked.filter(({ table }) => isChosen(table)),
    sequences: facts.sequences.filter(({ columns }) =>
      columns.some(({ schema, table }) => isChosen({ schema, name: table })),
    ),
  };
}
