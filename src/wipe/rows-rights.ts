import { RoomctlError } from "../core/errors.js";
import { formatName, quoteName } from "../db/identifier.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { WipePlan } from "./plan.js";
import type { RowReach } from "./rows-reach.js";

/** Throws E_READ_ONLY, or E_PRIVILEGE naming all that this role may not do, before a backup is taken in vain. */
export async function assertRowRights(queryable: Queryable, plan: WipePlan, { units }: RowReach): Promise<void> {
  const [session] = await queryable.query<{ readOnly: string }>(
    `SELECT current_setting('transaction_read_only') AS "readOnly"`,
  );
  if (session?.readOnly === "on") {
    throw new RoomctlError("E_READ_ONLY", "nothing was deleted: this session may not write", {
      hint: "connect to the primary (a standby and default_transaction_read_only refuse writes)",
    });
  }
  const losing = new Set([...plan.tables, ...plan.cascades].filter(({ rows }) => rows > 0).map(({ table }) => table));
  const names = (isLosing: boolean) => units.filter((unit) => losing.has(formatName(unit)) === isLosing).map(quoteName);
  const rows = await queryable.query<{ lacking: string }>(loadStatement("wipe/rows-rights"), [
    names(true),
    names(false),
  ]);
  if (rows.length === 0) return;
  const lacking = rows.map((row) => row.lacking).join(", ");
  throw new RoomctlError("E_PRIVILEGE", `nothing was deleted: the role ${plan.role} may not delete rows: ${lacking}`, {
    hint: "connect as the owner of the tables",
  });
}
