import { RoomctlError } from "../core/errors.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { ManifestLargeObjects } from "./manifest.js";

/** Bytes of a page; its `number` times this is where it belongs. */
export const largeObjectPageBytes = 1024 * 1024;

/** What `largeObjectPages` selects. */
export const largeObjectColumns: ManifestLargeObjects["pages"]["columns"] = [
  { name: "oid", type: "oid" },
  { name: "number", type: "integer" },
  { name: "bytes", type: "bytea" },
];

interface ObjectRow {
  readonly oid: number;
  readonly owner: string;
  readonly ownerStatement: string;
  readonly revokes: readonly string[];
  readonly grants: readonly string[];
  readonly comment: string;
  readonly hasComment: boolean;
  readonly isReadable: boolean;
}

/**
 * Reads which large objects there are, without their bytes. A statement may be several, separated by semicolons, that
 * belong together. Throws E_PRIVILEGE naming those whose bytes this role may not read.
 */
export async function readLargeObjects(queryable: Queryable): Promise<ManifestLargeObjects["objects"]> {
  const rows = await queryable.query<ObjectRow>(loadStatement("backup/large-objects"));
  refuseUnreadable(rows.filter(({ isReadable }) => !isReadable));
  return rows.map(({ oid, owner, ownerStatement, revokes, grants, comment, hasComment }) => ({
    oid,
    owner,
    statements: [ownerStatement, ...revokes, ...grants, ...(hasComment ? [comment] : [])],
  }));
}

/**
 * A SELECT of all pages, in the order of objects and places: a page that is missing between others is zeros. Needs the
 * right to read each object, and no other. Run it in a transaction, where it sees what the snapshot sees.
 */
export function largeObjectPages(): string {
  return loadStatement("backup/large-object-pages");
}

function refuseUnreadable(rows: readonly ObjectRow[]): void {
  const [first] = rows;
  if (first === undefined) return;
  const more = rows.length > 1 ? ` and ${rows.length - 1} more` : "";
  throw new RoomctlError("E_PRIVILEGE", `large object ${first.oid} of ${first.owner}${more} cannot be read`, {
    hint: `back up as a superuser or as their owner, or GRANT SELECT ON LARGE OBJECT ${first.oid} TO the backup's role`,
  });
}
