import type { Connection, Queryable } from "./pool.js";
import { loadStatement } from "./statement.js";

/** Tables of roomctl's own, in schema `roomctl`, that `sql/db/own-schema.sql` makes. */
const ownTables = ["migrations", "migration_runs", "marker", "protected", "operations", "epochs", "tombstones"];

/** The column that came last: where it is missing, an older release made the tables. */
const newestColumn = { table: "roomctl.migration_runs", column: "is_redo" };

/** True when every table of roomctl's own is there, as this release makes it. */
async function hasOwnSchema(queryable: Queryable): Promise<boolean> {
  const [row] = await queryable.query<{ complete: boolean }>(
    `SELECT bool_and(to_regclass('roomctl.' || name) IS NOT NULL)
            AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass($2) AND attname = $3) AS complete
       FROM unnest($1::text[]) AS name`,
    [ownTables, newestColumn.table, newestColumn.column],
  );
  return row?.complete ?? false;
}

/** True when that one table of roomctl's own is there: read commands never create it. */
export async function hasOwnTable(queryable: Queryable, table: string): Promise<boolean> {
  const [row] = await queryable.query<{ present: boolean }>("SELECT to_regclass($1) IS NOT NULL AS present", [
    `roomctl.${table}`,
  ]);
  return row?.present ?? false;
}

/** Makes roomctl's own tables where they are missing. Inside a transaction they come and go with it. */
export async function ensureOwnSchema(connection: Connection): Promise<void> {
  if (await hasOwnSchema(connection)) return;
  // Two first runs at once would collide in the catalog despite IF NOT EXISTS; one statement string is one transaction.
  await connection.execute(`SELECT pg_advisory_xact_lock(7241865325);\n${loadStatement("db/own-schema")}`);
}
