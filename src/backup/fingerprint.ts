import { type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Queryable } from "../db/pool.js";

export interface Fingerprint {
  readonly rows: number;
  /** Decimal text: the sum of the rows' 64-bit hashes. */
  readonly sum: string;
}

/**
 * What a table holds over the given columns, whatever the order of its rows. Run it under `applyReadSettings`, which
 * fixes the text of values. It compares databases of one encoding; it is no proof against forgery.
 */
export async function readFingerprint(
  queryable: Queryable,
  table: QualifiedName,
  columns: readonly { readonly name: string }[],
): Promise<Fingerprint> {
  const row = `ROW(${columns.map((column) => quoteIdentifier(column.name)).join(", ")})`;
  const [found] = await queryable.query<{ rows: string; sum: string }>(
    `SELECT count(*) AS rows, coalesce(sum(hashtextextended(${row}::text COLLATE "C", 0)::numeric), 0)::text AS sum
       FROM ONLY ${quoteName(table)}`,
  );
  return { rows: Number(found?.rows), sum: found?.sum ?? "" };
}
