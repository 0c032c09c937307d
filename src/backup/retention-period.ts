import { RoomctlError } from "../core/errors.js";

export const periodNames = ["hourly", "daily", "weekly", "monthly", "yearly"] as const;
export type PeriodName = (typeof periodNames)[number];

/** The hour, day, ISO week, month and year that a moment belongs to, as labels that people read. */
export type Periods = Readonly<Record<PeriodName, string>>;

/**
 * Says which periods a moment belongs to where clocks show the time of `timeZone` (an IANA name). An hour that a change
 * of the clocks repeats is two: its label has the offset. Throws E_USAGE for a zone that nobody knows.
 */
export function createPeriods(timeZone: string): (time: Date) => Periods {
  const format = openFormat(timeZone);
  return (time) => {
    const local = localTime(format, time);
    const { year, month, day, hour } = local;
    const date = `${year}-${twoDigits(month)}-${twoDigits(day)}`;
    return {
      hourly: `${date} ${twoDigits(hour)}:00${offsetText(local, time)}`,
      daily: date,
      weekly: isoWeek(local),
      monthly: date.slice(0, -3),
      yearly: String(year),
    };
  };
}

interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Making one takes longer than using it a hundred times. */
const formats = new Map<string, Intl.DateTimeFormat>();

function openFormat(timeZone: string): Intl.DateTimeFormat {
  const format = formats.get(timeZone) ?? createFormat(timeZone);
  formats.set(timeZone, format);
  return format;
}

function createFormat(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "gregory",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch (cause) {
    throw new RoomctlError("E_USAGE", `--time-zone is no time zone: ${JSON.stringify(timeZone)}`, {
      cause,
      hint: "name one of the IANA database: --time-zone Europe/Berlin",
    });
  }
}

function localTime(format: Intl.DateTimeFormat, time: Date): LocalTime {
  const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0;
  return {
    year: part("year"),
    month: part("month"),
    day: part("day"),
    hour: part("hour"),
    minute: part("minute"),
    second: part("second"),
  };
}

/** `+02:00`: what the clocks show less what UTC is. */
function offsetText({ year, month, day, hour, minute, second }: LocalTime, time: Date): string {
  const shownMs = Date.UTC(year, month - 1, day, hour, minute, second);
  const minutes = Math.round((shownMs - Math.floor(time.getTime() / 1000) * 1000) / 60_000);
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? "-" : "+"}${twoDigits(hours)}:${twoDigits(rest)}`;
}

const dayMs = 86_400_000;

/** ISO 8601: weeks begin on Monday, and a week belongs to the year of its Thursday. */
function isoWeek({ year, month, day }: LocalTime): string {
  const date = new Date(Date.UTC(year, month - 1, day));
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * dayMs);
  const dayOfYear = (thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / dayMs;
  return `${thursday.getUTCFullYear()}-W${twoDigits(Math.floor(dayOfYear / 7) + 1)}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
