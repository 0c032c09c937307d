import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { readSequences } from "../db/schema.js";
import type { Reach } from "./cascade.js";
import { readContent, readContentFacts, type TableMark } from "./content.js";
import type { Relation, RelationGraph } from "./relations.js";
import type { SelectedReset } from "./scope.js";

export interface DescribedReset {
  readonly table: string;
  readonly column: string;
  /** An SQL expression. */
  readonly value: string;
  readonly reason: string;
}

export interface PlannedReset extends DescribedReset {
  /** Rows that have another value. */
  readonly rows: number;
  /** Of these rows, and of the table's structure. */
  readonly mark: TableMark;
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

interface Resetting extends Reached {
  readonly resets: readonly SelectedReset[];
}

/** Counts and marks the rows that each column reset would change. */
export async function planResets(connection: Connection, resetting: Resetting): Promise<readonly PlannedReset[]> {
  const described = describeResets(resetting);
  const oids = described.map(({ relation }) => relation.oid);
  const facts = await readContentFacts(connection, resetting.graph, oids);
  const planned: PlannedReset[] = [];
  for (const { relation, reset } of described) {
    const known = facts.get(relation.oid);
    if (!known) continue;
    const from = `${quoteName(relation)} WHERE ${isDifferent(reset)}`;
    const { rows, mark } = await readContent(connection, known, from);
    planned.push({ ...reset, rows, mark });
  }
  return planned;
}

/** The column resets; one of a table that is emptied anyway falls away. Throws E_SCHEMA for a missing column. */
export function describeResets({
  graph,
  reached,
  resets,
}: Resetting): readonly { readonly relation: Relation; readonly reset: DescribedReset }[] {
  return resets.flatMap((selected) => {
    const relation = requireColumn(graph, selected);
    if (reached.has(relation.oid)) return [];
    const { column, value, scope } = selected;
    return [{ relation, reset: { table: formatName(relation), column, value, reason: `scope ${scope}` } }];
  });
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
