import { RoomctlError } from "../core/errors.js";
import { retry } from "../core/retry.js";
import { type QualifiedName, quoteName } from "../db/identifier.js";
import type { Connection, Database, Queryable } from "../db/pool.js";
import { codeOf, isLockConflict, sqlstate } from "../db/sqlstate.js";
import { type Relation, readLockable, readSelection, type Selection } from "./selection.js";
import { applyReadSettings } from "./settings.js";

export interface SnapshotOptions {
  readonly tables?: readonly QualifiedName[];
  /** How long one try waits for its locks. */
  readonly lockTimeoutMs?: number;
  readonly attempts?: number;
  readonly signal?: AbortSignal;
}

const defaultLockTimeoutMs = 3000;

/**
 * Runs `work` on a session whose one snapshot shows all selected tables as of a moment when they were already locked
 * against TRUNCATE and DDL. Lock first, then look: TRUNCATE is not MVCC-safe, and a snapshot older than it reads nothing
 * (https://www.postgresql.org/docs/current/mvcc-caveats.html).
 */
export async function withSnapshot<T>(
  database: Database,
  options: SnapshotOptions,
  work: (connection: Connection, selection: Selection) => Promise<T>,
): Promise<T> {
  const { connection, selection } = await retry(
    {
      attempts: options.attempts ?? 5,
      firstDelayMs: 200,
      maxDelayMs: 2000,
      signal: options.signal,
      isRetryable: (error) => isLockConflict(error) || hasMoved(error),
    },
    () => openSnapshot(database, options),
  );
  try {
    return await work(connection, selection);
  } finally {
    // Its settings must not reach the pool's next borrower; with the session ends its read-only transaction.
    connection.discard();
  }
}

/**
 * Runs `work` in the caller's transaction, which already holds locks that keep writers out of the tables. What it sets
 * is undone; locks that reading took are given back.
 */
export async function withinTransaction<T>(
  connection: Connection,
  tables: readonly QualifiedName[] | undefined,
  work: (connection: Connection, selection: Selection) => Promise<T>,
): Promise<T> {
  await connection.execute("SAVEPOINT roomctl_backup");
  await applyReadSettings(connection, "transaction");
  const result = await work(connection, await readSelection(connection, tables));
  await connection.execute("ROLLBACK TO SAVEPOINT roomctl_backup; RELEASE SAVEPOINT roomctl_backup");
  return result;
}

async function openSnapshot(
  database: Database,
  options: SnapshotOptions,
): Promise<{ readonly connection: Connection; readonly selection: Selection }> {
  const connection = await database.connect();
  try {
    await applyReadSettings(connection, "session");
    const listed = await readLockable(connection, options.tables);
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    await lockTables(connection, listed, options.lockTimeoutMs ?? defaultLockTimeoutMs);
    const selection = await readSelection(connection, options.tables);
    if (isSameSet(listed, selection.lockable)) return { connection, selection };
    throw moved();
  } catch (error) {
    connection.discard();
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

const movedMessage = "tables kept being made, dropped or renamed while the backup began";

function moved(): RoomctlError {
  return new RoomctlError("E_LOCK_TIMEOUT", movedMessage, {
    hint: "let the running migration finish, then run the backup again",
  });
}

function hasMoved(error: unknown): boolean {
  if (error instanceof RoomctlError) return error.message === movedMessage;
  return codeOf(error) === sqlstate.undefinedTable;
}
