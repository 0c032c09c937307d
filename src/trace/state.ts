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

interface Held {
  /** oid → place in `lockModes`, from 1. */
  readonly strengths: ReadonlyMap<number, number>;
  /** What the event trigger noted: ` oid:reason oid:reason`. */
  readonly rewrites: string;
}

/** Relations and what is held on them. */
export interface TransactionState extends Held {
  readonly relations: Relations;
}

/** What is held by now, and those relations that may have changed meanwhile. */
export interface StateChange extends Held {
  readonly changed: readonly RelationState[];
  readonly dropped: readonly number[];
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

/**
 * What may have changed in this transaction: only what it locked can have. What is newer than `newestOid` is left out, but
 * for indexes of older tables: thousands of tables that a migration makes itself are nobody's business.
 */
export async function readChange(queryable: Queryable, newestOid: number): Promise<StateChange> {
  const rows = await queryable.query<StateRow>(loadStatement("trace/state"), [lockModes, newestOid]);
  return {
    changed: rows.flatMap(({ kind, strength, rewrites, ...row }) => (kind === null ? [] : [{ ...row, kind }])),
    dropped: rows.filter(({ kind }) => kind === null).map(({ oid }) => oid),
    strengths: new Map(rows.map(({ oid, strength }) => [oid, strength])),
    rewrites: rows.find(({ rewrites }) => rewrites !== null)?.rewrites ?? "",
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
