import { quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { readContent, readContentFacts, type TableMark } from "./content.js";
import type { CascadeWay, DescribedTable, EmptiedTable } from "./describe.js";
import type { LastWrite } from "./place.js";
import type { RelationGraph } from "./relations.js";

export interface WipedTable extends DescribedTable {
  /** Exact; of a partitioned table, the rows of all its partitions. */
  readonly rows: number;
  /** What the rows that go were, and the table's structure. */
  readonly mark: TableMark;
}

export interface CascadedTable extends WipedTable, CascadeWay {}

export interface MeasuredTables {
  readonly tables: readonly WipedTable[];
  readonly cascades: readonly CascadedTable[];
  /** The newest that each table's own columns tell; null for one that tells nothing. */
  readonly lastWrites: readonly (LastWrite | null)[];
}

/** Counts and marks the rows of tables that would be emptied, one scan a table. */
export async function measureTables(
  connection: Connection,
  graph: RelationGraph,
  emptied: readonly EmptiedTable[],
): Promise<MeasuredTables> {
  const facts = await readContentFacts(
    connection,
    graph,
    emptied.map(({ relation }) => relation.oid),
  );
  const tables: WipedTable[] = [];
  const cascades: CascadedTable[] = [];
  const lastWrites: (LastWrite | null)[] = [];
  for (const { relation, described, way } of emptied) {
    const known = facts.get(relation.oid);
    if (!known) continue;
    const from = relationExpression(described, quoteName(relation));
    const { rows, mark, lastWrite } = await readContent(connection, known, from);
    lastWrites.push(lastWrite);
    if (way) cascades.push({ ...described, rows, mark, ...way });
    else tables.push({ ...described, rows, mark });
  }
  return { tables, cascades, lastWrites };
}

/** As TRUNCATE, LOCK and count take it: a table without those that inherit from it, a partitioned table with its partitions. */
export function relationExpression({ kind }: Pick<WipedTable, "kind">, quotedName: string): string {
  return kind === "partitioned" ? quotedName : `ONLY ${quotedName}`;
}
