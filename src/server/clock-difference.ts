import type { Queryable } from "../db/pool.js";
import { readTime } from "../recover/plan.js";
import type { State } from "./state.js";

/** What the database's clock said, and between which moments of the server's. All in epoch milliseconds. */
export interface TimeAnswer {
  readonly databaseMs: number;
  readonly askedMs: number;
  readonly answeredMs: number;
}

/** Clocks that are kept in time differ by less; following every millisecond would leave rows that do not fit together. */
const toleratedMs = 250;

/** Asks the database for its time; `now` is the server's, in epoch milliseconds. */
export async function askTime(queryable: Queryable, now: () => number): Promise<TimeAnswer> {
  const askedMs = now();
  const databaseMs = (await readTime(queryable)).getTime();
  return { databaseMs, askedMs, answeredMs: now() };
}

/**
 * The database's moment, and its clock minus ours. Whatever comes between asking and reading the answer would count as a
 * difference, so the quickest of a few answers counts, and its middle.
 */
export async function compareClocks(
  queryable: Queryable,
  now: () => number,
): Promise<{ readonly at: Date; readonly skewMs: number }> {
  let best = await askTime(queryable, now);
  for (let sample = 1; sample < samples; sample += 1) {
    const answer = await askTime(queryable, now);
    if (answer.answeredMs - answer.askedMs < best.answeredMs - best.askedMs) best = answer;
  }
  return { at: new Date(best.databaseMs), skewMs: middleOf(best) };
}

const samples = 5;

function middleOf({ databaseMs, askedMs, answeredMs }: TimeAnswer): number {
  return databaseMs - (askedMs + answeredMs) / 2;
}

/**
 * The database's clock minus the server's, after one more answer. The database looked at its clock somewhere between the
 * question and the answer, so an answer proves a range for the difference, as wide as its round trip. What is known
 * stands until an answer proves it wrong by more than 250 ms; then the middle of that range holds at once. So a slow
 * answer, which proves little, changes nothing unless the clocks are further apart than it was slow; should its middle be
 * far off, the next quick one proves that in turn.
 */
export function differenceAfter(skewMs: number, answer: TimeAnswer): number {
  const { databaseMs, askedMs, answeredMs } = answer;
  const [least, most] = [databaseMs - answeredMs, databaseMs - askedMs];
  const isPossible = least - toleratedMs <= skewMs && skewMs <= most + toleratedMs;
  return isPossible ? skewMs : middleOf(answer);
}

/**
 * Follows the database's clock where it was set, or drifted away from the server's. True when it was: what is due now
 * is then written again by the new difference, since a restart would judge it by a clock that it was not written for.
 * That is the grace periods and silences of rooms, and rate limits, whose rows are named by their moment. Cooldowns keep
 * the end that they were given.
 */
export function followClock({ rows, rooms, activity, rateLimits }: State, answer: TimeAnswer): boolean {
  const skewMs = differenceAfter(rows.skewMs, answer);
  if (skewMs === rows.skewMs) return false;
  rows.correctedMs += Math.abs(skewMs - rows.skewMs);
  rows.skewMs = skewMs;
  for (const [roomId, { graceExpiresAt }] of rooms) if (graceExpiresAt !== null) rooms.touch(roomId);
  for (const roomId of activity.keys()) activity.touch(roomId);
  for (const key of rateLimits.keys()) rateLimits.touch(key);
  return true;
}
