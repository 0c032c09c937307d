import { type BackupList, type ListedBackup, listBackups } from "../backup/list.js";
import { tableLines } from "../report/table.js";
import { formatBytes, formatCount, formatTime } from "../report/text.js";
import { defineCommand } from "./command.js";

export const backupList = defineCommand<Record<never, never>, BackupList>({
  name: "backup list",
  summary: "List the backups of the repository",
  description: [
    "Newest first. Looks at manifests and file sizes; roomctl backup verify reads every byte.",
    "complete: all there, but not read since. verified: every byte was read, and when. Pinned ones are never pruned.",
  ],
  flags: [{ flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" }],
  examples: [{ command: "roomctl backup list", explanation: "every backup, newest first" }],
  parse: () => ({}),
  run: (_options, context) => listBackups(context.settings.backupRepository.value),
  render({ repository, backups }, style) {
    if (backups.length === 0) return [`no backups in ${repository}`];
    const columns = [
      { title: "backup" },
      { title: "created" },
      { title: "database" },
      { title: "tables", align: "right" },
      { title: "rows", align: "right" },
      { title: "stored", align: "right" },
      { title: "state" },
      { title: "note" },
    ] as const;
    return tableLines(
      columns,
      backups.map((backup) => [
        backup.id,
        backup.createdAt === null ? "" : formatTime(new Date(backup.createdAt)),
        backup.database ?? "",
        `${count(backup.tables)}${backup.isWhole === false ? " (chosen)" : ""}`,
        count(backup.rows),
        formatBytes(backup.sizeBytes),
        state(backup),
        backup.note ?? "",
      ]),
      style,
    );
  },
});

function count(value: number | null): string {
  return value === null ? "" : formatCount(value);
}

function state({ state, why, verification, pin }: ListedBackup): string {
  const verified = state === "verified" && verification ? ` ${formatTime(new Date(verification.verifiedAt))}` : "";
  const pinned = pin === null ? "" : `, pinned${pin.note === null ? "" : `: ${pin.note}`}`;
  return `${state}${verified}${why === null ? "" : `: ${why}`}${pinned}`;
}
