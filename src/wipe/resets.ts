import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { readSequences } from "../db/schema.js";
import type { Reach } from "./cascade.js";
import type { Relation, RelationGraph } from "./relations.js";
import type { SelectedReset } from "./scope.js";

export interface PlannedReset {
  readonly table: string;
  readonly column: string;
  /** An SQL expression. */
  readonly value: string;
  /** Rows that have another value. */
  readonly rows: number;
  readonly reason: string;
}

export interface RestartedSequence {
  readonly sequence: string;
  readonly table: string;
  readonly column: string;
  /** The value that it will hand out first, as decimal text. */
  readonly start: string;
}

interface Reached {
  readonly graph: RelationGraph;
  readonly reached: ReadonlyMap<number, Reach>;
}

/** Counts the rows that each column reset would change. A reset of a table that is emptied anyway falls away. */
export async function planResets(
  connection: Connection,
  { graph, reached, resets }: Reached & { readonly resets: readonly SelectedReset[] },
): Promise<readonly PlannedReset[]> {
  const planned: PlannedReset[] = [];
  for (const reset of resets) {
    const relation = requireColumn(graph, reset);
    if (reached.has(relation.oid)) continue;
    const [row] = await connection.query<{ rows: string }>(
      `SELECT count(*) AS rows FROM ${quoteName(relation)} WHERE ${isDifferent(reset)}`,
    );
    planned.push({
      table: formatName(relation),
      column: reset.column,
      value: reset.value,
      rows: Number(row?.rows),
      reason: `scope ${reset.scope}`,
    });
  }
  return planned;
}

/**
 * The sequences that begin anew: those that only columns of emptied tables draw from. One that a kept table draws from
 * too must go on, and so does the outbox's: the secondary tells newer from older by those numbers.
 */
export async function planRestarts(
  connection: Connection,
  { graph, reached }: Reached,
): Promise<readonly RestartedSequence[]> {
  const emptied = [...reached.keys()].flatMap((oid) => graph.relations.get(oid) ?? []);
  const sequences = await readSequences(connection);
  return sequences.flatMap((sequence) => {
    const column = sequence.columns.find((candidate) => candidate.isOwner) ?? sequence.columns[0];
    const isFree = sequence.columns.every(({ schema, table }) =>
      emptied.some((relation) => isSameName(relation, { schema, name: table })),
    );
    if (!column || !isFree) return [];
    const table = formatName({ schema: column.schema, name: column.table });
    return [{ sequence: formatName(sequence), table, column: column.column, start: sequence.start }];
  });
}

/** True for the rows that a reset changes. */
export function isDifferent({ column, value }: Pick<PlannedReset, "column" | "value">): string {
  return `${quoteIdentifier(column)} IS DISTINCT FROM (${value})`;
}

function requireColumn(graph: RelationGraph, { name, column, scope }: SelectedReset): Relation {
  const relation = [...graph.relations.values()].find((candidate) => isSameName(candidate, name));
  if (relation?.columns.some((candidate) => candidate.name === column)) return relation;
  throw new RoomctlError(
    "E_SCHEMA",
    `nothing was changed: the database does not have the column ${formatName(name)}.${column} (scope ${scope})`,
    { hint: "roomctl migrate" },
  );
}
