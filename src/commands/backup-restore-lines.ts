import type { BackupReceipt } from "../backup/create.js";
import { formatDuration } from "../core/duration.js";
import { formatName, isSameName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Environment } from "../db/marker.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatBytes, formatCount, plural, printable } from "../report/text.js";
import type { RestoreResult } from "../restore/apply.js";
import type { LookResult } from "../restore/look.js";
import type { RestorePlan } from "../restore/plan.js";
import type { WholeRestored } from "./backup-restore-whole.js";

/** What a restore would do. */
export function restorePlanLines(plan: RestorePlan, style: Style): readonly string[] {
  const columns = [{ title: "table" }, { title: "rows", align: "right" }, { title: "stored", align: "right" }] as const;
  const rows = plan.tables.map((table) => [formatName(table), formatCount(table.rows), formatBytes(table.sizeBytes)]);
  const constraints = plan.suspendedConstraints.map(({ schema, table, name }) =>
    printable(`${formatName({ schema, name: table })}.${name}`),
  );
  const triggers = plan.pausedTriggers.map(({ schema, table, name }) =>
    printable(`${formatName({ schema, name: table })}.${name}`),
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

/** What a restore would replace, and how to go on. */
export function replacePlanLines(
  { plan, token, next }: { readonly plan: RestorePlan; readonly token: string; readonly next: string },
  style: Style,
): readonly string[] {
  const columns = [
    { title: "table" },
    { title: "rows now", align: "right" },
    { title: "rows then", align: "right" },
  ] as const;
  const rows = plan.tables.map((table) => {
    const now = plan.replaced.find((replaced) => isSameName(replaced, table))?.rows ?? 0;
    return [formatName(table), formatCount(now), formatCount(table.rows)];
  });
  const gone = plan.replaced.reduce((sum, table) => sum + table.rows, 0);
  return [
    ...tableLines(columns, rows, style),
    "",
    `${style.strong(plural(gone, "row"))} in ${JSON.stringify(plan.database)} would be replaced by ${plural(plan.rows, "row")} of backup ${plan.backup}. Nothing was changed.`,
    `To do it:                    ${next}`,
    `Unattended, only this plan:  ${next.replace(/ --confirm$/, "")} --plan ${token}`,
  ];
}

/** What a whole restore would make. */
export function wholePlanLines({ plan }: Pick<WholeRestored, "plan">, style: Style): readonly string[] {
  const { backup, database, keepsAs, isResumed, next } = plan;
  const what = `${plural(plan.tables, "table")}, ${plural(plan.rows, "row")} of backup ${backup} (schema: ${plan.schema})`;
  return [
    ...(isResumed ? ["a restore of this backup was cut off, and would go on where it was"] : []),
    ...(keepsAs === null
      ? [`would restore ${what} into ${JSON.stringify(database)}`]
      : [
          `would restore ${what} into a new database, which takes the place of ${style.strong(JSON.stringify(database))}`,
          `the database that is there now would be kept as ${JSON.stringify(keepsAs)}; nobody may be connected to it then`,
        ]),
    "nothing was changed",
    ...(next === undefined ? [] : [`To do it:  ${next}`]),
  ];
}

/** What a whole restore made, how long each phase took, and what is left to do. */
export function wholeReceiptLines(
  { plan, receipt, environment, durationMs }: WholeRestored,
  style: Style,
): readonly string[] {
  const database = JSON.stringify(plan.database);
  const what = `${plural(plan.tables, "table")}, ${plural(plan.rows, "row")}`;
  const phases = (receipt?.phases ?? []).map(({ name, durationMs }) => `${name} ${formatDuration(durationMs)}`);
  return [
    ...(receipt?.isResumed === true ? ["went on where another run was cut off"] : []),
    style.good(`restored ${what} of backup ${plan.backup} into ${database} in ${formatDuration(durationMs)}`),
    ...(phases.length > 0 ? [phases.join(", ")] : ["it was complete already, and only had to get its name"]),
    "every table, sequence and large object equals the backup's",
    ...(plan.keepsAs === null
      ? []
      : [`the database that was there is ${JSON.stringify(plan.keepsAs)} now; drop it when you need it no more`]),
    markLine(database, environment),
  ];
}

/** What lies where, to be looked at. */
export function lookLines(
  plan: { readonly backup: string; readonly schema: string; readonly tables: number; readonly rows: number },
  receipt: LookResult | null,
  style: Style,
): readonly string[] {
  const what = `${plural(plan.tables, "table")}, ${plural(plan.rows, "row")} of backup ${plan.backup}`;
  if (receipt === null) return [`would put ${what} into the new schema ${printable(plan.schema)}; nothing was changed`];
  const [first] = receipt.tables;
  return [
    style.good(`${what} lie in schema ${printable(plan.schema)}, loaded in ${formatDuration(receipt.durationMs)}`),
    ...(first ? [`look at them: SELECT * FROM ${printable(quoteName(first))}`] : []),
    `and when done: DROP SCHEMA ${printable(quoteIdentifier(plan.schema))} CASCADE`,
  ];
}

function markLine(database: string, environment: Environment | null): string {
  return `${database} is ${environment === null ? "not marked, which counts as protected" : `marked ${environment}`}`;
}

export interface RestoredDatabase {
  readonly plan: RestorePlan;
  readonly migrated: readonly string[];
  readonly environment: Environment | null;
  readonly receipt: RestoreResult;
  /** Holds what was replaced, where that was somebody's. */
  readonly backup?: BackupReceipt;
}

/** What a restore did, and how the database is marked after it. */
export function restoreReceiptLines(
  { plan, migrated, environment, receipt, backup }: RestoredDatabase,
  style: Style,
): readonly string[] {
  const database = JSON.stringify(plan.database);
  const what = `${plural(receipt.tables.length, "table")}, ${plural(receipt.rows, "row")}`;
  return [
    ...(migrated.length > 0 ? [`applied ${plural(migrated.length, "migration")}`] : []),
    ...plan.replaced.map(
      (table) =>
        `replaced ${plural(table.rows, "row")} ${migrated.length > 0 ? "that migrations put into" : "of"} ${printable(formatName(table))}`,
    ),
    style.good(
      `restored ${what} of backup ${receipt.backup} into ${database} in ${formatDuration(receipt.durationMs)}`,
    ),
    `every table's content equals the backup's; ${plural(receipt.sequences.length, "sequence stands", "sequences stand")} past what was loaded`,
    ...(backup ? [`receipt ${style.strong(backup.id)}: the replaced rows, verified, in ${backup.directory}`] : []),
    markLine(database, environment),
  ];
}
