import { quoteName } from "../db/identifier.js";
import { relationExpression } from "./measure.js";
import type { Relation, RelationGraph } from "./relations.js";
import { consequenceOf, type RowForeignKey } from "./rows-foreign-keys.js";

/**
 * What a DELETE from the chosen tables can reach at all, whatever rows there are. A *leaf* is a table that holds rows
 * itself; a *unit* is what a statement names: a leaf, or the partitioned table that it was reached by.
 */
export interface RowReach {
  /** Every foreign key that a deleted row can be referred to by. */
  readonly foreignKeys: readonly RowForeignKey[];
  /** Units whose rows can go or change, chosen ones without any leaf included. */
  readonly units: readonly Relation[];
  /** The unit of each leaf that can lose or change rows, by the leaf's oid. */
  readonly unitOf: ReadonlyMap<number, Relation>;
  /** Chosen tables by the oids of the units that their rows lie in. */
  readonly chosenFor: ReadonlyMap<number, readonly number[]>;
  /** Each leaf of a unit, and all that inherits from it. */
  readonly leaves: readonly Relation[];
}

/**
 * As PostgreSQL does it: a DELETE takes a table with all that inherit from it; a foreign key to or from a partitioned
 * table means all its partitions, one to or from a table means that table alone, without those that inherit from it.
 */
export function reachRows(
  graph: RelationGraph,
  foreignKeys: readonly RowForeignKey[],
  chosen: readonly number[],
): RowReach {
  const named = new Set(chosen);
  const holding = new Set(chosen.flatMap((oid) => descendantsOf(graph, oid)));
  const detaching = new Set<number>();
  const reached = new Set<RowForeignKey>();
  const isReached = (key: RowForeignKey) => leavesOf(graph, key.parent).some((oid) => holding.has(oid));
  for (let isGrowing = true; isGrowing; ) {
    const found = foreignKeys.filter((key) => !reached.has(key) && isReached(key));
    for (const key of found) {
      reached.add(key);
      named.add(key.child);
      const grown = consequenceOf(key) === "detaches" ? detaching : holding;
      for (const oid of leavesOf(graph, key.child)) grown.add(oid);
    }
    isGrowing = found.length > 0;
  }
  const unitOf = new Map([...holding, ...detaching].flatMap((oid) => pair(oid, unitIn(graph, named, oid))));
  const chosenFor = new Map<number, number[]>();
  for (const oid of chosen) {
    const own = unitIn(graph, named, oid);
    const units = new Set([own, ...descendantsOf(graph, oid).map((leaf) => unitOf.get(leaf))]);
    for (const unit of units) if (unit) chosenFor.set(unit.oid, [...(chosenFor.get(unit.oid) ?? []), oid]);
  }
  const units = relationsIn(graph, [...chosenFor.keys(), ...[...unitOf.values()].map(({ oid }) => oid)]);
  return {
    foreignKeys: foreignKeys.filter((key) => reached.has(key)),
    units,
    unitOf,
    chosenFor,
    leaves: relationsIn(
      graph,
      units.flatMap(({ oid }) => descendantsOf(graph, oid)),
    ),
  };
}

/** As FROM, LOCK and DELETE take a unit. */
export function unitExpression(unit: Relation): string {
  return relationExpression({ kind: unit.kind === "partitioned" ? "partitioned" : "table" }, quoteName(unit));
}

/** The tables that hold the rows of one: itself, or its partitions. */
export function leavesOf(graph: RelationGraph, oid: number): readonly number[] {
  return graph.relations.get(oid)?.kind === "partitioned" ? descendantsOf(graph, oid) : [oid];
}

/** All tables with rows of their own that are this one, or inherit from it. */
export function descendantsOf(graph: RelationGraph, oid: number): readonly number[] {
  const found = new Set([oid]);
  for (const parent of found) {
    for (const relation of graph.relations.values()) if (relation.parents.includes(parent)) found.add(relation.oid);
  }
  return [...found].filter((one) => graph.relations.get(one)?.kind !== "partitioned");
}

function unitIn(graph: RelationGraph, named: ReadonlySet<number>, oid: number): Relation | undefined {
  let unit = graph.relations.get(oid);
  for (let above = unit; above?.isPartition; ) {
    above = graph.relations.get(above.parents[0] ?? 0);
    if (above && named.has(above.oid)) unit = above;
  }
  return unit;
}

function pair(oid: number, unit: Relation | undefined): readonly (readonly [number, Relation])[] {
  return unit ? [[oid, unit]] : [];
}

function relationsIn(graph: RelationGraph, oids: readonly number[]): readonly Relation[] {
  return [...new Set(oids)].flatMap((oid) => graph.relations.get(oid) ?? []);
}
