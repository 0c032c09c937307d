import type { ServerSettings } from "./settings.js";

/** Tokens of one connection: each event takes one, and they come back with time. */
export interface Bucket {
  tokens: number;
  /** By the steady clock. */
  refilledAt: number;
  /** Events refused since the bucket was full for the last time. */
  refused: number;
}

type FloodSettings = Pick<ServerSettings, "eventBurst" | "eventsPerSecond">;

/** Who goes on sending this many times the burst after being refused does not listen. */
const patience = 5;

export function createBucket({ eventBurst }: FloodSettings, nowMs: number): Bucket {
  return { tokens: eventBurst, refilledAt: nowMs, refused: 0 };
}

/** 0 when the event may pass; otherwise the milliseconds after which the next one may. */
export function takeToken(bucket: Bucket, { eventBurst, eventsPerSecond }: FloodSettings, nowMs: number): number {
  const refill = ((nowMs - bucket.refilledAt) / 1000) * eventsPerSecond;
  bucket.tokens = Math.min(eventBurst, bucket.tokens + refill);
  bucket.refilledAt = nowMs;
  if (bucket.tokens >= eventBurst) bucket.refused = 0;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return 0;
  }
  bucket.refused += 1;
  return Math.max(1, Math.ceil(((1 - bucket.tokens) / eventsPerSecond) * 1000));
}

/** True for a connection that goes on flooding although it is refused. */
export function isFlooding(bucket: Bucket, { eventBurst }: FloodSettings): boolean {
  return bucket.refused > patience * eventBurst;
}
