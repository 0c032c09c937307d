import type { KeptFor, RetentionPolicy } from "../backup/retention.js";
import { createPeriods } from "../backup/retention-period.js";
import { parseDurationMs } from "../core/duration.js";
import { RoomctlError } from "../core/errors.js";
import type { Flag, ParsedInput } from "./command.js";

export const pruneFlags: readonly Flag[] = [
  { flags: "--keep-last <count>", description: "Keep the newest so many" },
  { flags: "--keep-hourly <count>", description: "Keep the newest of each hour, for so many hours that have one" },
  { flags: "--keep-daily <count>", description: "The same for days" },
  { flags: "--keep-weekly <count>", description: "The same for weeks, which begin on Monday (ISO 8601)" },
  { flags: "--keep-monthly <count>", description: "The same for months" },
  { flags: "--keep-yearly <count>", description: "The same for years" },
  { flags: "--keep-within <duration>", description: "Keep all that are at most so much older than the newest: 30d" },
  {
    flags: "--keep-chosen <duration>",
    description: "How long backups of chosen tables stay, a wipe's among them (default: always)",
  },
  { flags: "--keep-damaged <duration>", description: "How long damaged ones stay once that was found (default: 30d)" },
  { flags: "--min-keep <count>", description: "Verified backups that stay in any case, the newest (default: 1)" },
  { flags: "--time-zone <name>", description: "Where hours, days, weeks, months and years begin (default: UTC)" },
];

const counted = ["last", "hourly", "daily", "weekly", "monthly", "yearly"] as const;

export interface PruneChoice {
  readonly policy: RetentionPolicy;
  readonly timeZone: string;
}

/** Reads the flags above. Throws E_USAGE, also when no rule is given: nothing is deleted without one. */
export function parsePrune({ flags }: Pick<ParsedInput, "flags">): PruneChoice {
  const slots = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
  for (const name of counted) {
    const given = flags[`keep${name.charAt(0).toUpperCase()}${name.slice(1)}`];
    if (given !== undefined) slots[name] = parseCount(given, `--keep-${name}`, 0);
  }
  const within = parseAge(flags["keepWithin"], "--keep-within");
  if (within === null && counted.every((name) => slots[name] === 0)) {
    throw new RoomctlError("E_USAGE", "no rule says which backups to keep, so none is deleted", {
      hint: "roomctl backup prune --keep-daily 7 --keep-weekly 4 --keep-monthly 12 --dry-run",
    });
  }
  const timeZone = typeof flags["timeZone"] === "string" ? flags["timeZone"] : "UTC";
  createPeriods(timeZone);
  const policy: RetentionPolicy = {
    ...slots,
    within,
    minKeep: flags["minKeep"] === undefined ? 1 : parseCount(flags["minKeep"], "--min-keep", 1),
    chosen: parseAge(flags["keepChosen"], "--keep-chosen"),
    damaged: parseAge(flags["keepDamaged"] ?? "30d", "--keep-damaged") ?? { ms: 0, text: "0d" },
  };
  return { policy, timeZone };
}

const mostKept = 1_000_000;

function parseCount(typed: ParsedInput["flags"][string], flag: string, least: number): number {
  const count = Number(typed);
  if (typeof typed === "string" && /^\d+$/.test(typed) && count >= least && count <= mostKept) return count;
  throw new RoomctlError("E_USAGE", `${flag} is no number from ${least} to ${mostKept}: ${JSON.stringify(typed)}`, {
    hint: `roomctl backup prune ${flag} 7 --dry-run`,
  });
}

/** A bare number would count as milliseconds, and `--keep-within 30` let go of nearly everything. */
function parseAge(typed: ParsedInput["flags"][string], flag: string): KeptFor | null {
  if (typed === undefined) return null;
  if (typeof typed === "string" && /[a-z]\s*$/.test(typed)) return { ms: parseDurationMs(typed, flag), text: typed };
  throw new RoomctlError("E_USAGE", `${flag} has no unit: ${JSON.stringify(typed)}`, {
    hint: `say days or hours: roomctl backup prune ${flag} 30d --dry-run`,
  });
}
