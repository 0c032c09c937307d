import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { ManifestNeeds } from "./manifest.js";

/** Reads which roles and extensions a server must have before this database can be made on it. Needs no rights. */
export async function readNeeds(queryable: Queryable): Promise<ManifestNeeds> {
  const roles = await queryable.query<{ name: string }>(loadStatement("backup/needs-roles"));
  const extensions = await queryable.query<ManifestNeeds["extensions"][number]>(
    loadStatement("backup/needs-extensions"),
  );
  return { roles: roles.map(({ name }) => name), extensions };
}
