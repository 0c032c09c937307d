import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { ManifestMaterializedView } from "./manifest.js";

/** Reads the app's materialized views in an order in which they can be refreshed. Needs no rights. */
export function readMaterializedViews(queryable: Queryable): Promise<readonly ManifestMaterializedView[]> {
  return queryable.query<ManifestMaterializedView>(loadStatement("backup/materialized-views"));
}
