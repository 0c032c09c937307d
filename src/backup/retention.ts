/**
 * Words of retention: a *rule* is one of the `keep` numbers; it has so many *slots*, one for each period that has a
 * backup; the newest backup of a period *fills* its slot. Only whole backups that were verified fill slots. Backups of
 * one database are judged together, and never beside those of another.
 */
import { createPeriods, type PeriodName, type Periods, periodNames } from "./retention-period.js";

/** How long, and how a person wrote it. */
export interface KeptFor {
  readonly ms: number;
  readonly text: string;
}

/** Numbers are slots, 0 for a rule that was not given. */
export interface RetentionPolicy extends Readonly<Record<PeriodName, number>> {
  readonly last: number;
  /** Keeps all that are no older than the newest verified one by more than this. */
  readonly within: KeptFor | null;
  /** The newest verified whole ones, which stay whatever the rules say. At least 1. */
  readonly minKeep: number;
  /** How long backups of chosen tables stay; null for always. */
  readonly chosen: KeptFor | null;
  /** How long damaged ones stay after the damage was found. */
  readonly damaged: KeptFor;
}

export interface RetentionBackup {
  readonly id: string;
  readonly createdAt: Date;
  /** Which database it is of, in any words that tell databases apart; null when its manifest cannot be read. */
  readonly source: string | null;
  /** False when it covers chosen tables only. */
  readonly isWhole: boolean;
  /** `complete` is all there, but nobody has read it since; `newer` is of a later roomctl's format. */
  readonly state: "verified" | "complete" | "damaged" | "newer";
  /** When a verification first found the damage; null when none did. */
  readonly damagedSince: Date | null;
  readonly isPinned: boolean;
}

export interface RetentionDecision {
  readonly id: string;
  readonly isKept: boolean;
  /** Why it stays, every reason; or why it goes. */
  readonly reasons: readonly string[];
}

/**
 * Decides for each backup whether it stays, and says why, newest first. Ages are counted from the newest backup, not
 * from `now`: a clock that ran ahead, or backups that stopped, let nothing expire. A backup from after `now` stays and
 * counts for nothing. Throws E_USAGE for an unknown time zone.
 */
export function planRetention(
  backups: readonly RetentionBackup[],
  policy: RetentionPolicy,
  now: Date,
  timeZone: string,
): readonly RetentionDecision[] {
  const newestFirst = [...backups].sort(
    (a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1),
  );
  const periodsOf = createPeriods(timeZone);
  const periods = new Map(newestFirst.map(({ id, createdAt }) => [id, periodsOf(createdAt)]));
  const groups = new Map<string | null, Group>();
  for (const { source } of newestFirst) {
    if (groups.has(source)) continue;
    // Nobody knows of which database an unreadable one is: any good backup of the repository stands beside it.
    const members = source === null ? newestFirst : newestFirst.filter((backup) => backup.source === source);
    groups.set(source, describeGroup(members, { policy, now, timeZone, periods }));
  }
  return newestFirst.map((backup) => {
    const reasons = backup.isPinned ? ["pinned"] : [];
    reasons.push(...reasonsToKeep(backup, groups.get(backup.source), policy, now));
    if (reasons.length > 0) return { id: backup.id, isKept: true, reasons };
    return { id: backup.id, isKept: false, reasons: [reasonToDelete(backup, policy)] };
  });
}

interface Ground {
  readonly policy: RetentionPolicy;
  readonly now: Date;
  readonly timeZone: string;
  /** By the backup's id. */
  readonly periods: ReadonlyMap<string, Periods>;
}

/** What is known of the backups of one database, all of them from before `now`. */
interface Group {
  readonly newest: RetentionBackup | undefined;
  readonly newestVerified: RetentionBackup | undefined;
  readonly hasEnough: boolean;
  /** Reasons by id: of verified ones, and of unverified ones that would fill a slot if they were. */
  readonly held: ReadonlyMap<string, readonly string[]>;
}

function describeGroup(newestFirst: readonly RetentionBackup[], ground: Ground): Group {
  const { policy, now } = ground;
  const past = newestFirst.filter(({ createdAt, state }) => createdAt <= now && /^(verified|complete)$/.test(state));
  const whole = past.filter((backup) => backup.isWhole);
  const verified = whole.filter((backup) => backup.state === "verified");
  const held = new Map<string, string[]>();
  const hold = (id: string, reason: string) => held.set(id, [...(held.get(id) ?? []), reason]);
  for (const [index, { id }] of verified.slice(0, policy.minKeep).entries()) {
    hold(id, `min-keep ${index + 1} of ${policy.minKeep}`);
  }
  for (const { id, rule } of fillSlots(verified, ground)) hold(id, rule);
  const isUnread = new Set(whole.filter((backup) => backup.state === "complete").map(({ id }) => id));
  for (const { id, rule } of fillSlots(whole, ground)) {
    if (isUnread.has(id)) hold(id, `not verified; would be ${rule}`);
  }
  return { newest: past[0], newestVerified: verified[0], hasEnough: verified.length >= policy.minKeep, held };
}

function* fillSlots(newestFirst: readonly RetentionBackup[], { policy, timeZone, periods }: Ground) {
  for (const [index, { id }] of newestFirst.slice(0, policy.last).entries()) {
    yield { id, rule: `last ${index + 1} of ${policy.last}` };
  }
  for (const name of periodNames) {
    // A set, not the last one seen: where clocks go back over midnight, a day comes, goes and comes again.
    const filled = new Set<string>();
    for (const { id } of newestFirst) {
      const period = periods.get(id)?.[name] ?? "";
      if (filled.has(period)) continue;
      if (filled.size >= policy[name]) break;
      filled.add(period);
      yield { id, rule: `${name} ${filled.size} of ${policy[name]}: newest of ${period} (${timeZone})` };
    }
  }
}

function reasonsToKeep(
  backup: RetentionBackup,
  group: Group | undefined,
  policy: RetentionPolicy,
  now: Date,
): readonly string[] {
  if (backup.createdAt > now) return ["dated in the future: it fills no slot until then"];
  if (backup.state === "newer") return ["written by a newer roomctl, which alone can judge it"];
  if (backup.state === "damaged") return reasonsForDamaged(backup, group, policy);
  if (!backup.isWhole) return reasonsForChosen(backup, group, policy);
  const reasons = [...(group?.held.get(backup.id) ?? [])];
  const { within } = policy;
  const reference = group?.newestVerified;
  if (within && reference && ageMs(backup, reference) <= within.ms) {
    reasons.push(`within ${within.text} of the newest verified one`);
  }
  if (backup.state === "verified") return reasons;
  if (!group?.hasEnough) reasons.push(`not verified, and fewer than ${policy.minKeep} of this database are`);
  else if (reference && ageMs(backup, reference) < 0) reasons.push("not verified, and newer than the newest that is");
  return reasons;
}

function reasonsForDamaged(backup: RetentionBackup, group: Group | undefined, policy: RetentionPolicy): string[] {
  const { damagedSince } = backup;
  if (!group?.hasEnough) return [`damaged, but fewer than ${policy.minKeep} verified ones stand beside it`];
  if (damagedSince === null) return ["damaged, but no verification has recorded since when"];
  const sinceMs = (group.newest?.createdAt.getTime() ?? 0) - damagedSince.getTime();
  return sinceMs <= policy.damaged.ms ? [`damaged, found less than ${policy.damaged.text} ago`] : [];
}

function reasonsForChosen(backup: RetentionBackup, group: Group | undefined, policy: RetentionPolicy): string[] {
  const { chosen, within } = policy;
  if (chosen === null) return ["of chosen tables, which only --keep-chosen lets go"];
  const age = group?.newest ? ageMs(backup, group.newest) : 0;
  const rules = [
    { name: "chosen tables: ", rule: chosen },
    { name: "", rule: within },
  ];
  return rules.flatMap(({ name, rule }) =>
    rule && age <= rule.ms ? [`${name}within ${rule.text} of the newest backup`] : [],
  );
}

function ageMs(backup: RetentionBackup, reference: RetentionBackup): number {
  return reference.createdAt.getTime() - backup.createdAt.getTime();
}

function reasonToDelete({ state, isWhole }: RetentionBackup, policy: RetentionPolicy): string {
  if (state === "damaged") return `damaged for more than ${policy.damaged.text}`;
  if (!isWhole) return `of chosen tables, older than ${policy.chosen?.text}`;
  return state === "verified" ? "no rule holds it" : "no rule would hold it if it were verified";
}
