import { readSelectable } from "../backup/selection.js";
import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import type { RestorePlan } from "./plan.js";

/**
 * Empties the plan's tables where some of them hold the rows that it replaces. All of them in one TRUNCATE, because it
 * refuses a table that another one refers to; with a partitioned table only where every partition is the plan's.
 * Never with CASCADE: a table that is not the plan's keeps its rows, or the restore ends with E_NOT_EMPTY.
 */
export async function deleteReplaced(connection: Connection, plan: RestorePlan): Promise<void> {
  if (plan.replaced.length === 0) return;
  const names = [...plan.tables.map((table) => `ONLY ${quoteName(table)}`), ...(await coveredRoots(connection, plan))];
  try {
    await connection.execute(`TRUNCATE ${names.join(", ")} RESTRICT`);
  } catch (error) {
    if (codeOf(error) !== sqlstate.featureNotSupported) throw error;
    const held = plan.replaced.map((table) => `${formatName(table)} (${table.rows} rows)`).join(", ");
    throw new RoomctlError(
      "E_NOT_EMPTY",
      `tables that are not restored refer to ${held}, which cannot be emptied without them`,
      {
        cause: error,
        hint: "restore the whole backup, or other tables with --table",
      },
    );
  }
}

async function coveredRoots(connection: Connection, plan: RestorePlan): Promise<readonly string[]> {
  const present = await readSelectable(connection);
  const isPlanned = (table: { readonly schema: string; readonly name: string }) =>
    plan.tables.some((planned) => isSameName(planned, table));
  return present
    .filter(({ kind }) => kind === "partitioned")
    .filter((root) => {
      const below = present.filter(({ ancestors }) => ancestors.some((ancestor) => isSameName(ancestor, root)));
      const leaves = below.filter(({ kind }) => kind !== "partitioned");
      return leaves.length > 0 && leaves.every(isPlanned);
    })
    .map(quoteName);
}
