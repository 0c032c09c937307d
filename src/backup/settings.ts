import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";

/** Puts the settings of `sql/backup/settings.sql` in place: for the session, or until the transaction ends. */
export async function applyReadSettings(queryable: Queryable, scope: "session" | "transaction"): Promise<void> {
  await queryable.query(loadStatement("backup/settings"), [scope === "transaction"]);
}
