import { announceChange, recordTombstones } from "../db/announce.js";
import type { Connection } from "../db/pool.js";
import { announcedTables } from "./announced.js";
import type { WipePlan } from "./plan.js";
import type { RowClosure } from "./rows-closure.js";
import { listedLeaves, listedRows } from "./rows-list.js";

/** Announces the listed rows before they go, each by its primary key, and returns the epoch. */
export async function announceRows(connection: Connection, closure: RowClosure, plan: WipePlan): Promise<number> {
  const epoch = await announceChange(connection, { kind: "wipe", tables: announcedTables(plan) });
  const going = `${listedRows} WHERE part <> 'detached'`;
  for (const table of await listedLeaves(connection, closure, going)) {
    const condition = `ctid IN (SELECT id FROM ${going} AND relation = ${table.oid})`;
    await recordTombstones(connection, epoch, { table, condition });
  }
  return epoch;
}
