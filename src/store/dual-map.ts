import type { Leaving } from "./change.js";
import type { Settling } from "./mirror.js";
import type { Refused } from "./quarantine.js";
import { type DeepReadonly, deepFreeze } from "./read-only.js";
import type { MapStats } from "./stats.js";
import type { FlushOptions } from "./waiters.js";
import type { WriteBehind } from "./write-behind.js";

export interface DualMapParts<V> {
  readonly name: string;
  readonly freeze: boolean;
  /** Undefined for a map that is memory only. */
  readonly lane: (map: DualMap<V>) => WriteBehind<V> | undefined;
}

/**
 * A Map from strings to plain, read-only data that is written to its table in the background. Reading and changing it is
 * synchronous and never waits, fails or slows down because of the database. Made by `Store.map`.
 */
export class DualMap<V> extends Map<string, DeepReadonly<V>> implements Settling {
  readonly name: string;
  readonly #freeze: boolean;
  readonly #lane: WriteBehind<V> | undefined;

  constructor({ name, freeze, lane }: DualMapParts<V>) {
    super();
    this.name = name;
    this.#freeze = freeze;
    this.#lane = lane(this);
  }

  override set(key: string, value: DeepReadonly<V>): this {
    super.set(key, this.#freeze ? deepFreeze(value) : value);
    if (this.#lane !== undefined) this.#lane.changes.mark(key);
    return this;
  }

  override delete(key: string): boolean {
    if (this.#lane === undefined) return super.delete(key);
    const last = this.get(key);
    if (!super.delete(key)) return false;
    this.#lane.changes.bury(key, last as DeepReadonly<V>);
    return true;
  }

  /** Deletes every key, each with its tombstone. */
  override clear(): void {
    const keys = this.#lane === undefined ? [] : [...this.keys()];
    for (const key of keys) this.delete(key);
    super.clear();
  }

  /**
   * Sets what `change` makes of the current value, and returns the value that holds then. `change` gets undefined for a
   * key that is not there; returning undefined leaves everything as it is.
   */
  update(
    key: string,
    change: (current: DeepReadonly<V> | undefined) => DeepReadonly<V> | undefined,
  ): DeepReadonly<V> | undefined {
    const current = this.get(key);
    const next = change(current);
    if (next === undefined) return current;
    this.set(key, next);
    return next;
  }

  /** Writes the key again although its value did not change. False without such a key. */
  touch(key: string): boolean {
    if (!this.has(key)) return false;
    this.#lane?.changes.mark(key);
    return true;
  }

  /**
   * Takes a value that comes from the database: it is not written back. False, and without effect, when memory knows
   * better: it holds the key, has a change of it under way, or deleted it within the last minute.
   */
  load(key: string, value: DeepReadonly<V>): boolean {
    if (this.has(key)) return false;
    const newer = this.#lane?.changes.recall(key);
    if (newer !== undefined) super.set(key, newer);
    if (newer !== undefined || this.#lane?.changes.isBuried(key)) return false;
    super.set(key, this.#freeze ? deepFreeze(value) : value);
    return true;
  }

  /** Takes the key out of memory and leaves its row: a change of it that is under way still gets there. */
  forget(key: string): boolean {
    const last = this.get(key);
    if (!super.delete(key)) return false;
    this.#lane?.changes.forget(key, last as DeepReadonly<V>);
    this.#lane?.quarantine.release([key]);
    return true;
  }

  /** Version of the key's last change; 0 for one that was loaded, undefined for one that is not there and not pending. */
  versionOf(key: string): number | undefined {
    return this.#lane?.changes.versionOf(key) ?? (this.has(key) ? 0 : undefined);
  }

  /** True while the key's last change is not in the database. */
  isPending(key: string): boolean {
    return this.#lane?.changes.isPending(key) ?? false;
  }

  /** Version of the last change of any key. */
  get lastVersion(): number {
    return this.#lane?.changes.lastVersion ?? 0;
  }

  /**
   * Resolves when every change up to `version`, the last one unless told, is in the database; asks for it to be written
   * at once. Rejects with E_SQL when the last change is refused by the database, with E_UNAVAILABLE once the store is
   * fenced or `waitMs` have passed. Without a database it waits. A map without a mirror has nothing to wait for.
   */
  flushed(version = this.lastVersion, options: FlushOptions = {}): Promise<void> {
    if (this.#lane === undefined) return Promise.resolve();
    return this.#lane.flushed(version, options);
  }

  /**
   * For order, not for receipts: as `flushed`, but a row that the database refuses counts as done, and it never rejects.
   * It also resolves when the store is detached or fenced.
   */
  settled(version = this.lastVersion): Promise<void> {
    return this.#lane?.settled(version) ?? Promise.resolve();
  }

  /** Rows that the database refuses now; the newest 1,000. */
  get refused(): readonly Refused[] {
    return this.#lane?.quarantine.rows ?? [];
  }

  /** Keys that left memory and whose last value is still to be written. */
  get leaving(): ReadonlyMap<string, Leaving<V>> {
    return this.#lane?.changes.leaving ?? nothing;
  }

  stats(): MapStats {
    const ephemeral = { ...noStats, name: this.name, size: this.size };
    return this.#lane === undefined ? ephemeral : { ...ephemeral, ...this.#lane.stats() };
  }
}

const nothing: ReadonlyMap<string, never> = new Map<string, never>();

const noStats: MapStats = {
  name: "",
  persistence: "ephemeral",
  size: 0,
  dirty: 0,
  inflight: 0,
  tombstones: 0,
  tombstonesDropped: 0,
  quarantined: 0,
  refusals: 0,
  oldestDirtyMs: 0,
  lastSuccessAt: null,
  batches: 0,
  rows: 0,
  batchMsP50: 0,
  batchMsP99: 0,
  retries: 0,
  breaker: "closed",
  fenced: false,
  highestVersion: 0,
  flushedVersion: 0,
};
