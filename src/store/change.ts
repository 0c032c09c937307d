import type { DeepReadonly } from "./read-only.js";

/** One change as a batch takes it. */
export interface Change<V> {
  readonly key: string;
  readonly version: number;
  readonly value: DeepReadonly<V>;
  readonly deleted: boolean;
}

/** The last value of a key that left memory before it was written. */
export interface Leaving<V> {
  readonly value: DeepReadonly<V>;
  /** False for a key that memory only forgets: then its row stays. */
  readonly deleted: boolean;
}

export interface ChangesOptions<V> {
  /** Shared by all maps of a store. */
  readonly counter: { last: number };
  readonly maxRows: number;
  readonly tombstoneLimit: number;
  readonly read: (key: string) => DeepReadonly<V> | undefined;
  readonly has: (key: string) => boolean;
  readonly nowMs: () => number;
  /** Called between the change of memory and its mark. */
  readonly beforeMark: (() => void) | undefined;
  /** The first change after rest, and again when there is a full batch. */
  readonly onDue: () => void;
  readonly onDropped: (dropped: number, key: string) => void;
}
