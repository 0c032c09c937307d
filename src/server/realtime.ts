import { messageOf } from "../core/errors.js";
import { createTalks, type Talks } from "./chat-talks.js";
import type { ServerContext } from "./context.js";
import { createDeadlines, type Deadlines } from "./deadlines.js";
import { createInvitations, type Invitations } from "./invites.js";
import { createPruning, forgetOldest } from "./prune.js";
import { createQueues, type Queues, rematch } from "./queue.js";
import { createEndedRooms, type EndedRooms } from "./rooms-ended.js";
import { type CallTimes, createCallTimes, settleTimers } from "./timers.js";

/**
 * What the realtime parts share beyond the maps. All of it is derived from the maps, or dies with the connections:
 * nothing here needs to be found again after a restart.
 */
export interface Realtime extends ServerContext {
  readonly deadlines: Deadlines;
  readonly queues: Queues;
  readonly invitations: Invitations;
  readonly talks: Talks;
  readonly callTimes: CallTimes;
  readonly endedRooms: EndedRooms;
  /** Ends of rooms that wait for messages on their way. */
  readonly endings: Set<Promise<unknown>>;
  /** Users for whom messages are being read. */
  readonly reading: Set<string>;
  /** Names of the users in rooms, who may be away. */
  readonly names: Map<string, string>;
  /** Drop what has run out, some of it at a time. */
  readonly prunings: readonly (() => void)[];
  /** Ends the timers. What is in the maps stays. */
  stop(): void;
}

/** How often totals are settled and what has run out is dropped. */
const tickMs = 5_000;

/** The realtime half of a server, without its sockets. Call `stop` when they are closed. */
export function createRealtime(context: ServerContext): Realtime {
  const logError = (error: unknown) => context.log.error({ error: messageOf(error) }, "a deadline's work failed");
  const deadlines = createDeadlines(context.clock, logError);
  const interval = setInterval(() => tick(realtime), tickMs).unref();
  const realtime: Realtime = {
    ...context,
    deadlines,
    queues: createQueues(),
    invitations: createInvitations(),
    talks: createTalks(),
    callTimes: createCallTimes(),
    endedRooms: createEndedRooms(),
    endings: new Set(),
    reading: new Set(),
    names: new Map(),
    prunings: createPrunings(context),
    stop() {
      clearInterval(interval);
      settleTimers(realtime);
      deadlines.stop();
    },
  };
  return realtime;
}

/** What is done every few seconds for all rooms at once. */
export function tick(realtime: Realtime): void {
  settleTimers(realtime);
  rematch(realtime);
  for (const prune of realtime.prunings) prune();
}

/** Links beyond these stay in the database, and are read when somebody comes through one. */
const mostReferrals = 200_000;

/** Cooldowns last a day, and there may be a million of them: within 5 minutes each has its turn. Windows are short. */
function createPrunings({ state, clock }: ServerContext): readonly (() => void)[] {
  const now = () => clock.now().getTime();
  return [
    createPruning(state.cooldowns, { calls: 60, now }),
    createPruning(state.rateLimits, { calls: 4, now }),
    () => forgetOldest(state.referrals, mostReferrals),
  ];
}
