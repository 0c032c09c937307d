import type { Connection } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";

/**
 * Rows that only some roles, or only some versions of the server, may see: null where they may not be read. Runs inside
 * a transaction, which goes on after a refusal.
 */
export async function readIfAllowed<Row extends object>(
  connection: Connection,
  sql: string,
  values?: readonly unknown[],
): Promise<readonly Row[] | null> {
  await connection.execute("SAVEPOINT roomctl_may_read");
  try {
    const rows = await connection.query<Row>(sql, values);
    await connection.execute("RELEASE SAVEPOINT roomctl_may_read");
    return rows;
  } catch (error) {
    if (!refusals.has(codeOf(error) ?? "")) throw error;
    await connection.execute("ROLLBACK TO SAVEPOINT roomctl_may_read; RELEASE SAVEPOINT roomctl_may_read");
    return null;
  }
}

const refusals: ReadonlySet<string> = new Set([sqlstate.insufficientPrivilege, sqlstate.undefinedTable]);
