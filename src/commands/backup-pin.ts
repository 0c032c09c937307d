import { findBackup } from "../backup/find.js";
import { type Pin, writePin } from "../backup/marks.js";
import { openRepository } from "../backup/repository.js";
import { printable } from "../report/text.js";
import { defineCommand } from "./command.js";

interface BackupPinOptions {
  readonly backup: string;
  readonly note: string | undefined;
}

interface BackupPinResult {
  readonly id: string;
  readonly pin: Pin;
}

export const backupPin = defineCommand<BackupPinOptions, BackupPinResult>({
  name: "backup pin",
  summary: "Keep a backup whatever the rules of prune say",
  words: [{ syntax: "<backup>", description: "Its id, the beginning of it, or latest" }],
  flags: [
    { flags: "--note <text>", description: "Why it must stay" },
    { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
  ],
  examples: [
    { command: "roomctl backup pin latest --note 'before the import'", explanation: "keep the newest one for good" },
  ],
  parse: ({ words, flags }) => ({
    backup: words[0] ?? "",
    note: typeof flags["note"] === "string" ? flags["note"] : undefined,
  }),
  async run({ backup, note }, { settings, clock }) {
    const repository = openRepository(settings.backupRepository.value);
    const stored = await findBackup(repository, backup);
    const pin = { pinnedAt: clock.now().toISOString(), note: note ?? null };
    await writePin(stored, pin);
    // A prune that was about to take it away puts it back when it finds the pin; until then it is not there.
    return { id: (await findBackup(repository, stored.id)).id, pin };
  },
  render: ({ id, pin }, style) => [
    style.good(`backup ${id} is pinned${pin.note === null ? "" : `: ${printable(pin.note)}`}`),
  ],
});
