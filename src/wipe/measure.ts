import { formatName, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { readSizes } from "../db/schema.js";
import { orderChildrenFirst, pathToChosen, type Reach } from "./cascade.js";
import type { ForeignKeyRow, Relation, RelationGraph } from "./relations.js";

export interface WipedTable {
  readonly table: string;
  readonly kind: "table" | "partitioned";
  /** Exact; of a partitioned table, the rows of all its partitions. */
  readonly rows: number;
  /** With indexes and TOAST, and with all partitions. */
  readonly sizeBytes: number;
  /** Why it is emptied, for people. */
  readonly reason: string;
  readonly partitions: readonly string[];
}

export interface CascadedTable extends WipedTable {
  /** The foreign keys that lead to a chosen table, nearest first: `todos(user_id) → users`. */
  readonly path: readonly string[];
  /** What a DELETE would have done to its rows. TRUNCATE does not ask. */
  readonly onDelete: ForeignKeyRow["onDelete"];
}

export interface EmptiedRelations {
  readonly graph: RelationGraph;
  readonly reached: ReadonlyMap<number, Reach>;
  /** Chosen relations with the scope that names each. */
  readonly chosen: ReadonlyMap<number, string>;
}

/** Counts what would be emptied, children before parents. A partition is part of its root's entry where the root goes too. */
export async function measureTables(
  connection: Connection,
  emptied: EmptiedRelations,
): Promise<{ readonly tables: readonly WipedTable[]; readonly cascades: readonly CascadedTable[] }> {
  const { graph, reached } = emptied;
  const sizes = await readSizes(connection, [...reached.keys()]);
  const tables: WipedTable[] = [];
  const cascades: CascadedTable[] = [];
  for (const oid of orderChildrenFirst(graph, [...reached.keys()])) {
    const relation = graph.relations.get(oid);
    if (!relation || isFolded(relation, reached)) continue;
    const measured = await measure(connection, { graph, sizes }, relation);
    const path = pathToChosen(reached, oid);
    const [nearest] = path;
    if (nearest === undefined) tables.push({ ...measured, reason: reasonOf(emptied, oid) });
    else {
      const hops = path.map((foreignKey) => describeHop(graph, foreignKey));
      cascades.push({ ...measured, reason: hops.join(", "), path: hops, onDelete: nearest.onDelete });
    }
  }
  return { tables, cascades };
}

/** As TRUNCATE, LOCK and count take it: a table without those that inherit from it, a partitioned table with its partitions. */
export function relationExpression({ kind }: Pick<WipedTable, "kind">, quotedName: string): string {
  return kind === "partitioned" ? quotedName : `ONLY ${quotedName}`;
}

function isFolded(relation: Relation, reached: ReadonlyMap<number, Reach>): boolean {
  return relation.isPartition && relation.parents.some((parent) => reached.has(parent));
}

async function measure(
  connection: Connection,
  { graph, sizes }: { readonly graph: RelationGraph; readonly sizes: ReadonlyMap<number, number> },
  relation: Relation,
): Promise<Omit<WipedTable, "reason">> {
  const kind = relation.kind === "partitioned" ? "partitioned" : "table";
  const partitions = kind === "partitioned" ? partitionsOf(graph, relation.oid) : [];
  const expression = relationExpression({ kind }, quoteName(relation));
  const [row] = await connection.query<{ rows: string }>(`SELECT count(*) AS rows FROM ${expression}`);
  return {
    table: formatName(relation),
    kind,
    rows: Number(row?.rows),
    sizeBytes: [relation, ...partitions].reduce((sum, { oid }) => sum + (sizes.get(oid) ?? 0), 0),
    partitions: partitions.map(formatName),
  };
}

function partitionsOf(graph: RelationGraph, root: number): readonly Relation[] {
  const direct = [...graph.relations.values()].filter(
    (relation) => relation.isPartition && relation.parents.includes(root),
  );
  return direct.flatMap((partition) => [partition, ...partitionsOf(graph, partition.oid)]);
}

function reasonOf({ graph, reached, chosen }: EmptiedRelations, oid: number): string {
  const reach = reached.get(oid);
  if (reach?.kind === "child")
    return `inherits from ${nameOf(graph, reach.of)} (${reasonOf({ graph, reached, chosen }, reach.of)})`;
  return `scope ${chosen.get(oid)}`;
}

function describeHop(graph: RelationGraph, { child, parent, columns }: ForeignKeyRow): string {
  return `${nameOf(graph, child)}(${columns.join(", ")}) → ${nameOf(graph, parent)}`;
}

function nameOf(graph: RelationGraph, oid: number): string {
  const relation = graph.relations.get(oid);
  return relation ? formatName(relation) : `relation ${oid}`;
}
