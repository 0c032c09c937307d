import { RoomctlError } from "../core/errors.js";
import { type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { readSelection, type SelectedTable } from "./selection.js";

/**
 * Makes a temporary view for each table that a condition limits, and returns their names, quoted, by the table's oid. A
 * view, because its names are looked up once, here, on the role's own search path, while rows are read on an empty one; and
 * because a range of `ctid` still reads those pages only. Throws E_INTERNAL for a condition of a table that is not copied.
 */
export async function chooseRows(
  connection: Connection,
  names: readonly QualifiedName[] | undefined,
  conditions: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<number, string>> {
  const unused = new Set(conditions.keys());
  const chosen = new Map<number, string>();
  // For their names only: types are spelled on this path, and would be missed on an empty one.
  const { tables } = await readSelection(connection, names);
  for (const [index, table] of tables.entries()) {
    const key = [table, ...table.ancestors].map(quoteName).find((name) => conditions.has(name));
    if (key === undefined) continue;
    const view = `roomctl_chosen_${index + 1}`;
    await createView(connection, view, table, conditions.get(key) ?? "");
    unused.delete(key);
    chosen.set(table.oid, `pg_temp.${view}`);
  }
  const [stray] = unused;
  if (stray === undefined) return chosen;
  throw new RoomctlError("E_INTERNAL", `there is a condition for ${stray}, which is not backed up`);
}

/** Unlike a table, a view may have a column of the name `ctid`. The condition may end in a comment. */
async function createView(
  connection: Connection,
  view: string,
  table: SelectedTable,
  condition: string,
): Promise<void> {
  const columns = ["ctid", ...table.columns.map(({ name }) => quoteIdentifier(name))].join(", ");
  await connection.execute(
    `CREATE TEMP VIEW ${view} AS SELECT ${columns} FROM ONLY ${quoteName(table)} WHERE (${condition}\n)`,
  );
}
