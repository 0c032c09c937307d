import type { ProgressSummary } from "./progress.js";

export type BreakerState = "closed" | "open";

/** Of one map. Ephemeral maps count only their size. */
export interface MapStats extends ProgressSummary {
  readonly name: string;
  readonly persistence: "write-behind" | "ephemeral";
  readonly size: number;
  /** Keys whose change is in no batch yet. */
  readonly dirty: number;
  /** Keys in the batch under way. */
  readonly inflight: number;
  /** Keys that left memory and whose last value is still to be written. */
  readonly tombstones: number;
  /** Tombstones given up because there were too many: their rows stay in the database. 0 unless an outage was very long. */
  readonly tombstonesDropped: number;
  /** Rows that the database refuses now, by themselves: until their key is written again, is given up, or left 10 minutes ago. */
  readonly quarantined: number;
  /** Rows that it has refused since the start. */
  readonly refusals: number;
  /** Upper bound of the age of the oldest change that is not in the database; 0 without one. */
  readonly oldestDirtyMs: number;
  readonly retries: number;
  readonly breaker: BreakerState;
  readonly fenced: boolean;
  readonly highestVersion: number;
  /** Every change up to this version is settled. */
  readonly flushedVersion: number;
}

export interface LogStats extends ProgressSummary {
  readonly name: string;
  readonly queued: number;
  readonly inflight: number;
  /** Entries that were refused, expired or turned away. */
  readonly rejected: number;
  readonly retries: number;
  readonly breaker: BreakerState;
  readonly fenced: boolean;
}

export interface StoreStats {
  readonly attached: boolean;
  readonly fenced: boolean;
  /** The version of the newest change of any map. */
  readonly version: number;
  readonly maps: readonly MapStats[];
  readonly logs: readonly LogStats[];
}
