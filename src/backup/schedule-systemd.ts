import type { CronSchedule } from "./schedule-cron.js";

/**
 * The same times as systemd.time(7) writes them, for one `OnCalendar=` each. Two where cron takes a day of the month or
 * of the week: one expression of systemd's wants both, several stand side by side.
 */
export function calendarEvents(schedule: CronSchedule, timeZone: string | undefined): readonly string[] {
  const weekdays = { ...schedule, daysOfMonth: allDays };
  const monthDays = { ...schedule, daysOfWeek: allWeekdays };
  const parts = schedule.days === "both" ? [schedule] : [monthDays, weekdays];
  return parts.map((part) => calendarEvent(part, timeZone));
}

const allDays = Array.from({ length: 31 }, (_, index) => index + 1);
const allWeekdays = [0, 1, 2, 3, 4, 5, 6];

function calendarEvent(schedule: CronSchedule, timeZone: string | undefined): string {
  const { minutes, hours, daysOfMonth, months, daysOfWeek } = schedule;
  const date = `*-${listed(months, 12, padded)}-${listed(daysOfMonth, 31, padded)}`;
  const time = `${listed(hours, 24, padded)}:${listed(minutes, 60, padded)}:00`;
  // Its week begins on Monday.
  const weekdays = daysOfWeek.map((day) => day || 7).sort((a, b) => a - b);
  const isAnyDay = weekdays.length === 7;
  return [isAnyDay ? "" : listed(weekdays, 7, weekdayName), date, time, timeZone ?? ""].filter(Boolean).join(" ");
}

/** `*` for all there are; else numbers, with `..` between three or more that follow each other. */
function listed(numbers: readonly number[], all: number, write: (number: number) => string): string {
  if (numbers.length === all) return "*";
  const runs: number[][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run?.at(-1) === number - 1) run.push(number);
    else runs.push([number]);
  }
  return runs
    .map((run) => (run.length < 3 ? run.map(write).join(",") : `${write(run[0] ?? 0)}..${write(run.at(-1) ?? 0)}`))
    .join(",");
}

function padded(number: number): string {
  return String(number).padStart(2, "0");
}

function weekdayName(number: number): string {
  return ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][number - 1] ?? "";
}
