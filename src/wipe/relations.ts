import type { QualifiedName } from "../db/identifier.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";

/** A relation that TRUNCATE may reach; unlike `db/schema`'s tables, also roomctl's own and those of extensions. */
export interface Relation extends QualifiedName {
  readonly oid: number;
  readonly kind: "table" | "partitioned" | "foreign";
  readonly isPartition: boolean;
  /** The partitioned table it is a partition of, or the tables it inherits from. */
  readonly parents: readonly number[];
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** One row of the catalog for a foreign key; partitions have copies of their root's. */
export interface ForeignKeyRow {
  readonly oid: number;
  readonly name: string;
  readonly child: number;
  readonly parent: number;
  /** The row that this one copies for a partition, or 0. */
  readonly copyOf: number;
  readonly columns: readonly string[];
  readonly onDelete: "NO ACTION" | "RESTRICT" | "CASCADE" | "SET NULL" | "SET DEFAULT";
}

export interface RelationGraph {
  readonly relations: ReadonlyMap<number, Relation>;
  readonly foreignKeys: readonly ForeignKeyRow[];
}

/** Relations by oid, and the foreign keys between them. */
export async function readRelationGraph(queryable: Queryable): Promise<RelationGraph> {
  const relations = await queryable.query<Relation>(loadStatement("wipe/relations"));
  const foreignKeys = await queryable.query<ForeignKeyRow>(loadStatement("wipe/foreign-keys"));
  return { relations: new Map(relations.map((relation) => [relation.oid, relation])), foreignKeys };
}

/** The partitions below a partitioned table, at any depth. */
export function partitionsOf(graph: RelationGraph, root: number): readonly Relation[] {
  if (graph.relations.get(root)?.kind !== "partitioned") return [];
  const direct = [...graph.relations.values()].filter(
    (relation) => relation.isPartition && relation.parents.includes(root),
  );
  return direct.flatMap((partition) => [partition, ...partitionsOf(graph, partition.oid)]);
}
