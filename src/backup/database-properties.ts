import { RoomctlError } from "../core/errors.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { ManifestDatabase } from "./manifest.js";

/** Reads what belongs to the database as such, and so to no dump of its schema. Needs no rights. */
export async function readDatabaseProperties(queryable: Queryable): Promise<ManifestDatabase> {
  const [properties] = await queryable.query<Omit<ManifestDatabase, "settings">>(
    loadStatement("backup/database-properties"),
  );
  if (!properties) throw new RoomctlError("E_INTERNAL", "the server does not know the database of this session");
  const settings = await queryable.query<ManifestDatabase["settings"][number]>(
    loadStatement("backup/database-settings"),
  );
  return { ...properties, settings };
}
