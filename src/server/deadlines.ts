import type { Clock } from "../core/clock.js";
import { pop, push } from "./deadlines-heap.js";

/**
 * Moments at which something is due, by name: the ends of grace periods, invites and silences. One timer serves them
 * all, and the clock alone says what is due, so a late timer or a test's clock changes nothing.
 */
export interface Deadlines {
  /** Runs `run` once, at `at` (epoch milliseconds) or soon after. Replaces what had that name. */
  set(name: string, at: number, run: () => void): void;
  cancel(name: string): void;
  /** True until it has run or was cancelled. */
  has(name: string): boolean;
  /** Runs what is due now. The timer does that by itself. */
  runDue(): void;
  stop(): void;
}

/** A name stands in the heap once, however often it is put off: it moves only when its slot comes up. */
interface Deadline {
  readonly name: string;
  readonly slotAt: number;
  at: number;
  /** Undefined once it is cancelled. */
  run: (() => void) | undefined;
}

/** Longer waits are split: the clock may run otherwise than the timer. */
const longestWaitMs = 60_000;

/** After a restart thousands of rooms can run out of time together; calls go on in between. */
const longestTurnMs = 10;

/** `onError` is told what a deadline's work throws; the others still run. */
export function createDeadlines(clock: Clock, onError: (error: unknown) => void): Deadlines {
  const known = new Map<string, Deadline>();
  const heap: Deadline[] = [];
  let timer: NodeJS.Timeout | undefined;
  let timerAt = Number.POSITIVE_INFINITY;
  let isStopped = false;

  const insert = (name: string, at: number, run: () => void) => {
    const deadline = { name, slotAt: at, at, run };
    known.set(name, deadline);
    push(heap, deadline);
  };
  const runOne = (deadline: Deadline) => {
    if (known.get(deadline.name) !== deadline) return;
    known.delete(deadline.name);
    const { name, at, slotAt, run } = deadline;
    if (run === undefined) return;
    if (at > slotAt) return insert(name, at, run);
    try {
      run();
    } catch (error) {
      onError(error);
    }
  };
  const runDue = (budgetMs = Number.POSITIVE_INFINITY) => {
    const dueAt = clock.now().getTime();
    const untilMs = clock.monotonicMs() + budgetMs;
    for (let next = heap[0]; next !== undefined && next.slotAt <= dueAt; next = heap[0]) {
      if (clock.monotonicMs() > untilMs) return;
      pop(heap);
      runOne(next);
    }
  };
  const arm = () => {
    const next = heap[0]?.slotAt;
    if (isStopped || next === undefined || next >= timerAt) return;
    clearTimeout(timer);
    timerAt = next;
    const waitMs = Math.min(Math.max(1, next - clock.now().getTime()), longestWaitMs);
    timer = setTimeout(() => {
      timerAt = Number.POSITIVE_INFINITY;
      runDue(longestTurnMs);
      arm();
    }, waitMs).unref();
  };

  return {
    set(name, at, run) {
      if (isStopped) return;
      const old = known.get(name);
      if (old !== undefined && old.slotAt <= at) Object.assign(old, { at, run });
      else insert(name, at, run);
      arm();
    },
    cancel(name) {
      const deadline = known.get(name);
      if (deadline !== undefined) deadline.run = undefined;
    },
    has: (name) => known.get(name)?.run !== undefined,
    runDue: () => runDue(),
    stop() {
      isStopped = true;
      clearTimeout(timer);
      known.clear();
      heap.length = 0;
    },
  };
}

/** The name of the deadline at which a room no longer waits for who is away. */
export function graceOf(roomId: string): string {
  return `grace:${roomId}`;
}
