import { retry } from "../core/retry.js";
import type { Connection } from "../db/pool.js";
import { inTransaction } from "../db/transaction.js";
import { lockTimeoutMs, type PreWipeBackup, tries } from "./apply.js";
import { isLockRefusal } from "./locks.js";
import type { RowWipeResult, RowWiping } from "./rows-apply.js";
import { deleteBatch } from "./rows-batch-delete.js";
import { type Range, type SavedList, saveList } from "./rows-batch-list.js";
import { addBatch, emptyProgress, finish, type Progress, recordProgress, stopped } from "./rows-batch-record.js";
import { describeListed, listedRows, listRows } from "./rows-list.js";
import { readRowBasis, readRowPlan } from "./rows-plan.js";
import { assertSameRows } from "./rows-stale.js";

/**
 * Deletes the plan in several transactions of so many chosen rows, each with all that goes with them.
 *
 * One REPEATABLE READ transaction comes first: it lists all rows of the plan, each with the version that its snapshot
 * shows, and the backup reads exactly these in the same snapshot; no writer waits. Then each batch locks the tables for
 * its own short time, looks anew what its chosen rows take with them, and deletes only if every one of these is on the
 * list in that very version, or was changed by an earlier batch: so nothing goes that the backup does not hold. A batch
 * that would take others is halved until the chosen rows that drag them along are alone, and these are left.
 *
 * The list is a temporary table of the one session that all this runs on. When that dies, the batches that were committed
 * are recorded with the receipt, and the same command begins anew with what is left.
 */
export async function wipeInBatches<Backup extends PreWipeBackup>(
  wiping: RowWiping<Backup>,
  size: number,
): Promise<RowWipeResult<Backup>> {
  await using connection = await wiping.database.connect();
  try {
    const saved = await saveAll(connection, wiping);
    const progress = await deleteAll(connection, { wiping, saved, size });
    return await finish(connection, { wiping, saved, progress });
  } finally {
    // The list goes with the session.
    connection.discard();
  }
}

export interface SavedBackup<Backup extends PreWipeBackup> extends SavedList {
  readonly backup: Backup | undefined;
  readonly allowed: RowWipeResult["allowed"];
}

function saveAll<Backup extends PreWipeBackup>(
  connection: Connection,
  { database, plan, lock, options }: RowWiping<Backup>,
): Promise<SavedBackup<Backup>> {
  const { request } = options;
  const transaction = { isolation: "REPEATABLE READ", lockTimeoutMs: lockTimeoutMs(options) } as const;
  let isListed = false;
  const isRetryable = (error: unknown) => !isListed && isLockRefusal(error);
  return retry({ ...tries(options), isRetryable }, () =>
    inTransaction(connection, transaction, async () => {
      const basis = await readRowBasis(connection, database, request);
      await listRows(connection, basis);
      assertSameRows(plan, await readRowPlan(connection, basis, { request, rows: listedRows }), request);
      isListed = true;
      const list = await saveList(connection, basis);
      const allowed = (await options.guard?.()) ?? [];
      const backup = await options.beforeDelete?.(connection, await describeListed(connection, basis));
      await lock.assertHeld();
      return { ...list, backup, allowed };
    }),
  );
}

interface Batching<Backup extends PreWipeBackup> {
  readonly wiping: RowWiping<Backup>;
  readonly saved: SavedBackup<Backup>;
  readonly size: number;
}

async function deleteAll<Backup extends PreWipeBackup>(
  connection: Connection,
  { wiping, saved, size }: Batching<Backup>,
): Promise<Progress> {
  const { database, plan, lock, options } = wiping;
  let progress = emptyProgress;
  const ranges = divide(saved.chosen, size);
  for (let range = ranges.shift(); range; range = ranges.shift()) {
    options.onProgress?.({ message: `deleting chosen rows ${range.from} to ${range.to} of ${saved.chosen}` });
    let next = progress;
    const { request } = options;
    const batch = { database, plan, request, bounds: options, saved, range, ours: progress.versions };
    try {
      options.signal?.throwIfAborted();
      await lock.assertHeld();
      const state = await deleteBatch(connection, {
        ...batch,
        record: async (deleted) => {
          next = await recordProgress(connection, { wiping, saved, progress: addBatch(progress, deleted) });
        },
      });
      if (state === "done") progress = next;
      else ranges.unshift(...halve(range));
    } catch (error) {
      throw stopped(error, progress);
    }
  }
  return progress;
}

function divide(count: number, size: number): Range[] {
  const ranges: Range[] = [];
  for (let from = 1; from <= count; from += size) ranges.push({ from, to: Math.min(from + size - 1, count) });
  return ranges;
}

/** Nothing for a single row: it stays. */
function halve({ from, to }: Range): readonly Range[] {
  if (from === to) return [];
  const middle = Math.floor((from + to) / 2);
  return [
    { from, to: middle },
    { from: middle + 1, to },
  ];
}
