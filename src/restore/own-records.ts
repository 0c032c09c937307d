import type { Manifest } from "../backup/manifest.js";
import { RoomctlError } from "../core/errors.js";
import { readMarker } from "../db/marker.js";
import { hasOwnTable } from "../db/own-schema.js";
import type { Connection, Queryable } from "../db/pool.js";

/**
 * A database without tables may have roomctl's schema, because somebody marked it. A backup that brings that schema makes
 * it anew; the mark is kept in the ledger until the end. In the caller's transaction. Throws E_NOT_EMPTY where the schema
 * holds more than a mark.
 */
export async function keepMark(connection: Connection, { id, tables }: Manifest): Promise<void> {
  const isPresent = await connection.query("SELECT FROM pg_namespace WHERE nspname = 'roomctl'");
  if (isPresent.length === 0 || !tables.some(({ schema }) => schema === "roomctl")) return;
  await assertNoRecords(connection);
  const marker = await readMarker(connection);
  await connection.execute("DROP SCHEMA roomctl CASCADE");
  if (marker === undefined) return;
  await connection.execute("INSERT INTO roomctl_restore.ledger (backup, step) VALUES ($1, $2)", [
    id,
    `${marked}${marker.environment}`,
  ]);
}

/** How the database was marked before its restore began; undefined when it was not. */
export async function readKeptMark(queryable: Queryable, backup: string): Promise<string | undefined> {
  const [row] = await queryable.query<{ step: string }>(
    "SELECT step FROM roomctl_restore.ledger WHERE backup = $1 AND starts_with(step, $2)",
    [backup, marked],
  );
  return row?.step.slice(marked.length);
}

const marked = "marked ";

async function assertNoRecords(connection: Connection): Promise<void> {
  for (const table of ["migrations", "migration_runs", "operations", "epochs", "protected"]) {
    if (!(await hasOwnTable(connection, table))) continue;
    const rows = await connection.query(`SELECT FROM roomctl.${table} LIMIT 1`);
    if (rows.length === 0) continue;
    throw new RoomctlError("E_NOT_EMPTY", `the database has no tables, but roomctl.${table} tells of earlier ones`, {
      hint: "keep those records and restore into a new database: --new-database NAME",
    });
  }
}
