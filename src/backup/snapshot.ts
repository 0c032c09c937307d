import { RoomctlError } from "../core/errors.js";
import { retry } from "../core/retry.js";
import { type QualifiedName, quoteLiteral, quoteName } from "../db/identifier.js";
import type { Connection, Database, Queryable } from "../db/pool.js";
import { codeOf, isLockConflict, sqlstate } from "../db/sqlstate.js";
import { chooseRows } from "./chosen-rows.js";
import { type Relation, readLockable, readSelection, type Selection } from "./selection.js";
import { applyReadSettings } from "./settings.js";

/** Sessions that see one and the same snapshot. */
export interface SnapshotReaders {
  /** Holds the locks of all tables, and so is never kept waiting. */
  readonly leader: Connection;
  /** More of them; each has to lock a table before it reads it, and to leave it to the leader where it would wait. */
  readonly helpers: readonly Connection[];
}

type SnapshotWork<T> = (readers: SnapshotReaders, selection: Selection) => Promise<T>;

export interface SnapshotOptions {
  readonly tables?: readonly QualifiedName[];
  /** How long one try waits for its locks. */
  readonly lockTimeoutMs?: number;
  readonly attempts?: number;
  /** How many sessions read; 1 unless told. */
  readonly jobs?: number;
  /** Runs before each try, without any lock; what it returns says under the locks whether it still holds, or throws `moved()`. */
  readonly prepare?: () => Promise<(leader: Connection) => Promise<void>>;
  readonly signal?: AbortSignal;
}

const defaultLockTimeoutMs = 3000;

/**
 * Runs `work` on sessions whose one snapshot shows all selected tables as of a moment when they were already locked
 * against TRUNCATE and DDL. Lock first, then look: TRUNCATE is not MVCC-safe, and a snapshot older than it reads nothing
 * (https://www.postgresql.org/docs/current/mvcc-caveats.html).
 */
export async function withSnapshot<T>(database: Database, options: SnapshotOptions, work: SnapshotWork<T>): Promise<T> {
  const { leader, selection } = await retry(
    {
      attempts: options.attempts ?? 5,
      firstDelayMs: 200,
      maxDelayMs: 2000,
      signal: options.signal,
      isRetryable: (error) => isLockConflict(error) || hasMoved(error),
    },
    () => openSnapshot(database, options),
  );
  const helpers: Connection[] = [];
  try {
    for (let count = 1; count < (options.jobs ?? 1); count += 1) helpers.push(await joinSnapshot(database, leader));
    return await work({ leader, helpers }, selection);
  } finally {
    // Their settings must not reach the pool's next borrower; with each session ends its read-only transaction.
    for (const connection of [...helpers, leader]) connection.discard();
  }
}

/**
 * Runs `work` in the caller's transaction, which already holds locks that keep writers out of the tables. What it sets
 * is undone; locks that reading took are given back.
 */
export async function withinTransaction<T>(
  connection: Connection,
  choice: { readonly tables?: readonly QualifiedName[]; readonly conditions?: ReadonlyMap<string, string> },
  work: SnapshotWork<T>,
): Promise<T> {
  await connection.execute("SAVEPOINT roomctl_backup");
  const chosen = choice.conditions ? await chooseRows(connection, choice.tables, choice.conditions) : undefined;
  await applyReadSettings(connection, "transaction");
  const selection = await readSelection(connection, choice.tables);
  const tables = selection.tables.map((table) => ({ ...table, chosenRows: chosen?.get(table.oid) }));
  const result = await work({ leader: connection, helpers: [] }, { ...selection, tables });
  await connection.execute("ROLLBACK TO SAVEPOINT roomctl_backup; RELEASE SAVEPOINT roomctl_backup");
  return result;
}

/**
 * True when this session may read the table without waiting. A lock request queues behind every other one, even if the
 * leader's is held already: a reader that waits behind somebody's TRUNCATE, which waits for the leader, would wait for ever.
 */
export async function lockAtOnce(connection: Connection, table: QualifiedName): Promise<boolean> {
  await connection.execute("SAVEPOINT roomctl_lock");
  try {
    await connection.execute(`LOCK TABLE ONLY ${quoteName(table)} IN ACCESS SHARE MODE NOWAIT`);
    return true;
  } catch (error) {
    if (codeOf(error) !== sqlstate.lockNotAvailable) throw error;
    await connection.execute("ROLLBACK TO SAVEPOINT roomctl_lock");
    return false;
  }
}

async function joinSnapshot(database: Database, leader: Connection): Promise<Connection> {
  const [exported] = await leader.query<{ snapshot: string }>("SELECT pg_export_snapshot() AS snapshot");
  const connection = await database.connect();
  try {
    await applyReadSettings(connection, "session");
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    await connection.execute(`SET TRANSACTION SNAPSHOT ${quoteLiteral(exported?.snapshot ?? "")}`);
    return connection;
  } catch (error) {
    connection.discard();
    throw error;
  }
}

async function openSnapshot(
  database: Database,
  options: SnapshotOptions,
): Promise<{ readonly leader: Connection; readonly selection: Selection }> {
  const check = await options.prepare?.();
  const leader = await database.connect();
  try {
    await applyReadSettings(leader, "session");
    const listed = await readLockable(leader, options.tables);
    await leader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    await lockTables(leader, listed, options.lockTimeoutMs ?? defaultLockTimeoutMs);
    const selection = await readSelection(leader, options.tables);
    if (!isSameSet(listed, selection.lockable)) throw moved();
    await check?.(leader);
    return { leader, selection };
  } catch (error) {
    leader.discard();
    throw error;
  }
}

/** SET and LOCK are the only kind of statement that may come before the snapshot: neither takes one. */
async function lockTables(queryable: Queryable, relations: readonly Relation[], lockTimeoutMs: number): Promise<void> {
  await queryable.execute(`SET LOCAL lock_timeout = ${Math.round(lockTimeoutMs)}`);
  const names = relations.map((table) => `ONLY ${quoteName(table)}`);
  if (names.length > 0) await queryable.execute(`LOCK TABLE ${names.join(", ")} IN ACCESS SHARE MODE`);
}

/** Columns need no comparing: the second list, read under the locks, is the one that is used. */
function isSameSet(before: readonly Relation[], after: readonly Relation[]): boolean {
  const key = (table: Relation) => JSON.stringify([table.oid, table.schema, table.name, table.kind]);
  const known = new Set(before.map(key));
  return before.length === after.length && after.every((table) => known.has(key(table)));
}

const movedMessage = "tables kept being made, altered, dropped or renamed while the backup began";

/** The schema is not the one that was looked at a moment ago: begin anew. */
export function moved(): RoomctlError {
  return new RoomctlError("E_LOCK_TIMEOUT", movedMessage, {
    hint: "let the running migration finish, then run the backup again",
  });
}

function hasMoved(error: unknown): boolean {
  if (error instanceof RoomctlError) return error.message === movedMessage;
  return codeOf(error) === sqlstate.undefinedTable;
}
