import { RoomctlError } from "../core/errors.js";

/** The five fields of a crontab(5) line, each as the numbers that it allows, in order. */
export interface CronSchedule {
  /** As it was written, with one blank between fields; a nickname as what it stands for. */
  readonly text: string;
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  readonly months: readonly number[];
  /** 0 is Sunday. */
  readonly daysOfWeek: readonly number[];
  /**
   * How the two fields of days work together: cron takes a day that either names, unless one of them begins with `*`:
   * then both must.
   */
  readonly days: "either" | "both";
}

interface FieldRange {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly names?: readonly string[];
}

const fields = [
  { name: "minute", least: 0, most: 59 },
  { name: "hour", least: 0, most: 23 },
  { name: "day of the month", least: 1, most: 31 },
  {
    name: "month",
    least: 1,
    most: 12,
    names: ["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  // 7 is Sunday as well.
  { name: "day of the week", least: 0, most: 7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
] as const satisfies readonly FieldRange[];

const nicknames: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};

/** Reads a cron expression. Throws E_USAGE for what cron does not know, for what crons read differently, and for a day that never comes. */
export function parseCron(given: string): CronSchedule {
  const trimmed = given.trim().replace(/\s+/g, " ");
  const text = nicknames[trimmed.toLowerCase()] ?? trimmed;
  if (text.startsWith("@")) throw refused(given, `there is no time in ${text}`);
  const words = text.split(" ");
  if (words.length !== fields.length) throw refused(given, `it has ${words.length} fields instead of 5`);
  const [minutes = [], hours = [], daysOfMonth = [], months = [], weekdays = []] = fields.map((field, index) =>
    parseField(words[index] ?? "", field, given),
  );
  const daysOfWeek = sorted(weekdays.map((day) => day % 7));
  const days = words[2]?.startsWith("*") || words[4]?.startsWith("*") ? "both" : "either";
  const schedule: CronSchedule = { text, minutes, hours, daysOfMonth, months, daysOfWeek, days };
  if (!hasSomeDay(schedule)) throw refused(given, "no month of it has such a day");
  return schedule;
}

/**
 * True when Kubernetes reads the days as cron does. It takes a day of the month with a step for one that is named, where
 * cron sees the `*` in front of it; so with a weekday beside it they differ (github.com/robfig/cron, `starBit`).
 */
export function readsAlikeInKubernetes({ text }: CronSchedule): boolean {
  const [, , day = "*", , weekday = "*"] = text.split(" ");
  const isStepped = (word: string) => word.startsWith("*") && word !== "*";
  return !(isStepped(day) && weekday !== "*") && !(isStepped(weekday) && day !== "*");
}

function parseField(word: string, field: FieldRange, given: string): readonly number[] {
  if (word !== "*" && word.split(",").includes("*")) throw refused(given, `${word} is no more than *`);
  return sorted(word.split(",").flatMap((part) => parsePart(part, field, given)));
}

function parsePart(part: string, field: FieldRange, given: string): readonly number[] {
  const { name, least, most } = field;
  const [, range, first, last, step] = /^(\*|(\w+)(?:-(\w+))?)(?:\/(\d{1,4}))?$/.exec(part) ?? [];
  const unknown = () => refused(given, `${JSON.stringify(part)} is no ${name}`);
  if (range === undefined) throw unknown();
  const from = first === undefined ? least : numberOf(first, field);
  // Twice on a Sunday is once: `*/2` counts from Sunday, 0, to Saturday.
  const to =
    first === undefined ? Math.min(most, field.names?.length === 7 ? 6 : most) : numberOf(last ?? first, field);
  if (from === undefined || to === undefined || from < least || to > most) throw unknown();
  if (from > to) throw refused(given, `the range ${part} runs backwards; write it as two`);
  if (step !== undefined && first !== undefined && last === undefined) {
    throw refused(given, `crons disagree about ${part}; write it as ${from}-${most}/${step}`);
  }
  const by = Number(step ?? 1);
  if (by < 1 || by > most - least + 1) throw refused(given, `${JSON.stringify(part)} has a step that no ${name} fits`);
  return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, index) => from + index * by);
}

function numberOf(word: string, { names }: FieldRange): number | undefined {
  if (/^\d{1,2}$/.test(word)) return Number(word);
  const index = word === "" ? -1 : (names ?? []).indexOf(word.toLowerCase());
  return index < 0 ? undefined : index;
}

function sorted(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

const longestMonths: Readonly<Record<number, number>> = { 2: 29, 4: 30, 6: 30, 9: 30, 11: 30 };

function hasSomeDay({ days, months, daysOfMonth }: CronSchedule): boolean {
  const first = daysOfMonth[0] ?? 1;
  return days === "either" || months.some((month) => first <= (longestMonths[month] ?? 31));
}

function refused(given: string, why: string): RoomctlError {
  return new RoomctlError("E_USAGE", `--cron ${JSON.stringify(given)}: ${why}`, {
    hint: "write minute, hour, day of the month, month, day of the week: roomctl backup schedule --cron '0 2 * * *' --print cron",
  });
}
