import { RoomctlError } from "../core/errors.js";
import { formatName, parseName, type QualifiedName, quoteIdentifier, quoteLiteral, quoteName } from "./identifier.js";
import { ensureOwnSchema, hasOwnTable } from "./own-schema.js";
import type { Connection, Queryable } from "./pool.js";
import { loadStatement } from "./statement.js";

/**
 * How a change that no trigger sees reaches whoever keeps a second store in step with the database. Each such change
 * takes an *epoch*, a number that only grows. A *follower* reads the epochs in order; a *tombstone* is the primary key of
 * a deleted row. `docs/announcements.md` is the contract.
 */
type AnnouncedKind = "wipe" | "wipe undo" | "restore" | "recover" | "sequences reset";

/**
 * `emptied`: no row is left. `deleted`: some rows went, those of the tombstones. `changed`: some rows have other values,
 * came or went. `restored`: rows came that may be older than what the follower holds.
 */
export type TableChange = "emptied" | "deleted" | "changed" | "restored";

export interface ChangedTable {
  /** As plans write it: `users`, `app.users`. A partition is announced as its root. */
  readonly table: string;
  readonly change: TableChange;
}

export interface Change {
  readonly kind: AnnouncedKind;
  /** Empty when no row changed, and only ids turned back. */
  readonly tables: readonly ChangedTable[];
  /** An epoch of another database, whose follower will read this one: the new epoch lies above it. */
  readonly above?: number;
}

/** The last epoch that fits: a follower's version is `epoch << 44 | id` in 63 bits. */
export const lastEpoch = 2 ** 19 - 1;

/**
 * Announces a change in the caller's transaction, so that the announcement is there exactly when the change is, and
 * returns its epoch: one more than the last. Other announcements wait until the transaction ends. To be called as late as
 * the change allows, not in a REPEATABLE READ transaction. Put the epoch into the result of the recorded operation:
 * `recordOperation` links both. Throws E_UNSUPPORTED when the epochs are used up.
 */
export async function announceChange(connection: Connection, change: Change): Promise<number> {
  await ensureOwnSchema(connection);
  // Held to the end: a number below one that a follower has seen must never appear. No table lock: it asks for more rights.
  await connection.query("SELECT pg_advisory_xact_lock(7241865326)");
  const epoch = Math.max(await readEpoch(connection), change.above ?? 0) + 1;
  if (epoch > lastEpoch) throw usedUp();
  const tables = await mergeTables(connection, change.tables);
  await connection.execute("INSERT INTO roomctl.epochs (epoch, kind, tables) VALUES ($1, $2, $3)", [
    epoch,
    change.kind,
    JSON.stringify(tables),
  ]);
  return epoch;
}

/** The last epoch that was announced; 0 before the first. Writes nothing. */
export async function readEpoch(queryable: Queryable): Promise<number> {
  if (!(await hasOwnTable(queryable, "epochs"))) return 0;
  const [row] = await queryable.query<{ epoch: number }>(
    "SELECT coalesce(max(epoch), 0)::int AS epoch FROM roomctl.epochs",
  );
  return row?.epoch ?? 0;
}

export interface DeletedRows {
  readonly table: QualifiedName;
  /** SQL, over the columns of the table: true for the rows that are deleted. */
  readonly condition: string;
}

/**
 * Keeps the primary keys of rows that are about to be deleted, in the same transaction, before they are, and returns how
 * many. Only where somebody follows, which is where `roomctl.outbox` is. None for a table without a primary key, whose
 * follower has to build it anew.
 */
export async function recordTombstones(
  connection: Connection,
  epoch: number,
  { table, condition }: DeletedRows,
): Promise<number> {
  if (!(await hasOwnTable(connection, "outbox"))) return 0;
  const [root] = await connection.query<KeyedTable>(loadStatement("db/announced-key"), [quoteName(table)]);
  if (!root || root.key.length === 0) return 0;
  const pairs = root.key.map((column) => `${quoteLiteral(column)}, ${quoteIdentifier(column)}::text`);
  // Those that inherit from it are tables of their own.
  const rows = root.isPartitioned ? quoteName(table) : `ONLY ${quoteName(table)}`;
  return connection.execute(
    `INSERT INTO roomctl.tombstones (epoch, table_name, key)
     SELECT $1::bigint, $2::text, jsonb_build_object(${pairs.join(", ")}) FROM ${rows} WHERE ${condition}`,
    [epoch, formatName(root)],
  );
}

/** The root that tombstones name, and whether the table they come from is partitioned. */
interface KeyedTable extends QualifiedName {
  readonly isPartitioned: boolean;
  readonly key: readonly string[];
}

export interface Announcement {
  readonly epoch: number;
  readonly kind: AnnouncedKind;
  /** Its row in `roomctl.operations`; null where the caller recorded none. */
  readonly operation: number | null;
  readonly at: Date;
  /** `tombstones` says how many keys `readTombstones` has; `deleted` with none means that the table is to be built anew. */
  readonly tables: readonly (ChangedTable & { readonly tombstones: number })[];
}

/** What was announced after that epoch, the oldest first; nothing where roomctl never changed this database. Writes nothing. */
export async function readAnnouncements(queryable: Queryable, afterEpoch: number): Promise<readonly Announcement[]> {
  if (!(await hasOwnTable(queryable, "epochs"))) return [];
  return queryable.query<Announcement>(loadStatement("db/announcements"), [afterEpoch]);
}

/** Keys of deleted rows: column to value, each as its type's text. */
export async function readTombstones(
  queryable: Queryable,
  { epoch, table }: { readonly epoch: number; readonly table: string },
): Promise<readonly Readonly<Record<string, string>>[]> {
  const rows = await queryable.query<{ key: Readonly<Record<string, string>> }>(
    "SELECT key FROM roomctl.tombstones WHERE epoch = $1 AND table_name = $2",
    [epoch, table],
  );
  return rows.map(({ key }) => key);
}

/** The further down, the more a follower has to do; of two changes of one table the stronger one counts. */
const strength: readonly TableChange[] = ["deleted", "changed", "restored", "emptied"];

/** Each table once, partitions as their root: what empties one of them only changes the root. */
async function mergeTables(connection: Connection, tables: readonly ChangedTable[]): Promise<readonly ChangedTable[]> {
  const names = tables.map(({ table }) => parseName(table));
  const roots = await connection.query<QualifiedName & { readonly isPart: boolean }>(
    loadStatement("db/announced-tables"),
    [names.map(({ schema }) => schema), names.map(({ name }) => name)],
  );
  const merged = new Map<string, TableChange>();
  for (const [index, root] of roots.entries()) {
    const given = tables[index]?.change ?? "changed";
    const change = root.isPart && given === "emptied" ? "changed" : given;
    const known = merged.get(formatName(root));
    if (!known || strength.indexOf(change) > strength.indexOf(known)) merged.set(formatName(root), change);
  }
  return [...merged].map(([table, change]) => ({ table, change }));
}

function usedUp(): RoomctlError {
  return new RoomctlError(
    "E_UNSUPPORTED",
    `nothing was changed: all ${lastEpoch} epochs of this database are used up`,
    {
      hint: "build the second store anew from nothing, then begin again: DELETE FROM roomctl.epochs",
    },
  );
}
