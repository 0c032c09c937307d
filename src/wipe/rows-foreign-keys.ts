import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { ForeignKeyRow } from "./relations.js";

/** A foreign key as a DELETE heeds it; one of a partitioned table holds for all its partitions. */
export interface RowForeignKey {
  readonly oid: number;
  readonly name: string;
  readonly child: number;
  readonly parent: number;
  readonly columns: readonly string[];
  /** What ON DELETE SET NULL or SET DEFAULT puts back: all columns of the key, or those it lists. */
  readonly changedColumns: readonly string[];
  /** SET NULL on a column that may not be null. */
  readonly isImpossible: boolean;
  /** SQL over the aliases `parent` and `child`: true for a row and one that refers to it. */
  readonly match: string;
  readonly onDelete: ForeignKeyRow["onDelete"];
}

/**
 * What becomes of a row that refers to a deleted one. `follows`: the server deletes it too. `blocks`: it must be deleted
 * by ourselves, or nothing can be. `detaches`: it stays, and loses its reference.
 */
export type Consequence = "follows" | "blocks" | "detaches";

export function readRowForeignKeys(queryable: Queryable): Promise<readonly RowForeignKey[]> {
  return queryable.query<RowForeignKey>(loadStatement("wipe/rows-foreign-keys"));
}

export function consequenceOf({ onDelete, isImpossible }: RowForeignKey): Consequence {
  switch (onDelete) {
    case "CASCADE":
      return "follows";
    case "NO ACTION":
    case "RESTRICT":
      return "blocks";
    case "SET NULL":
    case "SET DEFAULT":
      return isImpossible ? "blocks" : "detaches";
  }
}
