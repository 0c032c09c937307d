import { messageOf, RoomctlError } from "../core/errors.js";
import { quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import type { RowClosure } from "./rows-closure.js";

/** Lets the server look at each condition without reading a row. Throws E_USAGE naming the table that it does not fit. */
export async function checkConditions(connection: Connection, { graph, chosen }: RowClosure): Promise<void> {
  for (const { oid, table, condition, reason } of chosen) {
    const relation = graph.relations.get(oid);
    if (!relation) continue;
    await explainFailure(
      () => connection.query(`SELECT FROM ${quoteName(relation)} WHERE ${condition} LIMIT 0`),
      ` for ${table} (${reason})`,
    );
  }
}

/** Says in our words what a condition did: E_USAGE for one that is wrong, E_PRIVILEGE for rows that may not be read. */
export async function explainFailure<T>(work: () => Promise<T>, where = ""): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = codeOf(error);
    if (code === sqlstate.insufficientPrivilege) {
      throw new RoomctlError("E_PRIVILEGE", `the rows cannot be chosen${where}: ${messageOf(error)}`, {
        hint: "connect as the owner of the tables",
        cause: error,
      });
    }
    // Classes 22 (data exception), 42 (syntax error or access rule violation) and 25006: a condition that would write.
    if (!/^(22|42)/.test(code ?? "") && code !== sqlstate.readOnlySqlTransaction) throw error;
    throw new RoomctlError("E_USAGE", `the condition does not work${where}: ${messageOf(error)}`, {
      hint: "it has to hold for each chosen table: name fewer with --scope or --table, or correct the condition",
      cause: error,
    });
  }
}
