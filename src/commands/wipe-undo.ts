import { exitCodes } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { applyUndo, planUndo, type UndoPlan, type UndoResult } from "../restore/undo.js";
import { findWipe } from "../restore/undo-find.js";
import { defineCommand } from "./command.js";
import { undoPlanLines, undoResultLines } from "./wipe-undo-lines.js";

interface WipeUndoOptions {
  readonly receipt: string;
  readonly merges: boolean;
  readonly isDryRun: boolean;
}

/** What would come back, or what did. */
export type WipeUndoResult =
  | (UndoPlan & { readonly applied: false; readonly next: string })
  | (UndoResult & { readonly applied: true });

export const wipeUndo = defineCommand<WipeUndoOptions, WipeUndoResult>({
  name: "wipe undo",
  summary: "Bring back what a wipe deleted or reset, proven by fingerprint",
  description: [
    "Verifies the wipe's backup completely, then brings everything back in one transaction: rows, sequences, old values of columns. Nothing is overwritten, so it asks for no consent.",
    "Without --merge it is all or nothing: whatever is in the way by now (new rows, changed values) refuses it. With --merge what has room comes back, and the rest is listed as conflicts, with exit 5.",
    "A wipe is undone once. The receipt must be of this very database, where roomctl.operations has it.",
  ],
  words: [{ syntax: "<receipt>", description: "What the wipe printed, the beginning of it, or latest" }],
  flags: [
    { flags: "--merge", description: "Bring back what has room beside rows that are there now, and report the rest" },
    { flags: "--dry-run", description: "Show what would come back and change nothing" },
    { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
  ],
  examples: [
    {
      command: "roomctl wipe undo latest --dry-run",
      explanation: "show what undoing the newest wipe would bring back",
    },
    { command: "roomctl wipe undo latest", explanation: "do it" },
    { command: "roomctl wipe undo latest --merge", explanation: "the same beside rows that were inserted since" },
  ],
  parse: ({ words, flags }) => ({
    receipt: words[0] ?? "latest",
    merges: flags["merge"] === true,
    isDryRun: flags["dryRun"] === true,
  }),
  async run({ receipt, merges, isDryRun }, context) {
    const { settings, clock, signal, onProgress } = context;
    await using database = await context.openDatabase();
    const found = await findWipe(database, settings.backupRepository.value, receipt, { signal, onProgress });
    const options = {
      merges,
      clock,
      signal,
      onProgress,
      lockWaitMs: settings.lockWaitMs.value,
      lockTimeoutMs: settings.lockTimeoutMs.value,
    };
    if (!isDryRun) return { ...(await applyUndo(database, found, options)), applied: true };
    const next = context.repeat(`roomctl wipe undo ${shellWord(found.receipt)}${merges ? " --merge" : ""}`);
    return { ...(await planUndo(database, found, options)), applied: false, next };
  },
  render: (result, style) => (result.applied ? undoResultLines(result, style) : undoPlanLines(result, style)),
  exitCode: (result) => (result.applied && !result.isComplete ? exitCodes.partial : exitCodes.ok),
});
