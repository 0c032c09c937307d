import { quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { RelationGraph } from "./relations.js";

/** What a row of each of these tables takes on average, in bytes, with its share of indexes and TOAST: an estimate. */
export async function readRowSizes(
  connection: Connection,
  graph: RelationGraph,
  counts: readonly { readonly relation: number; readonly rows: number }[],
): Promise<ReadonlyMap<number, number>> {
  const oids = [...new Set(counts.map(({ relation }) => relation))];
  const facts = await connection.query<{ oid: number; sizeBytes: number; estimatedRows: number }>(
    loadStatement("wipe/rows-sizes"),
    [oids],
  );
  const sizes = new Map<number, number>();
  for (const { oid, sizeBytes, estimatedRows } of facts) {
    const known = counts.reduce((sum, { relation, rows }) => (relation === oid ? sum + rows : sum), 0);
    // A table that was never analyzed is counted; one that grew since holds at least what the plan found in it.
    const rows = estimatedRows > 0 ? estimatedRows : await countOwnRows(connection, graph, oid);
    sizes.set(oid, sizeBytes / Math.max(rows, known, 1));
  }
  return sizes;
}

async function countOwnRows(connection: Connection, graph: RelationGraph, oid: number): Promise<number> {
  const relation = graph.relations.get(oid);
  if (!relation) return 0;
  const [row] = await connection.query<{ rows: string }>(`SELECT count(*) AS rows FROM ONLY ${quoteName(relation)}`);
  return Number(row?.rows);
}
