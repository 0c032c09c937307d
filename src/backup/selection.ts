import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName, type QualifiedName } from "../db/identifier.js";
import type { Queryable } from "../db/pool.js";
import { readSequences, readTables, type SchemaScope, type SequenceFacts, type TableFacts } from "../db/schema.js";
import { loadStatement } from "../db/statement.js";

/** A table with its partitioned or inheritance parents, near and far. */
export interface Relation extends QualifiedName, Pick<TableFacts, "oid" | "kind"> {
  readonly ancestors: readonly QualifiedName[];
}

export interface SelectedTable extends TableFacts, Relation {
  /** A view of this session, quoted, that shows only the rows to copy; all of them unless told. */
  readonly chosenRows?: string;
}

/** What of a database a backup covers, as the catalog says now. */
export interface Selection {
  /** Tables that hold rows themselves: ordinary and unlogged ones, and the leaves of partitioned ones. */
  readonly tables: readonly SelectedTable[];
  /** The same with their partitioned roots. */
  readonly lockable: readonly Relation[];
  readonly sequences: readonly SequenceFacts[];
  readonly isWhole: boolean;
}

/**
 * Reads what to back up: everything, roomctl's own tables included, or the named tables with their partitions and
 * children. Throws E_UNKNOWN_TABLE.
 */
export async function readSelection(
  queryable: Queryable,
  names: readonly QualifiedName[] | undefined,
): Promise<Selection> {
  const scope = scopeOf(names);
  const lockable = choose(await readSelectable(queryable, scope), names);
  const sequences = await readSequences(queryable, scope);
  return {
    tables: lockable.filter((table) => table.kind === "table"),
    lockable,
    sequences: names === undefined ? sequences : sequences.filter((sequence) => feeds(sequence, lockable)),
    isWhole: names === undefined,
  };
}

/** Which relations to lock first. Reads the catalog only, and so waits for nobody's lock. Throws E_UNKNOWN_TABLE. */
export async function readLockable(
  queryable: Queryable,
  names: readonly QualifiedName[] | undefined,
): Promise<readonly Relation[]> {
  return choose(await readSelectable(queryable, scopeOf(names)), names);
}

/** roomctl's own tables belong to a whole backup, and to one that names them, as a wipe names the outbox. */
function scopeOf(names: readonly QualifiedName[] | undefined): SchemaScope {
  return { includesOwn: names?.some(({ schema }) => schema === "roomctl") ?? true };
}

/** All tables with their ancestors. */
export async function readSelectable(queryable: Queryable, scope?: SchemaScope): Promise<readonly SelectedTable[]> {
  const tables = await readTables(queryable, scope);
  const lines = await queryable.query<{ child: number; ancestor: QualifiedName }>(loadStatement("backup/inheritance"));
  const ancestors = new Map<number, QualifiedName[]>();
  for (const { child, ancestor } of lines) ancestors.set(child, [...(ancestors.get(child) ?? []), ancestor]);
  return tables.map((table) => ({ ...table, ancestors: ancestors.get(table.oid) ?? [] }));
}

function choose(all: readonly SelectedTable[], names: readonly QualifiedName[] | undefined): readonly SelectedTable[] {
  const unknown = names?.find((name) => !all.some((table) => isSameName(table, name)));
  if (unknown) {
    throw new RoomctlError("E_UNKNOWN_TABLE", `there is no table ${formatName(unknown)} in this database`, {
      hint: `its tables: ${all.map(formatName).join(", ") || "none"}`,
    });
  }
  const isChosen = (table: SelectedTable) =>
    names === undefined ||
    names.some((name) => [table, ...table.ancestors].some((relative) => isSameName(name, relative)));
  return all.filter((table) => table.kind !== "foreign" && isChosen(table));
}

function feeds(sequence: SequenceFacts, tables: readonly QualifiedName[]): boolean {
  return sequence.columns.some((column) =>
    tables.some((table) => isSameName(table, { schema: column.schema, name: column.table })),
  );
}
