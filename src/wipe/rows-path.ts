import { formatName } from "../db/identifier.js";
import type { RelationGraph } from "./relations.js";
import type { RowForeignKey } from "./rows-foreign-keys.js";
import { leavesOf } from "./rows-reach.js";

export interface UsedKeys {
  readonly graph: RelationGraph;
  /** The foreign keys that lead to rows of the plan. */
  readonly foreignKeys: readonly RowForeignKey[];
  /** Leaves that hold chosen rows. */
  readonly chosen: ReadonlySet<number>;
}

/** For each foreign key a shortest way from it to chosen rows, itself first: `todos(user_id) → users`. */
export function tracePaths({ graph, foreignKeys, chosen }: UsedKeys): ReadonlyMap<number, readonly string[]> {
  const paths = new Map<number, readonly string[]>();
  const ends = new Map(
    foreignKeys.map((key) => [key, { child: leavesOf(graph, key.child), parent: leavesOf(graph, key.parent) }]),
  );
  const reached = new Map<number, readonly string[]>([...chosen].map((oid) => [oid, []]));
  for (let isGrowing = true; isGrowing; ) {
    isGrowing = false;
    // Only what was reached before this round counts, so that a round is one step.
    const before = new Map(reached);
    for (const [key, { child, parent }] of ends) {
      const origin = parent.find((oid) => before.has(oid));
      if (origin === undefined || paths.has(key.oid)) continue;
      const path = [describeKey(graph, key), ...(before.get(origin) ?? [])];
      paths.set(key.oid, path);
      for (const oid of child) if (!reached.has(oid)) reached.set(oid, path);
      isGrowing = true;
    }
  }
  return paths;
}

/** `todos(user_id) → users` */
export function describeKey(graph: RelationGraph, { child, parent, columns }: RowForeignKey): string {
  return `${nameOf(graph, child)}(${columns.join(", ")}) → ${nameOf(graph, parent)}`;
}

function nameOf(graph: RelationGraph, oid: number): string {
  const relation = graph.relations.get(oid);
  return relation ? formatName(relation) : `relation ${oid}`;
}
