import { messageOf } from "../core/errors.js";
import type { Room } from "./model.js";
import { forgetOldest } from "./prune.js";
import type { Realtime } from "./realtime.js";
import { readUsers } from "./rooms-users.js";

/** Time in calls that runs now. The totals are in the map `timers`. */
export interface CallTimes {
  /** Users whose time runs, and since when it has not been counted yet (epoch milliseconds). */
  readonly since: Map<string, number>;
  /** Milliseconds that count as soon as the user's total is known. */
  readonly owedMs: Map<string, number>;
  /** Users whose total is to be read. */
  readonly wanted: Set<string>;
  isLoading: boolean;
}

/** Kept without a database, as many as there may be sessions. */
const mostTotals = 50_000;

export function createCallTimes(): CallTimes {
  return { since: new Map(), owedMs: new Map(), wanted: new Set(), isLoading: false };
}

/** Both sides of a room are connected: their time runs. */
export function startTimers(realtime: Realtime, { user1, user2 }: Room): void {
  const now = realtime.clock.now().getTime();
  for (const userId of [user1, user2]) {
    realtime.callTimes.since.set(userId, now);
    // Without a database there is nothing to read.
    if (realtime.link.status !== "none") realtime.callTimes.wanted.add(userId);
  }
  void loadTotals(realtime);
}

/** A side is away, or the room is over: neither side's time runs, unless it runs for another room by now. */
export function stopTimers(realtime: Realtime, { roomId, user1, user2 }: Room): void {
  for (const userId of [user1, user2]) {
    if ((realtime.state.roomOf.get(userId) ?? roomId) !== roomId) continue;
    count(realtime, userId);
    realtime.callTimes.since.delete(userId);
  }
}

/** Adds what has run since the last time to the totals, for everyone, and forgets the totals that nobody needs here. */
export function settleTimers(realtime: Realtime): void {
  const { since, owedMs } = realtime.callTimes;
  for (const userId of since.keys()) count(realtime, userId);
  const idle = [...owedMs.keys()].filter((userId) => !since.has(userId));
  for (const userId of idle) settleIdle(realtime, userId);
  if (realtime.link.status === "none") {
    forgetOldest(realtime.state.timers, mostTotals, (userId) => since.has(userId));
    return;
  }
  for (const userId of owedMs.keys()) realtime.callTimes.wanted.add(userId);
  void loadTotals(realtime);
}

function count(realtime: Realtime, userId: string): void {
  const { since, owedMs } = realtime.callTimes;
  const from = since.get(userId);
  if (from === undefined) return;
  const now = realtime.clock.now().getTime();
  since.set(userId, now);
  owedMs.set(userId, (owedMs.get(userId) ?? 0) + Math.max(0, now - from));
  pay(realtime, userId);
}

/** A total that is not known yet must not be started at 0: it would hide the one in the database. */
function pay(realtime: Realtime, userId: string): void {
  const { timers } = realtime.state;
  const owedMs = realtime.callTimes.owedMs.get(userId) ?? 0;
  const known = timers.get(userId)?.totalSeconds ?? (realtime.link.status === "none" ? 0 : undefined);
  if (known === undefined || owedMs === 0) return;
  realtime.callTimes.owedMs.set(userId, 0);
  timers.set(userId, { userId, totalSeconds: known + owedMs / 1000 });
}

/** Without a database memory is all there is; with one, a total that is written can be read again. */
function settleIdle(realtime: Realtime, userId: string): void {
  const { timers } = realtime.state;
  pay(realtime, userId);
  if (realtime.callTimes.owedMs.get(userId) !== 0 || timers.isPending(userId)) return;
  realtime.callTimes.owedMs.delete(userId);
  if (realtime.link.status !== "none") timers.forget(userId);
}

/** One statement at a time, for whoever came in the meantime: many calls that begin together cost little. */
async function loadTotals(realtime: Realtime): Promise<void> {
  const { callTimes, state } = realtime;
  const database = realtime.link.database();
  if (callTimes.isLoading || database === undefined) return;
  const userIds = [...callTimes.wanted].filter((userId) => !state.timers.has(userId));
  callTimes.wanted.clear();
  if (userIds.length === 0) return;
  callTimes.isLoading = true;
  try {
    const users = await readUsers(database, userIds);
    for (const userId of userIds) noteTotal(realtime, userId, users.get(userId)?.timerTotalSeconds);
  } catch (error) {
    realtime.log.warn({ error: messageOf(error) }, "timer totals could not be read; trying again");
    return;
  } finally {
    callTimes.isLoading = false;
  }
  await loadTotals(realtime);
}

function noteTotal(realtime: Realtime, userId: string, totalSeconds: number | undefined): void {
  const { since, owedMs } = realtime.callTimes;
  // The user is gone from the database: nobody to count for.
  if (totalSeconds === undefined) owedMs.delete(userId);
  if (totalSeconds === undefined || !(since.has(userId) || owedMs.has(userId))) return;
  realtime.state.timers.load(userId, { userId, totalSeconds });
  pay(realtime, userId);
}
