import { formatName } from "../db/identifier.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { lockModes, type RelationKind, type TracedRelation } from "./model.js";

/** A relation at one moment. Its counters only grow, as long as they are of one transaction, or of all. */
export interface RelationState {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  /** Of an index. */
  readonly tableOid: number | null;
  /** Null for what has no storage. */
  readonly fileNode: number | null;
  readonly scans: number;
  readonly rowsRead: number;
}

export type Relations = ReadonlyMap<number, RelationState>;

/** Relations and what is held on them: oid → place in `lockModes`, from 1. */
export interface TransactionState {
  readonly relations: Relations;
  readonly strengths: ReadonlyMap<number, number>;
  /** What the event trigger noted: ` oid:reason oid:reason`. */
  readonly rewrites: string;
}

/** Every relation there is, with the counters of this transaction, or of all sessions so far. */
export async function readRelations(queryable: Queryable, counters: "transaction" | "all"): Promise<Relations> {
  const rows = await queryable.query<RelationState>(loadStatement("trace/relations"), [counters === "all"]);
  return new Map(rows.map((row) => [row.oid, row]));
}

interface StateRow extends Omit<RelationState, "kind"> {
  /** Null for what the transaction has dropped. */
  readonly kind: string | null;
  readonly strength: number;
  readonly rewrites: string | null;
}

/** What changed since `relations` were read in this transaction: only what it locked can have. */
export async function readState(queryable: Queryable, relations: Relations): Promise<TransactionState> {
  const rows = await queryable.query<StateRow>(loadStatement("trace/state"), [lockModes]);
  const now = new Map(relations);
  for (const { kind, ...row } of rows) {
    if (kind === null) now.delete(row.oid);
    else now.set(row.oid, { ...row, kind });
  }
  return {
    relations: now,
    strengths: new Map(rows.map(({ oid, strength }) => [oid, strength])),
    rewrites: rows[0]?.rewrites ?? "",
  };
}

const kinds: Readonly<Record<string, RelationKind>> = {
  r: "table",
  p: "table",
  i: "index",
  I: "index",
  v: "view",
  m: "materialized view",
  S: "sequence",
  f: "foreign table",
};

/** How a relation is reported: by its name before this migration, and before the first one. */
export function describeRelation(
  { oid }: { readonly oid: number },
  before: Relations,
  first: Relations,
): TracedRelation {
  const relation = before.get(oid);
  const table = relation?.tableOid ? before.get(relation.tableOid) : undefined;
  const original = first.get(oid);
  return {
    name: relation ? formatName(relation) : String(oid),
    kind: kinds[relation?.kind ?? ""] ?? "table",
    table: table ? formatName(table) : null,
    nameBefore: original ? formatName(original) : null,
  };
}
