import type { RetentionBackup, RetentionPolicy } from "../../src/backup/retention.js";

export const dayMs = 86_400_000;

export const noRules: RetentionPolicy = {
  last: 0,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  within: null,
  minKeep: 1,
  chosen: null,
  damaged: { ms: 30 * dayMs, text: "30d" },
};

/** A verified whole backup, unless told. Its id follows from its time. */
export function backupAt(time: string, rest: Partial<RetentionBackup> = {}): RetentionBackup {
  return {
    id: time,
    createdAt: new Date(time),
    source: "app",
    isWhole: true,
    state: "verified",
    damagedSince: null,
    isPinned: false,
    ...rest,
  };
}

/** mulberry32: numbers from 0 up to 1, the same ones for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
