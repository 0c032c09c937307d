import { type BackupVerdict, verifyBackup } from "../backup/verify.js";
import { exitCodes } from "../core/errors.js";
import { formatBytes, plural } from "../report/text.js";
import { defineCommand } from "./command.js";

interface BackupVerifyOptions {
  readonly backup: string;
}

export const backupVerify = defineCommand<BackupVerifyOptions, BackupVerdict>({
  name: "backup verify",
  summary: "Read a backup completely and name what is damaged",
  description: [
    "Holds every file against the manifest: presence, length, SHA-256 as stored and unpacked, number of rows. Needs no database.",
  ],
  words: [{ syntax: "[backup]", description: "Its id, the beginning of it, or latest (the default)" }],
  flags: [{ flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" }],
  examples: [
    { command: "roomctl backup verify", explanation: "the newest backup" },
    {
      command: "roomctl backup verify latest --json",
      explanation: "the same for a script: exit 3 when something is damaged",
    },
  ],
  parse: ({ words }) => ({ backup: words[0] ?? "latest" }),
  run: ({ backup }, context) =>
    verifyBackup(context.settings.backupRepository.value, backup, {
      signal: context.signal,
      onProgress: context.onProgress,
    }),
  render(verdict, style) {
    const what = `${plural(verdict.tables, "table")}, ${plural(verdict.rows, "row")}, ${formatBytes(verdict.sizeBytes)}`;
    if (verdict.ok) return [style.good(`backup ${verdict.id} is sound: ${what}`)];
    return [
      style.bad(`backup ${verdict.id} is damaged: ${plural(verdict.findings.length, "finding")}`),
      ...verdict.findings.map((finding) => `  ${finding.message}`),
    ];
  },
  exitCode: ({ ok }) => (ok ? exitCodes.ok : exitCodes.findings),
});
