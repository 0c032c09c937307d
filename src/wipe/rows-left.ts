import { RoomctlError } from "../core/errors.js";
import { quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import type { RowClosure } from "./rows-closure.js";
import { listedRows } from "./rows-list.js";
import { descendantsOf } from "./rows-reach.js";

/**
 * Asks the chosen tables once more when the rows are gone: a trigger may have put some back. Rows that lost a reference
 * may match by that (`parent IS NULL`), and are not meant. A condition with a query of its own is not asked: what it says
 * of the rows that stay may have changed with those that went. Throws E_SQL.
 */
export async function assertNoneMatch(connection: Connection, { graph, chosen }: RowClosure): Promise<void> {
  for (const { oid, table, condition } of chosen) {
    const relation = graph.relations.get(oid);
    if (!relation || /\bselect\b/i.test(condition)) continue;
    const [row] = await connection.query<{ matching: string; detached: string }>(
      `SELECT (SELECT count(*) FROM ${quoteName(relation)} WHERE ${condition}) AS matching,
              (SELECT count(DISTINCT (relation, id)) FROM ${listedRows} AS listed
                WHERE part = 'detached' AND relation = ANY ($1::oid[])) AS detached`,
      [descendantsOf(graph, oid)],
    );
    if (Number(row?.matching) <= Number(row?.detached)) continue;
    throw new RoomctlError("E_SQL", `nothing was deleted: ${table} still holds ${row?.matching} of the chosen rows`, {
      hint: "look for a trigger on it that inserts rows",
    });
  }
}
