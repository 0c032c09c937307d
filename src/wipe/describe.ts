import { formatName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { readSizes } from "../db/schema.js";
import { orderChildrenFirst, pathToChosen, type Reach } from "./cascade.js";
import { type ForeignKeyRow, partitionsOf, type Relation, type RelationGraph } from "./relations.js";

/** What the catalog says of a table that is emptied. */
export interface DescribedTable {
  readonly table: string;
  readonly kind: "table" | "partitioned";
  /** With indexes and TOAST, and with all partitions. */
  readonly sizeBytes: number;
  /** Why it is emptied, for people. */
  readonly reason: string;
  readonly partitions: readonly string[];
}

export interface CascadeWay {
  /** The foreign keys that lead to a chosen table, nearest first: `todos(user_id) → users`. */
  readonly path: readonly string[];
  /** What a DELETE would have done to its rows. TRUNCATE does not ask. */
  readonly onDelete: ForeignKeyRow["onDelete"];
}

export interface EmptiedRelations {
  readonly graph: RelationGraph;
  readonly reached: ReadonlyMap<number, Reach>;
  /** Chosen relations with the reason of each, for people: `scope rooms`. */
  readonly chosen: ReadonlyMap<number, string>;
}

export interface EmptiedTable {
  readonly relation: Relation;
  readonly described: DescribedTable;
  /** Absent for a table that was chosen. */
  readonly way?: CascadeWay;
}

/** What would be emptied, children before parents. A partition is part of its root's entry where the root goes too. */
export async function describeTables(
  connection: Connection,
  emptied: EmptiedRelations,
): Promise<readonly EmptiedTable[]> {
  const { graph, reached } = emptied;
  const sizes = await readSizes(connection, [...reached.keys()]);
  return orderChildrenFirst(graph, [...reached.keys()]).flatMap((oid) => {
    const relation = graph.relations.get(oid);
    if (!relation || isFolded(relation, reached)) return [];
    const partitions = partitionsOf(graph, oid);
    const path = pathToChosen(reached, oid);
    const hops = path.map((foreignKey) => describeHop(graph, foreignKey));
    const described: DescribedTable = {
      table: formatName(relation),
      kind: relation.kind === "partitioned" ? "partitioned" : "table",
      sizeBytes: [relation, ...partitions].reduce((sum, part) => sum + (sizes.get(part.oid) ?? 0), 0),
      reason: path.length > 0 ? hops.join(", ") : reasonOf(emptied, oid),
      partitions: partitions.map(formatName),
    };
    const [nearest] = path;
    return [{ relation, described, ...(nearest ? { way: { path: hops, onDelete: nearest.onDelete } } : {}) }];
  });
}

function isFolded(relation: Relation, reached: ReadonlyMap<number, Reach>): boolean {
  return relation.isPartition && relation.parents.some((parent) => reached.has(parent));
}

function describeHop(graph: RelationGraph, { child, parent, columns }: ForeignKeyRow): string {
  return `${nameOf(graph, child)}(${columns.join(", ")}) → ${nameOf(graph, parent)}`;
}

function reasonOf({ graph, reached, chosen }: EmptiedRelations, oid: number): string {
  const reach = reached.get(oid);
  if (reach?.kind === "child")
    return `inherits from ${nameOf(graph, reach.of)} (${reasonOf({ graph, reached, chosen }, reach.of)})`;
  return chosen.get(oid) ?? "";
}

function nameOf(graph: RelationGraph, oid: number): string {
  const relation = graph.relations.get(oid);
  return relation ? formatName(relation) : `relation ${oid}`;
}
