import type { WipeScope } from "../core/catalogue.js";
import { formatName } from "../db/identifier.js";
import type { Connection, Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import { readBasis } from "./basis.js";
import { resolveChoice, type WipeNames } from "./choice.js";
import type { CascadeWay, DescribedTable, EmptiedTable } from "./describe.js";
import type { WipePlan } from "./plan.js";
import { partitionsOf, type RelationGraph } from "./relations.js";
import { type DescribedReset, describeResets } from "./resets.js";

interface EstimatedTable extends DescribedTable {
  /** As VACUUM or ANALYZE found them last; null for a table that neither ever looked at. */
  readonly rows: number | null;
}

interface EstimatedCascade extends EstimatedTable, CascadeWay {}

/** A plan without counts. It has no token, and cannot be applied. */
export interface WipeEstimate
  extends Omit<WipePlan, "tables" | "cascades" | "resets" | "detached" | "rows" | "token" | "isEstimate"> {
  readonly isEstimate: true;
  readonly tables: readonly EstimatedTable[];
  readonly cascades: readonly EstimatedCascade[];
  /** How many rows one would change, only a scan can tell. */
  readonly resets: readonly DescribedReset[];
  /** Null when one of the tables was never analyzed. */
  readonly rows: number | null;
}

/**
 * What `planWipe` would say, from the catalog alone: no table is scanned. `lastWrite` is known only where the server keeps
 * it. Throws as `planWipe` does.
 */
export async function estimateWipe(
  database: Database,
  scopes: readonly WipeScope[],
  names: WipeNames,
): Promise<WipeEstimate> {
  const choice = resolveChoice(scopes, names);
  return withTransaction(database, { isolation: "REPEATABLE READ", readOnly: true }, async (connection) => {
    const { place, graph, reached, emptied, sequences, effects } = await readBasis(connection, database, choice);
    const estimated = await estimateTables(connection, graph, emptied);
    const resets = describeResets({ graph, reached, resets: choice.resets });
    return {
      kind: "tables",
      isEstimate: true,
      ...place,
      scopes: choice.scopes,
      namedTables: (choice.named ?? []).map(formatName),
      tables: estimated.flatMap(({ table, way }) => (way ? [] : [table])),
      cascades: estimated.flatMap(({ table, way }) => (way ? [{ ...table, ...way }] : [])),
      resets: resets.map(({ reset }) => reset),
      sequences,
      effects,
      rows: sumKnown(estimated.map(({ table }) => table.rows)),
      sizeBytes: estimated.reduce((sum, { table }) => sum + table.sizeBytes, 0),
    };
  });
}

async function estimateTables(
  connection: Connection,
  graph: RelationGraph,
  emptied: readonly EmptiedTable[],
): Promise<readonly { readonly table: EstimatedTable; readonly way: CascadeWay | undefined }[]> {
  // ANALYZE counts a partitioned table too, but autovacuum never does: its leaves know better.
  const leavesOf = (oid: number) =>
    graph.relations.get(oid)?.kind === "partitioned"
      ? partitionsOf(graph, oid).flatMap((part) => (part.kind === "partitioned" ? [] : [part.oid]))
      : [oid];
  const oids = emptied.flatMap(({ relation }) => leavesOf(relation.oid));
  const found = await connection.query<{ oid: number; rows: number }>(loadStatement("wipe/estimated-rows"), [oids]);
  const known = new Map(found.map(({ oid, rows }) => [oid, rows < 0 ? null : Math.round(rows)]));
  return emptied.map(({ relation, described, way }) => {
    const rows = sumKnown(leavesOf(relation.oid).map((oid) => known.get(oid) ?? null));
    return { table: { ...described, rows }, way };
  });
}

function sumKnown(counts: readonly (number | null)[]): number | null {
  return counts.reduce<number | null>((sum, rows) => (sum === null || rows === null ? null : sum + rows), 0);
}
