import type { BackupVerdict } from "../backup/verify.js";
import { type VerifyAllResult, verifyAll, verifyAndMark } from "../backup/verify-all.js";
import { exitCodes, RoomctlError } from "../core/errors.js";
import type { Style } from "../report/style.js";
import { formatBytes, plural } from "../report/text.js";
import { defineCommand, type ParsedInput } from "./command.js";

interface BackupVerifyOptions {
  /** Which one; or all, or all that were not verified yet. */
  readonly which: { readonly backup: string } | "all" | "since-last";
}

export const backupVerify = defineCommand<BackupVerifyOptions, BackupVerdict | VerifyAllResult>({
  name: "backup verify",
  summary: "Read a backup completely and name what is damaged",
  description: [
    "Holds every file against the manifest: presence, length, SHA-256, every block, and the rows in it, counted and hashed again. Needs no database.",
    "The verdict is kept beside the backup: list shows it, and prune counts only what was verified.",
  ],
  words: [{ syntax: "[backup]", description: "Its id, the beginning of it, or latest (the default)" }],
  flags: [
    { flags: "--since-last", description: "Every backup that has not been verified with success" },
    { flags: "--all", description: "Every backup, also those verified before: disks forget" },
    { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
  ],
  examples: [
    { command: "roomctl backup verify", explanation: "the newest backup" },
    {
      command: "roomctl backup verify latest --json",
      explanation: "the same for a script: exit 3 when something is damaged",
    },
    { command: "roomctl backup verify --since-last", explanation: "what is new since the last time; for cron" },
    { command: "roomctl backup verify --all", explanation: "everything again, now and then" },
  ],
  parse: (input) => ({ which: parseWhich(input) }),
  async run({ which }, context) {
    const { clock, signal, onProgress, warn, settings } = context;
    const location = settings.backupRepository.value;
    const onUnmarked = (error: RoomctlError) => warn(`the verdict could not be kept: ${error.message}`);
    const options = { clock, signal, onProgress, onUnmarked };
    if (typeof which === "object") return verifyAndMark(location, which.backup, options);
    return verifyAll(location, { ...options, onlyUnverified: which === "since-last" });
  },
  render: (result, style) => ("verdicts" in result ? allLines(result, style) : verdictLines(result, style)),
  exitCode: ({ ok }) => (ok ? exitCodes.ok : exitCodes.findings),
});

function parseWhich({ words, flags }: ParsedInput): BackupVerifyOptions["which"] {
  const [backup] = words;
  const chosen = [backup !== undefined, flags["sinceLast"] === true, flags["all"] === true].filter(Boolean);
  if (chosen.length > 1) {
    throw new RoomctlError("E_USAGE", "a backup's name, --since-last and --all each choose something else", {
      hint: "roomctl backup verify --since-last",
    });
  }
  if (flags["all"] === true) return "all";
  return flags["sinceLast"] === true ? "since-last" : { backup: backup ?? "latest" };
}

function verdictLines(verdict: BackupVerdict, style: Style): readonly string[] {
  const what = `${plural(verdict.tables, "table")}, ${plural(verdict.rows, "row")}, ${formatBytes(verdict.sizeBytes)}`;
  if (verdict.ok) return [style.good(`backup ${verdict.id} is sound: ${what}`)];
  return [
    style.bad(`backup ${verdict.id} is damaged: ${plural(verdict.findings.length, "finding")}`),
    ...verdict.findings.map((finding) => `  ${finding.message}`),
  ];
}

function allLines({ verdicts, verifiedBefore }: VerifyAllResult, style: Style): readonly string[] {
  const damaged = verdicts.filter(({ ok }) => !ok).length;
  const before = verifiedBefore.length === 0 ? "" : `, ${verifiedBefore.length} verified before`;
  return [
    ...verdicts.flatMap((verdict) => verdictLines(verdict, style)),
    `${plural(verdicts.length, "backup")} read, ${damaged} damaged${before}`,
  ];
}
