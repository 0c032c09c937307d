import type { ForeignKeyRow, RelationGraph } from "./relations.js";

/** Why a relation is emptied: it was chosen, it is a child (or partition) of one that is, or a foreign key leads to one. */
export type Reach =
  | { readonly kind: "chosen" }
  | { readonly kind: "child"; readonly of: number }
  | { readonly kind: "foreign key"; readonly of: number; readonly foreignKey: ForeignKeyRow };

/**
 * Every relation that `TRUNCATE chosen CASCADE` empties, by oid, each with a shortest way that leads there.
 *
 * TRUNCATE takes the chosen tables with all that inherit from them. Then, again and again, every table with a foreign
 * key to one of these, whatever its ON DELETE says and even where its column is null; those it takes without the
 * tables that inherit from them. A foreign key's copy for a partition leads to its root, and so to all who refer to
 * the root. (ExecuteTruncateGuts and heap_truncate_find_FKs in PostgreSQL's source.)
 */
export function traceTruncate(graph: RelationGraph, chosen: readonly number[]): ReadonlyMap<number, Reach> {
  const reached = withDescendants(graph, chosen);
  const byParent = groupByParent(graph.foreignKeys);
  const byOid = new Map(graph.foreignKeys.map((foreignKey) => [foreignKey.oid, foreignKey]));
  // Each relation that may be referred to, with the emptied one that led to it: itself, or a partition of it.
  const referenced = new Map([...reached.keys()].map((oid) => [oid, oid]));
  for (const [oid, origin] of referenced) {
    for (const foreignKey of byParent.get(oid) ?? []) {
      const { child } = foreignKey;
      const root = rootOf(foreignKey, byOid).parent;
      if (!referenced.has(root)) referenced.set(root, origin);
      if (!reached.has(child)) reached.set(child, { kind: "foreign key", of: origin, foreignKey });
      if (!referenced.has(child)) referenced.set(child, child);
    }
  }
  return reached;
}

/** The foreign keys on the way from a relation to a chosen one, nearest first. */
export function pathToChosen(reached: ReadonlyMap<number, Reach>, oid: number): readonly ForeignKeyRow[] {
  const path: ForeignKeyRow[] = [];
  for (let reach = reached.get(oid); reach && reach.kind !== "chosen"; reach = reached.get(reach.of)) {
    if (reach.kind === "foreign key") path.push(reach.foreignKey);
  }
  return path;
}

/** The same relations, each before those that its foreign keys refer to; within a cycle in the order given. */
export function orderChildrenFirst(graph: RelationGraph, oids: readonly number[]): readonly number[] {
  const byParent = groupByParent(graph.foreignKeys);
  const wanted = new Set(oids);
  const ordered = new Set<number>();
  const entered = new Set<number>();
  const visit = (oid: number) => {
    if (entered.has(oid)) return;
    entered.add(oid);
    for (const { child } of byParent.get(oid) ?? []) visit(child);
    if (wanted.has(oid)) ordered.add(oid);
  };
  for (const oid of oids) visit(oid);
  return [...ordered];
}

function withDescendants(graph: RelationGraph, chosen: readonly number[]): Map<number, Reach> {
  const childrenOf = new Map<number, number[]>();
  for (const { oid, parents } of graph.relations.values()) {
    for (const parent of parents) childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), oid]);
  }
  const reached = new Map<number, Reach>(chosen.map((oid) => [oid, { kind: "chosen" }]));
  // A map hands out what is added while it is walked.
  for (const parent of reached.keys()) {
    for (const child of childrenOf.get(parent) ?? []) {
      if (!reached.has(child)) reached.set(child, { kind: "child", of: parent });
    }
  }
  return reached;
}

function groupByParent(foreignKeys: readonly ForeignKeyRow[]): ReadonlyMap<number, readonly ForeignKeyRow[]> {
  const groups = new Map<number, ForeignKeyRow[]>();
  for (const foreignKey of foreignKeys) {
    const group = groups.get(foreignKey.parent);
    if (group) group.push(foreignKey);
    else groups.set(foreignKey.parent, [foreignKey]);
  }
  return groups;
}

function rootOf(foreignKey: ForeignKeyRow, byOid: ReadonlyMap<number, ForeignKeyRow>): ForeignKeyRow {
  let root = foreignKey;
  for (let above = byOid.get(root.copyOf); above; above = byOid.get(root.copyOf)) root = above;
  return root;
}
