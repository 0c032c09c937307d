import type { ManifestNeeds } from "../backup/manifest.js";
import { RoomctlError } from "../core/errors.js";
import { quoteIdentifier } from "../db/identifier.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";

/** What a server lacks of what a backup's schema needs. */
export interface MissingNeeds {
  readonly roles: readonly string[];
  readonly extensions: readonly string[];
}

export async function readMissing(queryable: Queryable, needs: ManifestNeeds): Promise<MissingNeeds> {
  const missing = await queryable.query<{ kind: string; name: string }>(loadStatement("restore/needs"), [
    needs.roles,
    needs.extensions.map(({ name }) => name),
  ]);
  const namesOf = (wanted: string) => missing.filter(({ kind }) => kind === wanted).map(({ name }) => name);
  return { roles: namesOf("role"), extensions: namesOf("extension") };
}

/** Throws E_SCHEMA naming everything that the server lacks, before anything is made on it. */
export async function assertNeeds(queryable: Queryable, needs: ManifestNeeds): Promise<void> {
  const { roles, extensions } = await readMissing(queryable, needs);
  const lacking = [
    ...(roles.length > 0 ? [`the roles ${roles.join(", ")}`] : []),
    ...(extensions.length > 0 ? [`the extensions ${extensions.join(", ")}`] : []),
  ];
  if (lacking.length === 0) return;
  const ways = [
    ...(roles.length > 0 ? [roles.map((role) => `CREATE ROLE ${quoteIdentifier(role)};`).join(" ")] : []),
    ...(extensions.length > 0 ? [`install the server packages that bring ${extensions.join(", ")}`] : []),
  ];
  throw new RoomctlError(
    "E_SCHEMA",
    `this server does not have ${lacking.join(" and ")}, which the backup's schema needs`,
    {
      hint: `nothing was changed; first: ${ways.join(" and ")}`,
    },
  );
}
