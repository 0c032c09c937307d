import { expect, test } from "vitest";
import { planRetention, type RetentionBackup, type RetentionPolicy } from "../../src/backup/retention.js";
import { createPeriods } from "../../src/backup/retention-period.js";
import { backupAt, createRandom, dayMs, noRules } from "../support/retention.js";
import { keptByReference } from "../support/retention-reference.js";

const now = new Date("2026-11-20T12:00:00Z");

function plan(backups: readonly RetentionBackup[], policy: Partial<RetentionPolicy>, timeZone = "UTC") {
  return planRetention(backups, { ...noRules, ...policy }, now, timeZone);
}

function kept(backups: readonly RetentionBackup[], policy: Partial<RetentionPolicy>, timeZone = "UTC") {
  return plan(backups, policy, timeZone)
    .filter(({ isKept }) => isKept)
    .map(({ id }) => id);
}

/** One a day at 03:00, the newest first. */
function daily(count: number): readonly RetentionBackup[] {
  const newest = Date.parse("2026-11-20T03:00:00Z");
  return Array.from({ length: count }, (_, age) => backupAt(new Date(newest - age * dayMs).toISOString()));
}

test("each rule keeps the newest of its newest periods, and says which", () => {
  const decisions = plan(daily(60), { daily: 3, weekly: 2, monthly: 2 }, "Europe/Berlin");
  expect(decisions.filter(({ isKept }) => isKept)).toEqual([
    {
      id: "2026-11-20T03:00:00.000Z",
      isKept: true,
      reasons: [
        "min-keep 1 of 1",
        "daily 1 of 3: newest of 2026-11-20 (Europe/Berlin)",
        "weekly 1 of 2: newest of 2026-W47 (Europe/Berlin)",
        "monthly 1 of 2: newest of 2026-11 (Europe/Berlin)",
      ],
    },
    expect.objectContaining({ reasons: ["daily 2 of 3: newest of 2026-11-19 (Europe/Berlin)"] }),
    expect.objectContaining({ reasons: ["daily 3 of 3: newest of 2026-11-18 (Europe/Berlin)"] }),
    expect.objectContaining({
      id: "2026-11-15T03:00:00.000Z",
      reasons: ["weekly 2 of 2: newest of 2026-W46 (Europe/Berlin)"],
    }),
    expect.objectContaining({
      id: "2026-10-31T03:00:00.000Z",
      reasons: ["monthly 2 of 2: newest of 2026-10 (Europe/Berlin)"],
    }),
  ]);
  expect(decisions.find(({ isKept }) => !isKept)?.reasons).toEqual(["no rule holds it"]);
});

test("periods without a backup take no slot", () => {
  const backups = ["2026-11-20T01:00Z", "2026-11-01T01:00Z", "2026-03-01T01:00Z"].map((time) => backupAt(time));
  expect(kept(backups, { daily: 3 })).toHaveLength(3);
});

test("an unverified or damaged backup fills no slot of a verified one", () => {
  const backups = [
    backupAt("2026-11-20T09:00Z", { state: "damaged", damagedSince: new Date("2026-09-01T00:00Z") }),
    backupAt("2026-11-19T09:00Z", { state: "damaged", damagedSince: new Date("2026-11-19T00:00Z") }),
    backupAt("2026-11-18T09:00Z"),
    backupAt("2026-11-17T10:00Z", { state: "complete" }),
    backupAt("2026-11-17T09:00Z"),
    backupAt("2026-11-16T09:00Z", { state: "complete" }),
    backupAt("2026-11-15T09:00Z"),
  ];
  const decisions = plan(backups, { daily: 2 });
  expect(decisions.map(({ isKept, reasons }) => [isKept, reasons[0]])).toEqual([
    [false, "damaged for more than 30d"],
    [true, "damaged, found less than 30d ago"],
    [true, "min-keep 1 of 1"],
    [true, "not verified; would be daily 2 of 2: newest of 2026-11-17 (UTC)"],
    [true, "daily 2 of 2: newest of 2026-11-17 (UTC)"],
    [false, "no rule would hold it if it were verified"],
    [false, "no rule holds it"],
  ]);
});

test("what is newer than the newest verified one waits for its verification", () => {
  const backups = ["12:00", "11:00", "10:00"].map((time) => backupAt(`2026-11-20T${time}Z`, { state: "complete" }));
  expect(kept([...backups, backupAt("2026-11-20T09:00Z")], { daily: 1 })).toHaveLength(4);
});

test("with fewer verified ones than min-keep, nothing whole is deleted", () => {
  const unread = daily(5).map((backup) => ({ ...backup, state: "complete" as const }));
  expect(kept(unread, { last: 1 })).toHaveLength(5);
  expect(plan(unread, { last: 1 }).at(-1)?.reasons).toEqual(["not verified, and fewer than 1 of this database are"]);
  const damaged = backupAt("2025-01-01T00:00Z", { state: "damaged", damagedSince: new Date("2025-01-02T00:00Z") });
  expect(kept([...daily(1), damaged], { last: 1, minKeep: 2 })).toContain(damaged.id);
  expect(kept([...daily(2), damaged], { last: 1, minKeep: 2 })).not.toContain(damaged.id);
});

test("the newest verified ones stay whatever the rules say", () => {
  expect(kept(daily(9), { yearly: 1, minKeep: 4 })).toEqual(daily(4).map(({ id }) => id));
});

test("a backup of chosen tables displaces no whole one, and goes by its own rule alone", () => {
  const receipts = ["2026-11-20T11:00Z", "2026-08-01T11:00Z"].map((time) => backupAt(time, { isWhole: false }));
  const backups = [...receipts, ...daily(3)];
  expect(kept(backups, { last: 2 })).toEqual([receipts[0]?.id, ...daily(2).map(({ id }) => id), receipts[1]?.id]);
  expect(kept(backups, { last: 2, within: { ms: dayMs, text: "1d" } })).toContain(receipts[1]?.id);
  const chosen = { ms: 90 * dayMs, text: "90d" };
  expect(kept(backups, { last: 2, chosen })).not.toContain(receipts[1]?.id);
  expect(kept(backups, { last: 2, chosen })).toContain(receipts[0]?.id);
  expect(plan(backups, { last: 1, chosen }).at(-1)?.reasons).toEqual(["of chosen tables, older than 90d"]);
});

test("databases do not take each other's slots", () => {
  const other = daily(4).map((backup) => ({ ...backup, id: `other ${backup.id}`, source: "other" }));
  expect(kept([...daily(4), ...other], { daily: 2 })).toHaveLength(4);
});

test("an age counts from the newest verified backup, so that nothing expires when backups stop", () => {
  const old = daily(40).map((backup) => ({
    ...backup,
    createdAt: new Date(backup.createdAt.getTime() - 400 * dayMs),
  }));
  expect(kept(old, { within: { ms: 30 * dayMs, text: "30d" } })).toHaveLength(31);
});

test("a backup from the future stays, fills no slot and is nobody's newest", () => {
  const future = ["2099-01-01T00:00Z", "2026-11-20T12:00:00.001Z"].map((time) => backupAt(time));
  const decisions = plan([...future, ...daily(4)], { daily: 2, within: { ms: dayMs, text: "1d" } });
  expect(decisions.map(({ isKept }) => isKept)).toEqual([true, true, true, true, false, false]);
  expect(decisions[0]?.reasons).toEqual(["dated in the future: it fills no slot until then"]);
  expect(kept([backupAt("2099-01-01T00:00Z"), ...daily(2)], { last: 1, minKeep: 1 })).toContain(daily(1)[0]?.id);
});

test("of two backups from the same millisecond, always the same one goes", () => {
  const twins = ["aaa", "bbb"].map((id) => backupAt("2026-11-20T03:00Z", { id }));
  expect(kept(twins, { daily: 1 })).toEqual(["bbb"]);
  expect(kept([...twins].reverse(), { daily: 1 })).toEqual(["bbb"]);
});

test("the hour that comes twice in autumn is two hours, the one that spring leaves out is none", () => {
  const autumn = ["2026-10-25T00:30Z", "2026-10-25T01:30Z"].map((time) => backupAt(time));
  const decisions = plan(autumn, { hourly: 2 }, "Europe/Berlin");
  expect(decisions.map(({ reasons }) => reasons.at(-1))).toEqual([
    "hourly 1 of 2: newest of 2026-10-25 02:00+01:00 (Europe/Berlin)",
    "hourly 2 of 2: newest of 2026-10-25 02:00+02:00 (Europe/Berlin)",
  ]);
  const spring = ["2026-03-29T00:59:59.999Z", "2026-03-29T01:00Z"].map((time) => new Date(time));
  expect(spring.map((time) => createPeriods("Europe/Berlin")(time).hourly)).toEqual([
    "2026-03-29 01:00+01:00",
    "2026-03-29 03:00+02:00",
  ]);
});

test("days of 23 and 25 hours are one day each, and begin where the zone says", () => {
  const times = ["2026-10-24T22:00Z", "2026-10-25T22:59Z", "2026-10-25T23:00Z"].map((time) => backupAt(time));
  expect(kept(times, { daily: 5 }, "Europe/Berlin")).toEqual(["2026-10-25T23:00Z", "2026-10-25T22:59Z"]);
  expect(kept(times, { daily: 5 }, "UTC")).toEqual(["2026-10-25T23:00Z", "2026-10-24T22:00Z"]);
});

test("a day that comes back when clocks go back over midnight has one slot", () => {
  // St. John's, 2006: at 00:01 on 29 October it was 23:01 on the 28th again.
  const times = ["2006-10-29T02:30:30Z", "2006-10-29T02:31:30Z", "2006-10-29T03:30:30Z"].map((time) => backupAt(time));
  const zone = "America/St_Johns";
  const days = times.map(({ createdAt }) => createPeriods(zone)(createdAt).daily);
  expect(days).toEqual(["2006-10-29", "2006-10-28", "2006-10-29"]);
  expect(kept(times, { daily: 3 }, zone)).toEqual(["2006-10-29T03:30:30Z", "2006-10-29T02:31:30Z"]);
});

test.each([
  ["2025-12-28T12:00Z", "2025-W52"],
  ["2025-12-29T12:00Z", "2026-W01"],
  ["2026-12-31T12:00Z", "2026-W53"],
  ["2027-01-03T12:00Z", "2026-W53"],
  ["2027-01-04T12:00Z", "2027-W01"],
])("%s lies in the ISO week %s", (time, week) => {
  expect(createPeriods("UTC")(new Date(time)).weekly).toBe(week);
});

test.each([
  ["Asia/Kathmandu", "2026-11-20 05:00+05:45"],
  ["America/St_Johns", "2026-11-19 20:00-03:30"],
  ["UTC", "2026-11-19 23:00+00:00"],
])("hours in %s are those of its clocks", (zone, hour) => {
  expect(createPeriods(zone)(new Date("2026-11-19T23:30:00Z")).hourly).toBe(hour);
});

test.each(["Mars/Olympus", "", "Europe Berlin"])("%j is no time zone", (zone) => {
  expect(() => plan([], { last: 1 }, zone)).toThrow(/--time-zone is no time zone/);
});

test("an unreadable backup goes only while a verified one of any database stands beside it", () => {
  const lost = backupAt("2026-01-01T00:00Z", {
    source: null,
    isWhole: false,
    state: "damaged",
    damagedSince: new Date("2026-02-01T00:00Z"),
  });
  expect(kept([lost], { last: 1 })).toEqual([lost.id]);
  expect(kept([lost, ...daily(1)], { last: 1 })).not.toContain(lost.id);
  const unmarked = { ...lost, damagedSince: null };
  expect(kept([unmarked, ...daily(1)], { last: 1 })).toContain(lost.id);
  expect(kept([{ ...unmarked, state: "newer" }, ...daily(1)], { last: 1 })).toContain(lost.id);
});

const zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"];

/** Clusters of times around changes of clocks, years and weeks, with twins, jumps back and some from the future. */
function randomHistory(random: () => number) {
  const pick = <T>(items: readonly [T, ...T[]]): T => items[Math.floor(random() * items.length)] ?? items[0];
  const step = pick([1_800_000, 3_600_000, 6 * 3_600_000, dayMs, 3 * dayMs, 20 * dayMs]);
  let time = Date.parse(pick(["2026-10-25T03:00Z", "2026-03-29T03:00Z", "2027-01-04T03:00Z", "2026-11-20T03:00Z"]));
  const at = new Date(time + (random() < 0.2 ? -2 * step : step));
  const backups = Array.from({ length: Math.floor(random() * 24) }, (_, index): RetentionBackup => {
    if (random() < 0.9) time -= Math.floor(random() * 2 * step);
    if (random() < 0.03) time += 5 * step;
    const state = pick(["verified", "verified", "verified", "complete", "damaged", "newer"] as const);
    const isUnreadable = state === "newer" || (state === "damaged" && random() < 0.5);
    const isFound = state === "damaged" && random() < 0.8;
    return {
      id: `${pick(["a", "b"])}${index}`,
      createdAt: new Date(time),
      source: isUnreadable ? null : pick(["app", "app", "app", "other"]),
      isWhole: !isUnreadable && random() < 0.85,
      state,
      damagedSince: isFound ? new Date(time + random() * 10 * step) : null,
      isPinned: random() < 0.08,
    };
  });
  const slots = () => (random() < 0.7 ? 0 : 1 + Math.floor(random() * 5));
  const age = () => (random() < 0.5 ? null : { ms: Math.floor(random() * 12 * step), text: "so long" });
  const policy: RetentionPolicy = {
    last: slots(),
    hourly: slots(),
    daily: slots(),
    weekly: slots(),
    monthly: slots(),
    yearly: slots(),
    within: age(),
    minKeep: 1 + Math.floor(random() * 3),
    chosen: age(),
    damaged: age() ?? { ms: 0, text: "0d" },
  };
  return { backups, policy, at, zone: pick(zones as [string, ...string[]]) };
}

/** The same policy, or one that asks for more. */
function widen(policy: RetentionPolicy, random: () => number): RetentionPolicy {
  const more = (count: number) => count + Math.floor(random() * 3);
  const longer = <T extends { readonly ms: number; readonly text: string } | null>(rule: T): T =>
    rule === null ? rule : { ...rule, ms: rule.ms + random() * dayMs };
  return {
    last: more(policy.last),
    hourly: more(policy.hourly),
    daily: more(policy.daily),
    weekly: more(policy.weekly),
    monthly: more(policy.monthly),
    yearly: more(policy.yearly),
    within: longer(policy.within),
    minKeep: more(policy.minKeep),
    chosen: longer(policy.chosen),
    damaged: longer(policy.damaged),
  };
}

test("10,000 random histories are judged as a brute-force reference judges them, and keep what must be kept", () => {
  const random = createRandom(4);
  const broken: string[] = [];
  let deleted = 0;
  for (let round = 0; round < 10_000 && broken.length === 0; round += 1) {
    const { backups, policy, at, zone } = randomHistory(random);
    const keep = (some: readonly RetentionBackup[], rules = policy) =>
      planRetention(some, rules, at, zone)
        .filter(({ isKept }) => isKept)
        .map(({ id }) => id)
        .sort();
    const stay = keep(backups);
    const left = backups.filter(({ id }) => stay.includes(id));
    const wider = keep(backups, widen(policy, random));
    const pinned = keep(backups.map((backup) => ({ ...backup, isPinned: backup.isPinned || random() < 0.3 })));
    const promises: Readonly<Record<string, boolean>> = {
      reference: isEqual(stay, keptByReference(backups, policy, at, zone)),
      idempotent: isEqual(keep(left), stay),
      "in any order": isEqual(keep([...backups].reverse()), stay),
      "monotone in the rules": stay.every((id) => wider.includes(id)),
      "monotone in pins": stay.every((id) => pinned.includes(id)),
      "pinned stays": backups.every(({ id, isPinned }) => !isPinned || stay.includes(id)),
      "newest verified stays, and min-keep of them": ["app", "other"].every((source) => {
        const [before, after] = [verifiedOf(backups, source, at), verifiedOf(left, source, at)];
        return after[0]?.id === before[0]?.id && after.length >= Math.min(policy.minKeep, before.length);
      }),
    };
    broken.push(
      ...Object.keys(promises)
        .filter((name) => !promises[name])
        .map((name) => `round ${round}: ${name}`),
    );
    deleted += backups.length - stay.length;
  }
  expect(broken).toEqual([]);
  expect(deleted).toBeGreaterThan(20_000);
});

function isEqual(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((id, index) => id === others[index]);
}

/** Whole and verified ones of one database up to a moment, the newest first. */
function verifiedOf(backups: readonly RetentionBackup[], source: string, at: Date): readonly RetentionBackup[] {
  return backups
    .filter((one) => one.source === source && one.isWhole && one.state === "verified" && one.createdAt <= at)
    .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1));
}
