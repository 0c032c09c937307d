import { RoomctlError } from "../core/errors.js";
import { retry } from "../core/retry.js";
import type { Connection, Database } from "../db/pool.js";
import { inTransaction } from "../db/transaction.js";
import { type ApplyWipeOptions, lockTimeoutMs, type PreWipeBackup, tries } from "./apply.js";
import { isLockRefusal, lockRelations } from "./locks.js";
import type { WipePlan } from "./plan.js";
import { announceRows } from "./rows-announce.js";
import {
  countDetached,
  countStrangers,
  type KeyedCount,
  narrowClosure,
  type Range,
  readStorage,
  type SavedList,
} from "./rows-batch-list.js";
import { type DeletedTable, deleteListed } from "./rows-delete.js";
import { listRows } from "./rows-list.js";
import { type RowWipeRequest, readRowBasis } from "./rows-plan.js";
import { unitExpression } from "./rows-reach.js";

export interface BatchRequest {
  readonly database: Database;
  readonly plan: WipePlan;
  readonly request: RowWipeRequest;
  readonly bounds: Pick<ApplyWipeOptions<PreWipeBackup>, "lockTimeoutMs" | "attempts" | "signal">;
  readonly saved: SavedList;
  readonly range: Range;
  /** Numbers of the transactions of earlier batches. */
  readonly ours: readonly number[];
  /** Runs at the end of the transaction, so that the record is there exactly when the rows are gone. */
  readonly record: (batch: DeletedBatch) => Promise<void>;
}

export interface DeletedBatch {
  /** The number of its transaction. */
  readonly version: number;
  readonly epoch: number;
  readonly tables: readonly DeletedTable[];
  /** References that were taken back, by the oid of the foreign key. */
  readonly detached: readonly KeyedCount[];
}

/** Deletes one batch, all of it or nothing. `strangers`: nothing, because rows would go with it that are not saved. */
export function deleteBatch(connection: Connection, batch: BatchRequest): Promise<"done" | "strangers"> {
  const timeoutMs = lockTimeoutMs(batch.bounds);
  return retry({ ...tries(batch.bounds), isRetryable: isLockRefusal }, () =>
    // No savepoint in here: what a row's version says is the transaction that wrote it, and a savepoint has its own.
    inTransaction(connection, { lockTimeoutMs: timeoutMs }, async () => {
      const { basis: known } = batch.saved;
      const relations = known.reach.units.map(unitExpression);
      await lockRelations(connection, { relations, mode: "SHARE ROW EXCLUSIVE", timeoutMs });
      const basis = await readRowBasis(connection, batch.database, batch.request);
      if ((await readStorage(connection, basis)) !== batch.saved.storage) throw rebuilt();
      const closure = narrowClosure(basis, batch.range);
      await listRows(connection, closure);
      if ((await countStrangers(connection, batch.ours)) > 0) return "strangers";
      const detached = await countDetached(connection);
      const epoch = await announceRows(connection, closure, batch.plan);
      const tables = await deleteListed(connection, closure);
      const [row] = await connection.query<{ version: string }>("SELECT pg_current_xact_id()::xid::text AS version");
      await batch.record({ version: Number(row?.version), epoch, tables, detached });
      return "done";
    }),
  );
}

function rebuilt(): RoomctlError {
  return new RoomctlError(
    "E_PLAN_STALE",
    "nothing was deleted: a table was rebuilt, or a foreign key came, since the plan",
    {
      hint: "run the same command again for what is left",
    },
  );
}
