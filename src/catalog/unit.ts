/**
 * The words of this folder: a unit is what is written and ordered as one, usually one object of the catalog with what
 * belongs to nothing else: a table with its columns, a constraint, the step that attaches a partition.
 */

/** One row of sql/catalog/*.sql. */
export interface UnitRow {
  /** System catalog, such as `pg_class`, and the object's number in it. */
  readonly catalog: string;
  readonly object: number;
  /** A later step of the same object; null for the object itself. */
  readonly part: string | null;
  /** Ids of units that must come first, beside those that pg_depend knows. */
  readonly needs: readonly (string | null)[] | null;
  /** Its place when nothing else decides; from 100 on it waits for the rows. */
  readonly rank: number;
  /** Role that it is given to; null where it has none of its own. */
  readonly owner: string | null;
  /** Statements without their semicolon. */
  readonly sql: readonly (string | null)[];
  /** Of a view: a statement that makes the same columns out of nothing. */
  readonly shape?: string | null;
}

export interface Unit {
  /** `pg_class:16400`, `pg_class:16400/inherit`. */
  readonly id: string;
  readonly rank: number;
  readonly needs: readonly string[];
  readonly owner: string | null;
  readonly statements: readonly string[];
  readonly shape: string | null;
}

/** One row of pg_depend: the object needs, or belongs to, the referenced one. */
export interface Dependency {
  readonly id: string;
  readonly referenced: string;
  /** As in pg_depend: n normal, a auto, i internal, P and S partition, e member of an extension, x added to one. */
  readonly type: string;
}

/** Units of this rank and above are of the post-data script. */
export const firstRankAfterRows = 100;

export function objectId(catalog: string, object: number): string {
  return `${catalog}:${object}`;
}

export function unitOf(row: UnitRow): Unit {
  const id = objectId(row.catalog, row.object);
  return {
    id: row.part === null ? id : `${id}/${row.part}`,
    rank: row.rank,
    needs: (row.needs ?? []).filter((need) => need !== null),
    owner: row.owner,
    statements: row.sql.flatMap((statement) => (statement === null ? [] : [statement.trimEnd()])),
    shape: row.shape ?? null,
  };
}
