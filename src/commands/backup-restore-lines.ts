import type { RestoreResult } from "../backup/restore-apply.js";
import type { RestorePlan } from "../backup/restore-plan.js";
import { formatDuration } from "../core/duration.js";
import { formatName } from "../db/identifier.js";
import type { Environment } from "../db/marker.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatBytes, formatCount, plural } from "../report/text.js";

/** What a restore would do. */
export function restorePlanLines(plan: RestorePlan, style: Style): readonly string[] {
  const columns = [{ title: "table" }, { title: "rows", align: "right" }, { title: "stored", align: "right" }] as const;
  const rows = plan.tables.map((table) => [formatName(table), formatCount(table.rows), formatBytes(table.sizeBytes)]);
  const constraints = plan.suspendedConstraints.map(
    ({ schema, table, name }) => `${formatName({ schema, name: table })}.${name}`,
  );
  const triggers = plan.pausedTriggers.map(
    ({ schema, table, name }) => `${formatName({ schema, name: table })}.${name}`,
  );
  return [
    ...tableLines(columns, rows, style),
    "",
    ...(plan.target === "empty"
      ? [`runs ${plural(plan.migrations.length, "migration")} first: the database is empty`]
      : []),
    ...(constraints.length > 0 ? [`dropped for the load and added again: ${constraints.join(", ")}`] : []),
    ...(triggers.length > 0 ? [`do not fire for restored rows: ${triggers.join(", ")}`] : []),
    `would restore ${plural(plan.rows, "row")} of backup ${plan.backup} into ${JSON.stringify(plan.database)}; nothing was changed`,
  ];
}

export interface RestoredDatabase {
  readonly plan: RestorePlan;
  readonly migrated: readonly string[];
  readonly environment: Environment | null;
  readonly receipt: RestoreResult;
}

/** What a restore did, and how the database is marked after it. */
export function restoreReceiptLines(
  { plan, migrated, environment, receipt }: RestoredDatabase,
  style: Style,
): readonly string[] {
  const database = JSON.stringify(plan.database);
  const what = `${plural(receipt.tables.length, "table")}, ${plural(receipt.rows, "row")}`;
  return [
    ...(migrated.length > 0 ? [`applied ${plural(migrated.length, "migration")}`] : []),
    ...plan.replaced.map(
      (table) => `replaced ${plural(table.rows, "row")} that migrations put into ${formatName(table)}`,
    ),
    style.good(
      `restored ${what} of backup ${receipt.backup} into ${database} in ${formatDuration(receipt.durationMs)}`,
    ),
    `every table's content equals the backup's; ${plural(receipt.sequences.length, "sequence")} stand past what was loaded`,
    `${database} is ${environment === null ? "not marked, which counts as protected" : `marked ${environment}`}`,
  ];
}
