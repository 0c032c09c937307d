import { findBackup } from "../backup/find.js";
import { pinnedMark } from "../backup/marks.js";
import { openRepository } from "../backup/repository.js";
import { defineCommand } from "./command.js";

interface BackupUnpinResult {
  readonly id: string;
  readonly wasPinned: boolean;
}

export const backupUnpin = defineCommand<{ readonly backup: string }, BackupUnpinResult>({
  name: "backup unpin",
  summary: "Let prune decide about a pinned backup again",
  words: [{ syntax: "<backup>", description: "Its id, the beginning of it, or latest" }],
  flags: [{ flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" }],
  examples: [{ command: "roomctl backup unpin latest", explanation: "the newest one is like any other again" }],
  parse: ({ words }) => ({ backup: words[0] ?? "" }),
  async run({ backup }, { settings }) {
    const stored = await findBackup(openRepository(settings.backupRepository.value), backup);
    return { id: stored.id, wasPinned: await stored.removeMark(pinnedMark) };
  },
  render: ({ id, wasPinned }) => [wasPinned ? `backup ${id} is not pinned any more` : `backup ${id} was not pinned`],
});
