import { describePlan, type PrunePlan, type PruneResult, planPrune, prune } from "../backup/prune.js";
import type { BackupVerdict } from "../backup/verify.js";
import { verifyAll } from "../backup/verify-all.js";
import { type ExitCode, exitCodes, RoomctlError } from "../core/errors.js";
import { plural } from "../report/text.js";
import { pruneLines } from "./backup-prune-lines.js";
import { type PruneChoice, parsePrune, pruneFlags } from "./backup-prune-options.js";
import { type CommandContext, defineCommand } from "./command.js";

interface BackupPruneOptions extends PruneChoice {
  readonly dryRun: boolean;
  readonly verifies: boolean;
}

export interface BackupPruneResult extends PruneResult {
  /** Of --verify: the ones that had no successful verification yet. */
  readonly verdicts: readonly BackupVerdict[];
}

export const backupPrune = defineCommand<BackupPruneOptions, BackupPruneResult>({
  name: "backup prune",
  summary: "Delete backups that no keep rule holds, never the newest verified ones",
  description: [
    "At least one rule must be given; together they are the consent, so it asks nothing. A backup stays when any rule holds it; each database is judged by itself.",
    "Only whole backups that were verified fill a rule's slots. One that was not stays where it would fill one; pinned ones always stay. See docs/backup-retention.md.",
  ],
  flags: [
    ...pruneFlags,
    { flags: "--verify", description: "First read every backup that was not verified yet" },
    { flags: "--dry-run", description: "Show each backup with the reason why it stays or goes, and change nothing" },
    { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
  ],
  examples: [
    {
      command: "roomctl backup prune --keep-daily 7 --keep-weekly 4 --keep-monthly 12 --dry-run",
      explanation: "what such a policy would delete, and why",
    },
    {
      command: "roomctl backup prune --keep-within 14d --keep-monthly 12 --keep-chosen 90d --verify",
      explanation: "verify what is new, then delete; for cron",
    },
  ],
  parse({ flags }) {
    const [dryRun, verifies] = [flags["dryRun"] === true, flags["verify"] === true];
    if (dryRun && verifies) {
      throw new RoomctlError("E_USAGE", "--verify leaves marks on backups, and --dry-run leaves nothing", {
        hint: "verify first: roomctl backup verify --since-last",
      });
    }
    return { ...parsePrune({ flags }), dryRun, verifies };
  },
  async run({ policy, timeZone, dryRun, verifies }, context) {
    const location = context.settings.backupRepository.value;
    const { clock, signal, onProgress } = context;
    const rules = { policy, timeZone, clock };
    const plan = await planPrune(location, rules);
    // Nothing to delete, not even a folder to lock.
    if (dryRun || plan.backups.length === 0) {
      tellOfUnverified(plan, context);
      return { ...describePlan(plan), verdicts: [] };
    }
    const verdicts = verifies ? await verifyNew(location, context) : [];
    const waitMs = context.settings.lockWaitMs.value;
    const result = await prune(location, { ...rules, waitMs, signal, onProgress });
    for (const name of result.swept) context.tell(`removed ${name}, left behind by a run that was killed`);
    tellOfUnverified(result, context);
    return { ...result, verdicts };
  },
  render: pruneLines,
  exitCode({ failed, verdicts }): ExitCode {
    if (failed > 0) return exitCodes.partial;
    return verdicts.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.findings;
  },
});

function tellOfUnverified({ backups }: PrunePlan, { tell, repeat }: CommandContext): void {
  const unverified = backups.filter(({ isKept, isWhole, state }) => isKept && isWhole && state === "complete").length;
  if (unverified === 0) return;
  const what = plural(unverified, "kept backup is", "kept backups are");
  tell(`${what} unverified and counted by no rule: ${repeat("roomctl backup verify --since-last")}`);
}

async function verifyNew(
  location: string,
  { clock, signal, onProgress, warn }: CommandContext,
): Promise<readonly BackupVerdict[]> {
  const onUnmarked = (error: RoomctlError) => warn(error.message);
  return (await verifyAll(location, { onlyUnverified: true, clock, signal, onProgress, onUnmarked })).verdicts;
}
