import { RoomctlError } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";

/**
 * Throws E_NOT_EMPTY naming what a database has of its own. A schema script would fail on some of it, and replace some
 * without a word (CREATE OR REPLACE).
 */
export async function assertEmpty(database: Database): Promise<void> {
  const found = await database.query<{ name: string }>(loadStatement("restore/own-objects"));
  if (found.length === 0) return;
  const names = found.slice(0, 3).map(({ name }) => name);
  const more = found.length > 3 ? " and more" : "";
  throw new RoomctlError(
    "E_NOT_EMPTY",
    `the database ${JSON.stringify(database.target.database)} is not empty, it has objects of its own: ${names.join(", ")}${more}`,
    { hint: "restore into a new database: --new-database NAME" },
  );
}
