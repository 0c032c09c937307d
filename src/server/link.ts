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
/** Of a thousand rows of each kind. */
const mostTidyRounds = 100;

/**
 * Keeps the server and its database together: takes over and recovers, now or when the database is back, leaves
 * heartbeats, notices when the database goes and comes, and when another server took over.
 */
export function createLink(parts: LinkParts): SupervisedLink {
  const { log, open } = parts;
  const stopping = new AbortController();
  const now: {
    database?: Database;
    writing?: Database;
    epoch?: string;
    isUp: boolean;
    report?: RecoveryReport;
    isFenced: boolean;
  } = {
    isUp: false,
    isFenced: false,
  };
  let watching: Promise<void> | undefined;

  const own = async () => {
    now.database ??= await open?.();
    // Its own sessions for what is written behind: whoever asks much must not keep it waiting.
    now.writing ??= await open?.();
    if (now.database === undefined || now.writing === undefined) return;
    const { epoch, fenced } = await parts.takeOver(now.database);
    const report = await parts.recover(now.database);
    // It took too long for a server that has been told to stop: the next one recovers.
    if (stopping.signal.aborted) return;
    now.report = report;
    now.epoch = epoch;
    now.isUp = true;
    log.info({ epoch, fenced, ...report }, `epoch ${epoch}: ${recoveryLine(report)}`);
    parts.onOwned(now.writing, epoch);
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
    if (isBack && now.writing && now.epoch !== undefined) parts.onOwned(now.writing, now.epoch);
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
      else setUp(...(await look(now.database, now.epoch, { due, parts, fence, log })));
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
      watching = watch().catch((error: unknown) => {
        // Another server owns the data while this one was about to go on.
        log.error({ reason: messageOf(error) }, "the watch over the database ended");
        fence();
      });
    },
    async stop() {
      stopping.abort();
      // An attempt to connect may take longer than anybody waits for a stop.
      await within(watching ?? Promise.resolve(), patienceMs).catch(() => {});
      const { database, epoch } = now;
      if (database === undefined) return;
      try {
        if (epoch !== undefined && now.isUp) await within(sayStopped(database, epoch), patienceMs);
      } catch (error) {
        log.warn({ reason: messageOf(error) }, "the database was not told that this server stopped");
      }
      now.isUp = false;
      const closing = [database, now.writing].map((one) => one?.[Symbol.asyncDispose]());
      await within(Promise.all(closing), patienceMs).catch(() => {
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
  readonly log: Logger;
}

/** Whether the database answers; leaves a heartbeat and tidies up when that is due. */
async function look(database: Database | undefined, epoch: string, watch: Watch): Promise<[boolean, string?]> {
  const { due, parts, fence, log } = watch;
  if (database === undefined) return [false];
  try {
    const nowMs = parts.monotonicMs();
    if (nowMs >= due.beatAt) {
      if (!(await within(beat(database, epoch), patienceMs))) fence();
      due.beatAt = nowMs + parts.heartbeatMs;
    } else await ping(database);
    if (nowMs >= due.tidyAt) {
      due.tidyAt = nowMs + tidyMs;
      // Nobody waits for it, and its failure says nothing about the database.
      tidy(database).catch((error: unknown) => log.warn({ reason: messageOf(error) }, "could not tidy up"));
    }
    return [true];
  } catch (error) {
    return [false, messageOf(error)];
  }
}

/** Deletes what has run out, some at a time. */
async function tidy(database: Database): Promise<void> {
  for (let round = 0; round < mostTidyRounds; round += 1) {
    const [row] = await database.query<{ full: boolean }>(loadStatement("server/tidy"));
    if (!row?.full) return;
  }
}

async function ping(database: Database): Promise<void> {
  const connecting = database.connect();
  const connection = await within(connecting, patienceMs).catch((error: unknown) => {
    // Should it come after all, nobody waits for it, and it must not be kept from others.
    connecting.then(
      (unwanted) => unwanted.discard(),
      () => {},
    );
    throw error;
  });
  try {
    await within(connection.query("SELECT 1"), patienceMs);
  } catch (error) {
    // Its answer may never come, and nobody else should wait for it.
    connection.discard();
    throw error;
  } finally {
    await connection[Symbol.asyncDispose]();
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
