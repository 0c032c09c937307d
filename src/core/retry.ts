import { setTimeout as sleep } from "node:timers/promises";

export interface RetryOptions {
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** Says whether this error is worth another attempt. */
  readonly isRetryable: (error: unknown) => boolean;
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
  readonly signal?: AbortSignal;
  /** 0 ≤ random() < 1; a test passes its own. */
  readonly random?: () => number;
}

/** Runs `work` until it succeeds, fails for good, or the attempts are used up. Exponential backoff with full jitter. */
export async function retry<T>(options: RetryOptions, work: (attempt: number) => Promise<T>): Promise<T> {
  const random = options.random ?? Math.random;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (attempt >= options.attempts || !options.isRetryable(error)) throw error;
      const ceilingMs = Math.min(options.maxDelayMs, options.firstDelayMs * 2 ** (attempt - 1));
      const delayMs = Math.round(ceilingMs * (0.5 + random() / 2));
      options.onRetry?.(error, attempt, delayMs);
      await sleep(delayMs, undefined, { signal: options.signal });
    }
  }
}
