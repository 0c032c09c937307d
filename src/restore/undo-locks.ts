import { quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import type { UndoTable } from "./undo-tables.js";

/**
 * Keeps writers, and changes of structure, out of the tables until the end. Nobody may act on a table that is empty now and
 * full in a moment, so readers wait too where whole tables come back; beside other rows, they go on.
 */
export async function lockUndone(
  connection: Connection,
  tables: readonly UndoTable[],
  whole: readonly UndoTable[],
): Promise<void> {
  await lock(connection, whole.map(expressionOf), "ACCESS EXCLUSIVE");
  const others = tables.filter((table) => !whole.includes(table));
  await lock(connection, others.map(expressionOf), "SHARE ROW EXCLUSIVE");
}

/** What rows refer to must not go between their verdict and their coming back. Whole tables have no verdicts. */
export async function lockParents(
  connection: Connection,
  tables: readonly UndoTable[],
  whole: readonly UndoTable[],
): Promise<void> {
  const parents = tables
    .filter((table) => !whole.includes(table))
    .flatMap((table) =>
      table.parents.map((one) => `${one.isParentPartitioned ? "" : "ONLY "}${quoteName(one.parent)}`),
    );
  await lock(connection, [...new Set(parents)], "SHARE");
}

async function lock(connection: Connection, relations: readonly string[], mode: string): Promise<void> {
  if (relations.length > 0) await connection.execute(`LOCK TABLE ${relations.join(", ")} IN ${mode} MODE`);
}

function expressionOf({ entry }: UndoTable): string {
  return `ONLY ${quoteName(entry)}`;
}
