import { RoomctlError } from "../core/errors.js";
import { readEpoch } from "../db/announce.js";
import { formatName, quoteName } from "../db/identifier.js";
import { recordOperation } from "../db/operations.js";
import type { Connection } from "../db/pool.js";
import { inTransaction } from "../db/transaction.js";
import type { PreWipeBackup } from "./apply.js";
import type { RowWipeResult, RowWiping, SkippedRows } from "./rows-apply.js";
import type { SavedBackup } from "./rows-batch.js";
import type { DeletedBatch } from "./rows-batch-delete.js";
import { countKept, countPlanned } from "./rows-batch-list.js";

/** What the batches that are committed did. */
export interface Progress {
  /** Numbers of their transactions. */
  readonly versions: readonly number[];
  /** Rows deleted, by table. */
  readonly deleted: ReadonlyMap<string, number>;
  /** References taken back, by the oid of the foreign key. */
  readonly detached: ReadonlyMap<number, number>;
  readonly epoch: number;
  /** Their row in `roomctl.operations`, from the first batch on. */
  readonly operation: number | undefined;
}

export const emptyProgress: Progress = {
  versions: [],
  deleted: new Map(),
  detached: new Map(),
  epoch: 0,
  operation: undefined,
};

interface Recording<Backup extends PreWipeBackup> {
  readonly wiping: RowWiping<Backup>;
  readonly saved: SavedBackup<Backup>;
  readonly progress: Progress;
}

export function addBatch(progress: Progress, batch: DeletedBatch): Progress {
  const deleted = new Map(progress.deleted);
  for (const { table, rowsDeleted } of batch.tables) deleted.set(table, (deleted.get(table) ?? 0) + rowsDeleted);
  const detached = new Map(progress.detached);
  for (const { key, rows } of batch.detached) detached.set(key, (detached.get(key) ?? 0) + rows);
  const versions = [...progress.versions, batch.version];
  return { versions, deleted, detached, epoch: batch.epoch, operation: progress.operation };
}

/** Writes down what is done so far, in the transaction of the batch: one row, which the next batch brings up to date. */
export async function recordProgress<Backup extends PreWipeBackup>(
  connection: Connection,
  recording: Recording<Backup>,
): Promise<Progress> {
  const { progress } = recording;
  const tables = [...progress.deleted].map(([table, rowsDeleted]) => ({ table, rowsDeleted }));
  const result = { ...outcomeOf(recording), state: "partly" as const, tables, skipped: [] };
  return { ...progress, operation: await write(connection, recording, result) };
}

/** Counts what was left and why, and records the end. */
export function finish<Backup extends PreWipeBackup>(
  connection: Connection,
  recording: Recording<Backup>,
): Promise<RowWipeResult<Backup>> {
  const { wiping, saved } = recording;
  // The rows are gone: a count that gave up on a lock would keep the end of it out of the record.
  return inTransaction(connection, { lockTimeoutMs: 0 }, async () => {
    const { tables, skipped } = await countLeft(connection, recording);
    const state: RowWipeResult["state"] = skipped.length === 0 ? "done" : "partly";
    const epoch = recording.progress.epoch > 0 ? recording.progress.epoch : await readEpoch(connection);
    const outcome = { ...outcomeOf(recording), state, tables, skipped, epoch };
    const operation = await write(connection, recording, outcome);
    const backup = saved.backup === undefined ? {} : { backup: saved.backup };
    return { applied: true as const, plan: wiping.plan, ...outcome, ...backup, operation };
  });
}

/** The error that ended it, saying what had been deleted before. */
export function stopped(error: unknown, { operation, deleted }: Progress): unknown {
  if (operation === undefined || !(error instanceof RoomctlError)) return error;
  const rows = [...deleted.values()].reduce((sum, count) => sum + count, 0);
  const why = error.message.replace(/^nothing was (deleted|changed): /, "");
  return new RoomctlError(
    error.code,
    `it ended after ${rows} rows were deleted, which operation ${operation} records: ${why}`,
    {
      hint: error.hint,
      cause: error,
    },
  );
}

function outcomeOf<Backup extends PreWipeBackup>({ wiping, saved, progress }: Recording<Backup>) {
  const { reach } = saved.basis;
  const detached = reach.foreignKeys.flatMap((key) => {
    const child = saved.basis.graph.relations.get(key.child);
    const rowsChanged = progress.detached.get(key.oid) ?? 0;
    return child && rowsChanged > 0 ? [{ table: formatName(child), columns: key.changedColumns, rowsChanged }] : [];
  });
  const receipt = saved.backup === undefined ? {} : { receipt: saved.backup.id };
  return {
    ...receipt,
    resets: [],
    detached,
    sequences: [],
    allowed: saved.allowed,
    epoch: progress.epoch,
    batch: wiping.options.batch,
  };
}

async function write<Backup extends PreWipeBackup>(
  connection: Connection,
  { wiping: { plan, startedAt }, progress: { operation } }: Recording<Backup>,
  result: Pick<RowWipeResult, "epoch" | "state">,
): Promise<number> {
  if (operation === undefined) return recordOperation(connection, { kind: "wipe", startedAt, plan, result });
  await connection.execute("UPDATE roomctl.operations SET result = $2, finished_at = clock_timestamp() WHERE id = $1", [
    operation,
    JSON.stringify(result),
  ]);
  await connection.execute("UPDATE roomctl.epochs SET operation = $1 WHERE epoch = $2 AND operation IS NULL", [
    operation,
    result.epoch,
  ]);
  return operation;
}

async function countLeft<Backup extends PreWipeBackup>(connection: Connection, { saved, progress }: Recording<Backup>) {
  const { graph, reach } = saved.basis;
  const planned = new Map<string, number>();
  const left = new Map<string, number>();
  for (const { key, rows } of await countPlanned(connection)) {
    const leaf = graph.relations.get(key);
    const unit = reach.unitOf.get(key);
    if (!leaf || !unit) continue;
    const table = formatName(unit);
    planned.set(table, (planned.get(table) ?? 0) + rows);
    left.set(table, (left.get(table) ?? 0) + (await countKept(connection, `ONLY ${quoteName(leaf)}`)));
  }
  const skipped: SkippedRows[] = [];
  const tables = [...planned].map(([table, rows]) => {
    const rowsDeleted = progress.deleted.get(table) ?? 0;
    const rowsLeft = left.get(table) ?? 0;
    const moved = rows - rowsDeleted - rowsLeft;
    if (rowsLeft > 0) skipped.push({ table, rows: rowsLeft, reason: keptReason });
    if (moved > 0) skipped.push({ table, rows: moved, reason: "they went or changed after the backup was taken" });
    return { table, rowsDeleted, rowsLeft };
  });
  return { tables, skipped };
}

const keptReason = "rows that the backup does not hold refer to them, or the condition no longer holds";
