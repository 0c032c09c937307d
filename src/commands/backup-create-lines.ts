import { formatDuration } from "../core/duration.js";
import { formatName } from "../db/identifier.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatBytes, formatCount, plural } from "../report/text.js";
import type { BackupCreateResult } from "./backup-create.js";

/** A line for each table, and what the backup is. */
export function backupCreateLines(result: BackupCreateResult, style: Style): readonly string[] {
  const columns = [{ title: "table" }, { title: "rows", align: "right" }, { title: "stored", align: "right" }] as const;
  const rows = result.tables.map((table) => [formatName(table), formatCount(table.rows), formatBytes(table.sizeBytes)]);
  const what = `${plural(result.tables.length, "table")}, ${plural(result.rows, "row")}, ${formatBytes(result.sizeBytes)}`;
  const made = `backup ${result.id}: ${what} in ${formatDuration(result.durationMs)}`;
  const table = rows.length > 0 ? [...tableLines(columns, rows, style), ""] : [];
  return [...table, style.good(made), ...verdictLines(result, style), result.directory];
}

function verdictLines({ verification }: BackupCreateResult, style: Style): readonly string[] {
  if (verification === null) return [];
  if (verification.ok) return [style.good("read back: every file and row is as it was written")];
  const { findings } = verification;
  return [
    style.bad(`read back: damaged, ${plural(findings.length, "finding")}`),
    ...findings.map(({ message }) => `  ${message}`),
  ];
}
