import { messageOf } from "../core/errors.js";
import { createBucket, isFlooding, takeToken } from "./flood.js";
import type { Realtime } from "./realtime.js";
import { type Answer, refuse } from "./refusal.js";
import { answerEvent, type Caller, type ClientEvent } from "./sockets-events.js";

/** The connection that events come from. */
export interface Origin {
  readonly caller: Caller;
  /** False once the user is connected elsewhere. */
  readonly isCurrent: () => boolean;
  readonly hangUp: () => void;
}

/** Takes an event with what came along: its payload and, if the client wants an answer, a function for it. */
export type Receiver = (event: string, ...args: readonly unknown[]) => void;

type Acknowledge = (answer: Answer) => void;

/** Takes the events of one connection. Whatever they hold, each is answered; whatever goes wrong, only that one fails. */
export function createReceiver(realtime: Realtime, origin: Origin): Receiver {
  const { settings, clock } = realtime;
  const bucket = createBucket(settings, clock.monotonicMs());
  return (event, ...args) => {
    const [payload] = args;
    const last = args.at(-1);
    // A client cannot send a function: one at the end is Socket.IO's.
    const acknowledge: Acknowledge = typeof last === "function" ? (last as Acknowledge) : noAnswer;
    const waitMs = takeToken(bucket, settings, clock.monotonicMs());
    if (waitMs > 0) {
      acknowledge(refuse("limited", "too many events", waitMs));
      if (isFlooding(bucket, settings)) origin.hangUp();
    } else if (origin.isCurrent()) {
      const clientEvent = { event, payload: typeof payload === "function" ? undefined : payload };
      answer(realtime, { caller: origin.caller, acknowledge }, clientEvent);
    } else acknowledge(refuse("unauthorized", "this session was replaced"));
  };
}

const noAnswer: Acknowledge = () => {};

interface Asking {
  readonly caller: Caller;
  readonly acknowledge: Acknowledge;
}

function answer(realtime: Realtime, { caller, acknowledge }: Asking, clientEvent: ClientEvent): void {
  const fail = (error: unknown) => {
    realtime.log.error({ event: clientEvent.event, error: messageOf(error) }, "an event failed");
    acknowledge(refuse("internal", "something went wrong here; it has been noted"));
  };
  try {
    const given = answerEvent(realtime, caller, clientEvent);
    if (given instanceof Promise) given.then(acknowledge, fail);
    else acknowledge(given);
  } catch (error) {
    fail(error);
  }
}
