/** Time as a parameter: a test passes its own clock. */
export interface Clock {
  /** Wall clock. */
  now(): Date;
  /** Milliseconds that never run backwards, for durations. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};

/** Counts on from the moment it is made: when the machine's clock is set, what is timed by this one is not moved. */
export function createSteadyClock(base: Clock = systemClock): Clock {
  const startedAt = base.now().getTime() - base.monotonicMs();
  return { now: () => new Date(startedAt + base.monotonicMs()), monotonicMs: () => base.monotonicMs() };
}
