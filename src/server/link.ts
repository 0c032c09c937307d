import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { messageOf, RoomctlError } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { DatabaseLink } from "./context.js";
import type { RecoveryReport } from "./recovery.js";
import { beat, sayStopped, type Takeover } from "./takeover.js";

export interface LinkParts {
  /** Absent when no database is configured. */
  readonly open?: () => Promise<Database>;
  readonly heartbeatMs: number;
  readonly log: Logger;
  readonly monotonicMs: () => number;
  readonly takeOver: (database: Database) => Promise<Takeover>;
  readonly recover: (database: Database) => Promise<RecoveryReport>;
  /** Called when this server owns its epoch and memory holds what was there, and again when the database is back. */
  readonly onOwned: (database: Database, epoch: string) => void;
  /** Called once when another server took over. */
  readonly onFenced: () => void;
}

export interface SupervisedLink extends DatabaseLink {
  /** One attempt to connect, take over and recover; when it fails, more follow in the background. */
  start(): Promise<void>;
  /** What the recovery found, once it is done. */
  recovery(): RecoveryReport | undefined;
  /** Says goodbye to the database and closes it. */
  stop(): Promise<void>;
}

const lookMs = 1000;
/** A database that does not answer a SELECT 1 in this time counts as down. */
const patienceMs = 3000;
const tidyMs = 60_000;

/**
 * Keeps the server and its database together: takes over and recovers, now or when the database is back, leaves
 * heartbeats, notices when the database goes and comes, and when another server took over.
 */
export function createLink(parts: LinkParts): SupervisedLink {
  const { log, open } = parts;
  const stopping = new AbortController();
  const now: { database?: Database; epoch?: string; isUp: boolean; report?: RecoveryReport; isFenced: boolean } = {
    isUp: false,
    isFenced: false,
  };
  let watching: Promise<void> | undefined;

  const own = async () => {
    now.database ??= await open?.();
    if (now.database === undefined) return;
    const { epoch, fenced } = await parts.takeOver(now.database);
    now.report = await parts.recover(now.database);
    now.epoch = epoch;
    now.isUp = true;
    log.info({ epoch, fenced, ...now.report }, `epoch ${epoch}: ${recoveryLine(now.report)}`);
    parts.onOwned(now.database, epoch);
  };
  const fence = () => {
    if (now.isFenced) return;
    now.isFenced = true;
    now.isUp = false;
    parts.onFenced();
  };
  const setUp = (isUp: boolean, reason?: string) => {
    if (isUp !== now.isUp) log.warn({ reason }, isUp ? "the database is back" : "the database is down; calls go on");
    const isBack = isUp && !now.isUp && !now.isFenced;
    now.isUp = isUp && !now.isFenced;
    if (isBack && now.database && now.epoch !== undefined) parts.onOwned(now.database, now.epoch);
  };
  const watch = async () => {
    const due = { beatAt: parts.monotonicMs() + parts.heartbeatMs, tidyAt: parts.monotonicMs() + tidyMs };
    const told = { last: "" };
    while (!stopping.signal.aborted && !now.isFenced) {
      await sleep(lookMs, undefined, { signal: stopping.signal }).catch(() => {
        // Stopping ends the wait.
      });
      if (stopping.signal.aborted) return;
      if (now.epoch === undefined) await attempt(own, told, log);
      else setUp(...(await look(now.database, now.epoch, { due, parts, fence })));
    }
  };

  return {
    get status() {
      if (open === undefined) return "none";
      return now.isUp ? "up" : "down";
    },
    database: () => (now.isUp ? now.database : undefined),
    epoch: () => now.epoch,
    recovery: () => now.report,
    async start() {
      if (open === undefined) {
        log.warn("no database is configured: everything is in memory only, and gone after a restart");
        return;
      }
      await attempt(own, { last: "" }, log);
      watching = watch();
    },
    async stop() {
      stopping.abort();
      await watching;
      const { database, epoch } = now;
      if (database === undefined) return;
      try {
        if (epoch !== undefined && now.isUp) await within(sayStopped(database, epoch), patienceMs);
      } catch (error) {
        log.warn({ reason: messageOf(error) }, "the database was not told that this server stopped");
      }
      now.isUp = false;
      await within(Promise.resolve(database[Symbol.asyncDispose]()), patienceMs).catch(() => {
        // A connection that does not close in time ends with the process.
      });
    },
  };
}

/** Tries to become the owner; a failure is no reason to end, only to try again. The same failure is said once. */
async function attempt(own: () => Promise<void>, told: { last: string }, log: Logger): Promise<void> {
  try {
    await own();
  } catch (error) {
    const reason = messageOf(error);
    const hint = error instanceof RoomctlError ? error.hint : undefined;
    if (reason !== told.last) log.error({ reason, hint }, "starting empty, and trying again: no recovery yet");
    told.last = reason;
  }
}

interface Watch {
  readonly due: { beatAt: number; tidyAt: number };
  readonly parts: LinkParts;
  readonly fence: () => void;
}

/** Whether the database answers; leaves a heartbeat and tidies up when that is due. */
async function look(database: Database | undefined, epoch: string, watch: Watch): Promise<[boolean, string?]> {
  const { due, parts, fence } = watch;
  if (database === undefined) return [false];
  try {
    const nowMs = parts.monotonicMs();
    if (nowMs >= due.beatAt) {
      if (!(await within(beat(database, epoch), patienceMs))) fence();
      due.beatAt = nowMs + parts.heartbeatMs;
    } else await ping(database);
    if (nowMs >= due.tidyAt) {
      due.tidyAt = nowMs + tidyMs;
      await within(database.query(loadStatement("server/tidy")), patienceMs);
    }
    return [true];
  } catch (error) {
    return [false, messageOf(error)];
  }
}

async function ping(database: Database): Promise<void> {
  await using connection = await within(database.connect(), patienceMs);
  try {
    await within(connection.query("SELECT 1"), patienceMs);
  } catch (error) {
    // Its answer may never come, and nobody else should wait for it.
    connection.discard();
    throw error;
  }
}

async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  const timer = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: timer.signal, ref: false }).then(() => {
    throw new Error(`no answer within ${timeoutMs} ms`);
  });
  // Whichever is second must not count as unhandled.
  late.catch(() => {});
  promise.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

function recoveryLine({ rooms, others, durationMs }: RecoveryReport): string {
  const reasons = rooms.reasons.map(({ reason, rooms: count }) => `${count} ${reason}`).join(", ");
  const counts = `${rooms.recovered} rooms recovered, ${rooms.ended} ended, ${rooms.skipped} skipped`;
  return `${counts}${reasons ? ` (${reasons})` : ""}; ${others.referrals} referral links; ${Math.round(durationMs)} ms`;
}
