import type { ChangedTable, TableChange } from "../db/announce.js";
import type { WipePlan } from "./plan.js";

/** What a wipe by this plan announces to whoever follows the database. */
export function announcedTables(plan: WipePlan): readonly ChangedTable[] {
  const change: TableChange = plan.kind === "tables" ? "emptied" : "deleted";
  return [
    ...[...plan.tables, ...plan.cascades].map(({ table }) => ({ table, change })),
    ...[...plan.resets, ...plan.detached].map(({ table }) => ({ table, change: "changed" as const })),
  ];
}
