import { createBackup } from "../../src/backup/create.js";
import type { WipeScope } from "../../src/core/catalogue.js";
import { systemClock } from "../../src/core/clock.js";
import { parseName, quoteName } from "../../src/db/identifier.js";
import type { Database, Queryable } from "../../src/db/pool.js";
import { applyUndo, planUndo, type UndoPlan, type UndoResult } from "../../src/restore/undo.js";
import { findWipe } from "../../src/restore/undo-find.js";
import { applyWipe, type WipeResult } from "../../src/wipe/apply.js";
import { planWipe } from "../../src/wipe/plan.js";
import { isDifferent } from "../../src/wipe/resets.js";
import { wipeOptions } from "./wipe.js";

/** Wipes the scopes, with a backup of the emptied tables and of the rows whose columns are reset. */
export async function wipeSaved(
  database: Database,
  repository: string,
  scopes: readonly WipeScope[],
  names: readonly string[] = [],
): Promise<WipeResult> {
  const plan = await planWipe(database, scopes, names);
  const tables = [...plan.tables, ...plan.cascades, ...plan.resets].map(({ table }) => parseName(table));
  const conditions = new Map(plan.resets.map((reset) => [quoteName(parseName(reset.table)), isDifferent(reset)]));
  return applyWipe(database, plan, {
    ...wipeOptions(scopes),
    acceptsCascade: true,
    beforeDelete: (connection) =>
      createBackup(database, { repository, tables, conditions, connection, clock: systemClock }),
  });
}

export interface UndoRequest {
  readonly receipt?: string;
  readonly merges?: boolean;
  readonly lockTimeoutMs?: number;
  readonly lockWaitMs?: number;
}

export async function undo(database: Database, repository: string, request: UndoRequest = {}): Promise<UndoResult> {
  const found = await findWipe(database, repository, request.receipt ?? "latest");
  return applyUndo(database, found, { merges: false, clock: systemClock, ...request });
}

export async function undoPlan(database: Database, repository: string, request: UndoRequest = {}): Promise<UndoPlan> {
  const found = await findWipe(database, repository, request.receipt ?? "latest");
  return planUndo(database, found, { merges: false, clock: systemClock, ...request });
}

/** Where every sequence of the app stands: what it hands out next. */
export async function readPositions(queryable: Queryable): Promise<Readonly<Record<string, string>>> {
  const rows = await queryable.query<{ name: string; position: string }>(
    `SELECT schemaname || '.' || sequencename AS name, coalesce(last_value::text, 'not called') AS position
       FROM pg_sequences WHERE schemaname <> 'roomctl' ORDER BY 1`,
  );
  return Object.fromEntries(rows.map(({ name, position }) => [name, position]));
}
