import { type QualifiedName, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import type { Relation } from "./relations.js";
import { closureQuery, type RowClosure } from "./rows-closure.js";
import { explainFailure } from "./rows-failure.js";
import { descendantsOf } from "./rows-reach.js";

/** Some rows of some tables, for a backup that runs in the same session: by `quoteName`, a condition over a table's rows. */
export interface ListedRows {
  readonly tables: readonly QualifiedName[];
  readonly conditions: ReadonlyMap<string, string>;
}

/** The rows of a closure, as `closureQuery` has them; a table of the session, which goes with the transaction. */
export const listedRows = "pg_temp.roomctl_wipe_rows";

/** Writes the closure down, so that the plan, the backup and the deletion mean the same rows by it. */
export async function listRows(connection: Connection, closure: RowClosure): Promise<void> {
  await explainFailure(() =>
    connection.execute(`CREATE TEMP TABLE roomctl_wipe_rows ON COMMIT DROP AS ${closureQuery(closure)}`),
  );
  await connection.execute(`ANALYZE ${listedRows}`);
}

/** What a backup has to copy: each listed row, whether it goes or changes. */
export async function describeListed(
  connection: Connection,
  closure: RowClosure,
  list = listedRows,
): Promise<ListedRows> {
  const tables = await listedLeaves(connection, closure, list);
  // A condition of a table would hold for all that inherit from it, where the same places are other rows.
  const covered = tables.flatMap(({ oid }) => relationsBelow(closure, oid));
  const condition = ({ oid }: Relation) => `ctid IN (SELECT id FROM ${list} WHERE relation = ${oid})`;
  return { tables, conditions: new Map(covered.map((leaf) => [quoteName(leaf), condition(leaf)])) };
}

/** The tables that hold listed rows: partitions, not what they are partitions of. `list` may have a WHERE. */
export async function listedLeaves(
  connection: Connection,
  { reach }: RowClosure,
  list: string,
): Promise<readonly Relation[]> {
  const rows = await connection.query<{ relation: number }>(
    `SELECT DISTINCT relation::int8::float8 AS relation FROM ${list}`,
  );
  const holding = new Set(rows.map(({ relation }) => relation));
  return reach.leaves.filter(({ oid }) => holding.has(oid));
}

function relationsBelow({ graph }: RowClosure, oid: number): readonly Relation[] {
  return descendantsOf(graph, oid).flatMap((one) => graph.relations.get(one) ?? []);
}
