import type { WipeScope } from "../../src/core/catalogue.js";
import { systemClock } from "../../src/core/clock.js";
import type { Database } from "../../src/db/pool.js";
import type { RowApp, RowConditions } from "../../src/wipe/rows-choice.js";
import type { RowWipeRequest } from "../../src/wipe/rows-plan.js";

/** A request for some rows of named tables; `now` is real unless told. */
export function rowsOf(
  tables: readonly string[],
  conditions: RowConditions,
  more: { readonly app?: Partial<RowApp>; readonly now?: Date; readonly scopes?: readonly string[] } = {},
): RowWipeRequest {
  const scopes: readonly WipeScope[] = [];
  return { app: { scopes, ...more.app }, scopes: more.scopes ?? [], tables, conditions, now: more.now ?? new Date() };
}

/** What `applyRowWipe` needs at least; what foreign keys take along is accepted. */
export function rowOptions(request: RowWipeRequest) {
  return { request, acceptsCascade: true, clock: systemClock };
}

export async function idsIn(database: Database, table: string, column = "id"): Promise<readonly number[]> {
  const rows = await database.query<{ id: number }>(`SELECT ${column}::int AS id FROM ${table} ORDER BY 1`);
  return rows.map(({ id }) => id);
}
