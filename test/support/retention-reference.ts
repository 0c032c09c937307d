import type { RetentionBackup, RetentionPolicy } from "../../src/backup/retention.js";

/**
 * Which backups stay, once more and in another way: each backup is held against every other one, and periods are read
 * off a printed date. Ids, sorted.
 */
export function keptByReference(
  backups: readonly RetentionBackup[],
  policy: RetentionPolicy,
  now: Date,
  timeZone: string,
): readonly string[] {
  return backups
    .filter((backup) => stays(backup, { backups, policy, now, timeZone }))
    .map(({ id }) => id)
    .sort();
}

interface World {
  readonly backups: readonly RetentionBackup[];
  readonly policy: RetentionPolicy;
  readonly now: Date;
  readonly timeZone: string;
}

function stays(backup: RetentionBackup, world: World): boolean {
  const { policy, now } = world;
  if (backup.isPinned || backup.state === "newer" || backup.createdAt.getTime() > now.getTime()) return true;
  const beside = world.backups.filter(
    (other) =>
      (backup.source === null || other.source === backup.source) &&
      other.createdAt.getTime() <= now.getTime() &&
      (other.state === "verified" || other.state === "complete"),
  );
  const good = beside.filter((other) => other.isWhole && other.state === "verified");
  const newestOf = (some: readonly RetentionBackup[]) => Math.max(...some.map((other) => other.createdAt.getTime()));
  const time = backup.createdAt.getTime();
  if (backup.state === "damaged") {
    if (good.length < policy.minKeep || backup.damagedSince === null) return true;
    return newestOf(beside) - backup.damagedSince.getTime() <= policy.damaged.ms;
  }
  if (!backup.isWhole) {
    if (policy.chosen === null) return true;
    return newestOf(beside) - time <= Math.max(policy.chosen.ms, policy.within?.ms ?? 0);
  }
  if (good.length > 0 && policy.within !== null && newestOf(good) - time <= policy.within.ms) return true;
  if (backup.state === "verified") return isAmongNewest(backup, good, policy.minKeep) || hasSlot(backup, good, world);
  if (good.length < policy.minKeep || time > newestOf(good)) return true;
  return hasSlot(
    backup,
    beside.filter((other) => other.isWhole),
    world,
  );
}

function hasSlot(backup: RetentionBackup, rivals: readonly RetentionBackup[], world: World): boolean {
  const { policy, timeZone } = world;
  if (isAmongNewest(backup, rivals, policy.last)) return true;
  return (["hourly", "daily", "weekly", "monthly", "yearly"] as const).some((rule) => {
    const period = (one: RetentionBackup) => periodOf(rule, one.createdAt, timeZone);
    const isNewestOfPeriod = !rivals.some((other) => period(other) === period(backup) && isNewer(other, backup));
    const newerPeriods = new Set(rivals.filter((other) => isNewer(other, backup)).map(period));
    return isNewestOfPeriod && newerPeriods.size < policy[rule];
  });
}

function isAmongNewest(backup: RetentionBackup, rivals: readonly RetentionBackup[], count: number): boolean {
  return rivals.filter((other) => isNewer(other, backup)).length < count;
}

function isNewer(one: RetentionBackup, other: RetentionBackup): boolean {
  const [a, b] = [one.createdAt.getTime(), other.createdAt.getTime()];
  return a > b || (a === b && one.id > other.id);
}

const printed = new Map<string, string>();

function periodOf(rule: string, time: Date, timeZone: string): string {
  const key = `${timeZone} ${time.getTime()} ${rule}`;
  const known = printed.get(key);
  if (known !== undefined) return known;
  // Swedish dates are ISO's: 2026-10-25 02:30:00.
  const { swedish, offset } = printersOf(timeZone);
  const local = swedish.format(time);
  const zone = offset.format(time);
  const lengths: Record<string, number> = { hourly: 13, daily: 10, monthly: 7, yearly: 4 };
  const label =
    rule === "weekly" ? weekOf(local.slice(0, 10)) : local.slice(0, lengths[rule]) + (rule === "hourly" ? zone : "");
  printed.set(key, label);
  return label;
}

const printers = new Map<string, { readonly swedish: Intl.DateTimeFormat; readonly offset: Intl.DateTimeFormat }>();

function printersOf(timeZone: string) {
  const made = printers.get(timeZone) ?? {
    swedish: new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" }),
    offset: new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" }),
  };
  printers.set(timeZone, made);
  return made;
}

/** The Monday that a day's week begins with. */
function weekOf(day: string): string {
  const monday = new Date(`${day}T12:00:00Z`);
  while (monday.getUTCDay() !== 1) monday.setUTCDate(monday.getUTCDate() - 1);
  return monday.toISOString().slice(0, 10);
}
