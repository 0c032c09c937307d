import type { PruneOutcome } from "../backup/prune.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatBytes, formatTime, plural } from "../report/text.js";
import type { BackupPruneResult } from "./backup-prune.js";

/** Each backup with what became of it and why, then one line for the whole. */
export function pruneLines(result: BackupPruneResult, style: Style): readonly string[] {
  const { backups, repository, verdicts } = result;
  if (backups.length === 0) return [`no backups in ${repository}`];
  const columns = ["backup", "created", "database", "state", "", "why"].map((title) => ({ title }));
  const rows = backups.map((backup) => [
    backup.id,
    backup.createdAt === null ? "" : formatTime(new Date(backup.createdAt)),
    backup.database ?? "",
    backup.isWhole === false ? `${backup.state} (chosen)` : backup.state,
    outcomeText(backup, style),
    [...(backup.error === null ? [] : [backup.error]), ...backup.reasons].join("; "),
  ]);
  const damaged = verdicts.filter(({ ok }) => !ok);
  return [
    ...damaged.map(({ id, findings }) => style.bad(`backup ${id} is damaged: ${plural(findings.length, "finding")}`)),
    ...tableLines(columns, rows, style),
    "",
    ...summaryLines(result, style),
  ];
}

function outcomeText({ outcome }: PruneOutcome, style: Style): string {
  if (outcome === "kept") return "keep";
  if (outcome === "planned") return "delete";
  return outcome === "failed" ? style.bad("failed") : outcome;
}

function summaryLines({ backups, applied, deleted, failed, freedBytes }: BackupPruneResult, style: Style): string[] {
  const planned = backups.filter(({ outcome }) => outcome === "planned").length;
  const kept = backups.filter(({ isKept }) => isKept);
  if (!applied) {
    return [`${plural(planned, "backup")} would be deleted (${formatBytes(freedBytes)}), ${kept.length} kept`];
  }
  const done = `${plural(deleted, "backup")} deleted (${formatBytes(freedBytes)}), ${kept.length} kept`;
  return [failed > 0 ? style.bad(`${done}, ${failed} could not be deleted`) : style.good(done)];
}
