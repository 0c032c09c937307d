import type { WipeScope } from "../core/catalogue.js";
import type { Clock } from "../core/clock.js";
import { RoomctlError } from "../core/errors.js";
import { retry } from "../core/retry.js";
import { announceChange } from "../db/announce.js";
import { parseName, quoteIdentifier, quoteName } from "../db/identifier.js";
import { type HeldLock, withLock } from "../db/lock.js";
import { recordOperation } from "../db/operations.js";
import type { Connection, Database } from "../db/pool.js";
import { lockSequences } from "../db/sequence-lock.js";
import { withTransaction } from "../db/transaction.js";
import { announcedTables } from "./announced.js";
import { choiceOf } from "./choice.js";
import type { AllowedGuard } from "./guards.js";
import { isLockRefusal, lockRefusal, lockRelations } from "./locks.js";
import { relationExpression, type WipedTable } from "./measure.js";
import { readPlan, type WipePlan } from "./plan.js";
import { isDifferent, type PlannedReset, type RestartedSequence } from "./resets.js";
import { assertRights } from "./rights.js";
import { assertSamePlan, wipeCommand } from "./stale.js";

export interface ApplyWipeOptions<Backup extends PreWipeBackup> {
  /** The same that the plan was made from. */
  readonly scopes: readonly WipeScope[];
  /** The operator accepts that tables beyond the scopes lose their rows. */
  readonly acceptsCascade: boolean;
  /**
   * Saves the rows before they go: called in the wipe's own transaction, while writers are kept out, so that no row can
   * appear between the copy and the deletion. When it throws, nothing is deleted.
   */
  readonly beforeDelete?: (connection: Connection) => Promise<Backup>;
  /** Looks once more, when the tables are locked and before anything is saved; throws to refuse. What it returns is recorded. */
  readonly guard?: () => Promise<readonly AllowedGuard[]>;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Bound of one try to lock the tables; at most 3 s, which is also the longest that a reader can be held up. */
  readonly lockTimeoutMs?: number;
  /** How many times each of the two locks is tried; 5 unless told. */
  readonly attempts?: number;
  /** How long to wait for another roomctl run to end; 0 unless told. */
  readonly lockWaitMs?: number;
  readonly onProgress?: (event: { readonly message: string }) => void;
}

export interface PreWipeBackup {
  readonly id: string;
}

export interface WipeResult<Backup extends PreWipeBackup = PreWipeBackup> {
  readonly applied: true;
  readonly plan: WipePlan;
  /** Id of the backup that holds what was deleted, and the whole tables of what was reset; absent when none was taken. */
  readonly receipt?: string;
  readonly backup?: Backup;
  /** Its row in `roomctl.operations`. */
  readonly operation: number;
  readonly tables: readonly { readonly table: string; readonly rowsDeleted: number; readonly rowsLeft: number }[];
  readonly resets: readonly { readonly table: string; readonly column: string; readonly rowsChanged: number }[];
  readonly sequences: readonly RestartedSequence[];
  readonly detached: readonly {
    readonly table: string;
    readonly columns: readonly string[];
    readonly rowsChanged: number;
  }[];
  /** Guards that the operator stepped over, and what they saw. */
  readonly allowed: readonly AllowedGuard[];
  /** By which the wipe was announced: see `announceChange`. */
  readonly epoch: number;
}

const longestLockWaitMs = 3000;

/**
 * Deletes what the plan says, in one transaction: all of it or nothing. Throws E_CASCADE_REQUIRED, E_PLAN_STALE when
 * anything moved since the plan, E_LOCKED, E_LOCK_TIMEOUT, E_PRIVILEGE, and whatever `beforeDelete` throws.
 */
export async function applyWipe<Backup extends PreWipeBackup>(
  database: Database,
  plan: WipePlan,
  options: ApplyWipeOptions<Backup>,
): Promise<WipeResult<Backup>> {
  assertCascadeAccepted(plan, options.acceptsCascade);
  await assertRights(database, plan);
  const waiting = {
    waitMs: options.lockWaitMs ?? 0,
    signal: options.signal,
    onWait: () => options.onProgress?.({ message: "waiting for another roomctl run to end" }),
  };
  return withLock(database, "change", waiting, async (lock) => {
    try {
      return await wipeWithRetries({ database, plan, lock, options, startedAt: options.clock.now() });
    } catch (error) {
      if (!isLockRefusal(error)) throw error;
      throw await lockRefusal(database, [...lockList(plan), ...sequenceList(plan)], error);
    }
  });
}

/** Throws E_CASCADE_REQUIRED when the plan empties tables that no scope names, hold rows, and were not accepted. */
export function assertCascadeAccepted(plan: WipePlan, isAccepted: boolean): void {
  const lost = plan.cascades.filter(({ rows }) => rows > 0);
  if (isAccepted || lost.length === 0) return;
  const names = lost.map(({ table, rows }) => `${table} (${rows} ${rows === 1 ? "row" : "rows"})`).join(", ");
  throw new RoomctlError(
    "E_CASCADE_REQUIRED",
    `nothing was deleted: foreign keys would also empty tables that no chosen scope names: ${names}`,
    { hint: `if they may go too: ${wipeCommand(plan.scopes, plan.namedTables)} --cascade --confirm` },
  );
}

interface Wiping<Backup extends PreWipeBackup> {
  readonly database: Database;
  readonly plan: WipePlan;
  readonly lock: HeldLock;
  readonly options: ApplyWipeOptions<Backup>;
  readonly startedAt: Date;
}

/** Only the first locks are worth a new transaction: what comes after has its own tries, and a backup behind it. */
function wipeWithRetries<Backup extends PreWipeBackup>(wiping: Wiping<Backup>): Promise<WipeResult<Backup>> {
  let isLocked = false;
  const isRetryable = (error: unknown) => !isLocked && isLockRefusal(error);
  return retry({ ...tries(wiping.options), isRetryable }, () =>
    withTransaction(wiping.database, { lockTimeoutMs: lockTimeoutMs(wiping.options) }, async (connection) => {
      await lockRelations(connection, {
        relations: lockList(wiping.plan),
        mode: "SHARE ROW EXCLUSIVE",
        timeoutMs: lockTimeoutMs(wiping.options),
      });
      const sequences = wiping.plan.sequences.map(({ sequence, start }) => ({ ...parseName(sequence), start }));
      await lockSequences(connection, sequences, lockTimeoutMs(wiping.options));
      isLocked = true;
      return wipeUnderLock(connection, wiping);
    }),
  );
}

async function wipeUnderLock<Backup extends PreWipeBackup>(
  connection: Connection,
  { database, plan, lock, options, startedAt }: Wiping<Backup>,
): Promise<WipeResult<Backup>> {
  assertSamePlan(plan, await readPlan(connection, database, choiceOf(options.scopes, plan)));
  const allowed = (await options.guard?.()) ?? [];
  const backup = await options.beforeDelete?.(connection);
  await lock.assertHeld();
  options.onProgress?.({ message: "deleting" });
  const resets: { readonly table: string; readonly column: string; readonly rowsChanged: number }[] = [];
  for (const reset of plan.resets) resets.push(await resetColumn(connection, reset));
  const emptied = [...plan.tables, ...plan.cascades];
  const relations = emptied.map(expressionOf);
  await lockForDeletion(connection, relations, options);
  if (relations.length > 0) await connection.execute(`TRUNCATE ${relations.join(", ")} RESTRICT`);
  for (const { sequence } of plan.sequences) {
    await connection.execute(`ALTER SEQUENCE ${quoteName(parseName(sequence))} RESTART`);
  }
  const tables: { readonly table: string; readonly rowsDeleted: number; readonly rowsLeft: number }[] = [];
  for (const table of emptied) tables.push(await verifyEmpty(connection, table));
  const receipt = backup === undefined ? {} : { receipt: backup.id };
  const epoch = await announceChange(connection, { kind: "wipe", tables: announcedTables(plan) });
  const outcome = { ...receipt, tables, resets, detached: [], sequences: plan.sequences, allowed, epoch };
  const operation = await recordOperation(connection, { kind: "wipe", startedAt, plan, result: outcome });
  return { applied: true, plan, ...outcome, ...(backup === undefined ? {} : { backup }), operation };
}

async function resetColumn(connection: Connection, reset: PlannedReset) {
  const { table, column, value } = reset;
  const rowsChanged = await connection.execute(
    `UPDATE ${quoteName(parseName(table))} SET ${quoteIdentifier(column)} = (${value}) WHERE ${isDifferent(reset)}`,
  );
  return { table, column, rowsChanged };
}

/** A try that fails goes back to the savepoint, and with it our place in the queue; the backup and the first locks stay. */
function lockForDeletion(
  connection: Connection,
  relations: readonly string[],
  options: ApplyWipeOptions<PreWipeBackup>,
): Promise<void> {
  return retry({ ...tries(options), isRetryable: isLockRefusal }, async () => {
    await connection.execute("SAVEPOINT roomctl_wipe");
    try {
      await lockRelations(connection, { relations, mode: "ACCESS EXCLUSIVE", timeoutMs: lockTimeoutMs(options) });
    } catch (error) {
      await connection.execute("ROLLBACK TO SAVEPOINT roomctl_wipe");
      throw error;
    }
  });
}

async function verifyEmpty(connection: Connection, table: WipedTable) {
  const [row] = await connection.query<{ rows: string }>(`SELECT count(*) AS rows FROM ${expressionOf(table)}`);
  const rowsLeft = Number(row?.rows);
  if (rowsLeft === 0) return { table: table.table, rowsDeleted: table.rows, rowsLeft };
  throw new RoomctlError(
    "E_SQL",
    `nothing was deleted: ${table.table} still holds ${rowsLeft} rows after its TRUNCATE`,
    {
      hint: `look for a TRUNCATE trigger on it that inserts rows`,
    },
  );
}

function lockList({ tables, cascades, resets }: WipePlan): readonly string[] {
  const whole = resets.map(({ table }) => quoteName(parseName(table)));
  return [...new Set([...[...tables, ...cascades].map(expressionOf), ...whole])];
}

function sequenceList({ sequences }: WipePlan): readonly string[] {
  return sequences.map(({ sequence }) => quoteName(parseName(sequence)));
}

function expressionOf(table: WipedTable): string {
  return relationExpression(table, quoteName(parseName(table.table)));
}

export function lockTimeoutMs({ lockTimeoutMs = longestLockWaitMs }: { readonly lockTimeoutMs?: number }): number {
  return lockTimeoutMs > 0 ? Math.min(lockTimeoutMs, longestLockWaitMs) : longestLockWaitMs;
}

export function tries({ attempts = 5, signal }: { readonly attempts?: number; readonly signal?: AbortSignal }) {
  return { attempts, firstDelayMs: 200, maxDelayMs: 2000, signal };
}
