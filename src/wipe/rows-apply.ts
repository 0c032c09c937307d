import { RoomctlError } from "../core/errors.js";
import { retry } from "../core/retry.js";
import { type HeldLock, withLock } from "../db/lock.js";
import { recordOperation } from "../db/operations.js";
import type { Connection, Database } from "../db/pool.js";
import { withTransaction } from "../db/transaction.js";
import { type ApplyWipeOptions, lockTimeoutMs, type PreWipeBackup, tries, type WipeResult } from "./apply.js";
import { isLockRefusal, lockRefusal, lockRelations } from "./locks.js";
import { announceRows } from "./rows-announce.js";
import { wipeInBatches } from "./rows-batch.js";
import { rowWipeCommand } from "./rows-choice.js";
import { type DeletedTable, deleteListed } from "./rows-delete.js";
import { assertNoneMatch } from "./rows-left.js";
import { describeListed, type ListedRows, listedRows, listRows } from "./rows-list.js";
import type { RowCascade } from "./rows-measure.js";
import { type RowBasis, type RowWipePlan, type RowWipeRequest, readRowBasis, readRowPlan } from "./rows-plan.js";
import { unitExpression } from "./rows-reach.js";
import { assertRowRights } from "./rows-rights.js";
import { assertSameRows } from "./rows-stale.js";

export interface ApplyRowWipeOptions<Backup extends PreWipeBackup>
  extends Omit<ApplyWipeOptions<Backup>, "scopes" | "beforeDelete"> {
  /** The same that the plan was made from, with the same `now`. */
  readonly request: RowWipeRequest;
  /**
   * Saves the rows before they go, on the wipe's own session, the only one that knows `rows.conditions`: all rows that go,
   * and those that stay and lose a reference. When it throws, nothing is deleted.
   */
  readonly beforeDelete?: (connection: Connection, rows: ListedRows) => Promise<Backup>;
  /** Chosen rows of one transaction; all in one unless told. See `wipeInBatches`. */
  readonly batch?: number;
}

export interface RowWipeResult<Backup extends PreWipeBackup = PreWipeBackup> extends WipeResult<Backup> {
  /** `partly`: rows were left, for the reasons in `skipped`; only a wipe in batches leaves any. */
  readonly state: "done" | "partly";
  readonly skipped: readonly SkippedRows[];
}

export interface SkippedRows {
  readonly table: string;
  readonly rows: number;
  readonly reason: string;
}

export interface RowWiping<Backup extends PreWipeBackup> {
  readonly database: Database;
  readonly plan: RowWipePlan;
  readonly lock: HeldLock;
  readonly options: ApplyRowWipeOptions<Backup>;
  readonly startedAt: Date;
}

/**
 * Deletes the rows of the plan in one transaction, all of them or nothing, or with `batch` in several, each of them all
 * or nothing. Throws E_CASCADE_REQUIRED, E_PLAN_STALE when a row of the plan came, went or changed since, E_LOCKED,
 * E_LOCK_TIMEOUT, E_PRIVILEGE, E_SQL when a trigger or a constraint is in the way, and whatever `beforeDelete` throws.
 */
export async function applyRowWipe<Backup extends PreWipeBackup>(
  database: Database,
  plan: RowWipePlan,
  options: ApplyRowWipeOptions<Backup>,
): Promise<RowWipeResult<Backup>> {
  assertBlockedAccepted(plan, options);
  const basis = await readBasisAlone(database, options.request);
  await assertRowRights(database, plan, basis.reach);
  const waiting = {
    waitMs: options.lockWaitMs ?? 0,
    signal: options.signal,
    onWait: () => options.onProgress?.({ message: "waiting for another roomctl run to end" }),
  };
  return withLock(database, "change", waiting, async (lock) => {
    const wiping = { database, plan, lock, options, startedAt: options.clock.now() };
    try {
      return await (options.batch === undefined ? wipeAtOnce(wiping) : wipeInBatches(wiping, options.batch));
    } catch (error) {
      if (!isLockRefusal(error)) throw error;
      throw await lockRefusal(database, basis.reach.units.map(unitExpression), error);
    }
  });
}

/**
 * Throws E_CASCADE_REQUIRED when rows beyond the choice would go, and were not accepted. A subject, such as a user, stands
 * for all that the server deletes with it; rows that stand in its way need to be accepted all the same.
 */
export function assertBlockedAccepted(
  plan: RowWipePlan,
  { acceptsCascade, request }: { readonly acceptsCascade: boolean; readonly request: RowWipeRequest },
): void {
  const beyond = rowsBeyond(plan, request);
  if (acceptsCascade || beyond.length === 0) return;
  const names = beyond.map(
    ({ table, rows, path, onDelete }) => `${table} (${rows} ${rows === 1 ? "row" : "rows"}, ${path[0]}, ${onDelete})`,
  );
  throw new RoomctlError(
    "E_CASCADE_REQUIRED",
    `nothing was deleted: foreign keys would take rows beyond the choice, or do not let it go without them: ${names.join("; ")}`,
    { hint: `if they may go too: ${rowWipeCommand(request)} --cascade --confirm` },
  );
}

function readBasisAlone(database: Database, request: RowWipeRequest): Promise<RowBasis> {
  return withTransaction(database, { isolation: "REPEATABLE READ", readOnly: true }, (connection) =>
    readRowBasis(connection, database, request),
  );
}

/** What has to be accepted with `--cascade`. */
export function rowsBeyond({ cascades }: RowWipePlan, { conditions }: RowWipeRequest): readonly RowCascade[] {
  return cascades.filter(({ needsConsent, rows }) => rows > 0 && (needsConsent || conditions.subject === undefined));
}

/** Only the locks are worth a new transaction: what comes after has its own tries, and a backup behind it. */
async function wipeAtOnce<Backup extends PreWipeBackup>(wiping: RowWiping<Backup>): Promise<RowWipeResult<Backup>> {
  const { database, options } = wiping;
  let isLocked = false;
  const isRetryable = (error: unknown) => !isLocked && isLockRefusal(error);
  const timeoutMs = lockTimeoutMs(options);
  return retry({ ...tries(options), isRetryable }, () =>
    withTransaction(database, { lockTimeoutMs: timeoutMs }, async (connection) => {
      const { reach } = await readRowBasis(connection, database, options.request);
      // Also those that hold no row of the plan: one could come that refers to a row that goes.
      const relations = reach.units.map(unitExpression);
      await lockRelations(connection, { relations, mode: "SHARE ROW EXCLUSIVE", timeoutMs });
      isLocked = true;
      return wipeUnderLock(connection, wiping);
    }),
  );
}

async function wipeUnderLock<Backup extends PreWipeBackup>(
  connection: Connection,
  { database, plan, lock, options, startedAt }: RowWiping<Backup>,
): Promise<RowWipeResult<Backup>> {
  const { request } = options;
  const basis = await readRowBasis(connection, database, request);
  await listRows(connection, basis);
  assertSameRows(plan, await readRowPlan(connection, basis, { request, rows: listedRows }), request);
  const allowed = (await options.guard?.()) ?? [];
  const backup = await options.beforeDelete?.(connection, await describeListed(connection, basis));
  await lock.assertHeld();
  options.onProgress?.({ message: "deleting" });
  const { epoch, tables } = await deleteAnnounced(connection, basis, { plan, options });
  await assertNoneMatch(connection, basis);
  const outcome = {
    ...(backup === undefined ? {} : { receipt: backup.id }),
    state: "done" as const,
    tables,
    resets: [],
    detached: plan.detached.map(({ table, columns, rows }) => ({ table, columns, rowsChanged: rows })),
    sequences: [],
    skipped: [],
    allowed,
    epoch,
  };
  const operation = await recordOperation(connection, { kind: "wipe", startedAt, plan, result: outcome });
  return { applied: true, plan, ...outcome, ...(backup === undefined ? {} : { backup }), operation };
}

interface Deleted {
  readonly epoch: number;
  readonly tables: readonly DeletedTable[];
}

/** Rows may be locked by others that do not write: such a try goes back to the savepoint, and the backup stays good. */
function deleteAnnounced<Backup extends PreWipeBackup>(
  connection: Connection,
  basis: RowBasis,
  { plan, options }: Pick<RowWiping<Backup>, "plan" | "options">,
): Promise<Deleted> {
  return retry({ ...tries(options), isRetryable: isLockRefusal }, async () => {
    await connection.execute("SAVEPOINT roomctl_wipe");
    try {
      const epoch = await announceRows(connection, basis, plan);
      return { epoch, tables: await deleteListed(connection, basis) };
    } catch (error) {
      await connection.execute("ROLLBACK TO SAVEPOINT roomctl_wipe");
      throw error;
    }
  });
}
