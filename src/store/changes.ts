import type { Change, ChangesOptions, Leaving } from "./change.js";
import type { DeepReadonly } from "./read-only.js";

/** How long a deleted key is remembered after its tombstone was written: a slow reader must not bring it back. */
const buriedMs = 60_000;

/**
 * What of a map is not in the database yet. A change is first dirty; then sealed, with all that were dirty at that moment;
 * then in a batch under way. A key that changes while its batch is under way is dirty again.
 *
 * Only versions are kept, never values: a batch reads the value that the key has when the batch is taken. So this holds
 * no more than one number per live key, and the last values of deleted ones, of which there is a limit.
 */
export class Changes<V> {
  lastVersion = 0;
  lastKey: string | undefined;
  /** Every change up to this one is settled. */
  #settledVersion = 0;
  tombstonesDropped = 0;

  #dirty = new Map<string, number>();
  #dirtySinceMs = 0;
  #sealed = new Map<string, number>();
  #sealedSinceMs = 0;
  #sealedVersion = 0;
  readonly #inflight = new Map<string, number>();
  readonly #leaving = new Map<string, Leaving<V>>();
  readonly #persisted = new Map<string, number>();
  readonly #buried = new Map<string, number>();
  #isResting = true;

  // Fields of their own for what every change needs.
  readonly #counter: { last: number };
  readonly #maxRows: number;
  readonly #beforeMark: (() => void) | undefined;

  constructor(private readonly options: ChangesOptions<V>) {
    this.#counter = options.counter;
    this.#maxRows = options.maxRows;
    this.#beforeMark = options.beforeMark;
  }

  /** Called for every change, after it: the hot path. */
  mark(key: string): void {
    // The version comes before the mark: whoever sees a key marked sees a version that covers the change.
    const version = ++this.#counter.last;
    this.lastVersion = version;
    this.lastKey = key;
    if (this.#beforeMark !== undefined) this.#beforeMark();
    if (this.#leaving.size > 0) this.#leaving.delete(key);
    this.#dirty.set(key, version);
    if (this.#isResting) this.#begin();
    else if (this.#dirty.size === this.#maxRows) this.options.onDue();
  }

  /** A key that was deleted: `value` is the last that it had. */
  bury(key: string, value: DeepReadonly<V>): void {
    this.mark(key);
    this.#leaving.set(key, { value, deleted: true });
    if (this.#leaving.size > this.options.tombstoneLimit) this.#dropOldest();
  }

  /** A key that memory forgets; a change of it that is not written yet still will be. */
  forget(key: string, value: DeepReadonly<V>): void {
    this.#persisted.delete(key);
    if (this.isPending(key)) this.#leaving.set(key, { value, deleted: false });
    if (this.#leaving.size > this.options.tombstoneLimit) this.#dropOldest();
  }

  /** The value of a key that memory forgot and that is newer than its row, out of the waiting room. */
  recall(key: string): DeepReadonly<V> | undefined {
    const leaving = this.#leaving.get(key);
    if (leaving === undefined || leaving.deleted) return undefined;
    this.#leaving.delete(key);
    return leaving.value;
  }

  /** True while a row read from the database might be one that was deleted here since it was read. */
  isBuried(key: string): boolean {
    return this.#leaving.get(key)?.deleted === true || this.#buried.has(key);
  }

  isPending(key: string): boolean {
    return this.#dirty.has(key) || this.#sealed.has(key) || this.#inflight.has(key);
  }

  versionOf(key: string): number | undefined {
    return this.#dirty.get(key) ?? this.#sealed.get(key) ?? this.#inflight.get(key) ?? this.#persisted.get(key);
  }

  get hasPending(): boolean {
    return this.#dirty.size + this.#sealed.size + this.#inflight.size > 0;
  }

  get hasSealed(): boolean {
    return this.#sealed.size > 0;
  }

  get dirtyCount(): number {
    let both = 0;
    const [few, many] =
      this.#dirty.size < this.#sealed.size ? [this.#dirty, this.#sealed] : [this.#sealed, this.#dirty];
    for (const key of few.keys()) if (many.has(key)) both += 1;
    return few.size + many.size - both;
  }

  get inflightCount(): number {
    return this.#inflight.size;
  }

  /** Keys that left memory, and their last values. */
  get leaving(): ReadonlyMap<string, Leaving<V>> {
    return this.#leaving;
  }

  get settledVersion(): number {
    return this.hasPending ? this.#settledVersion : this.options.counter.last;
  }

  /** How long the next seal should wait so that changes can gather. */
  waitMs(flushMs: number): number {
    if (this.#dirty.size >= this.options.maxRows) return 0;
    return Math.max(0, this.#dirtySinceMs + flushMs - this.options.nowMs());
  }

  oldestMs(): number {
    if (!this.hasPending) return 0;
    const isSealed = this.#sealed.size + this.#inflight.size > 0;
    return Math.max(0, this.options.nowMs() - (isSealed ? this.#sealedSinceMs : this.#dirtySinceMs));
  }

  /** All that is dirty will be written before anything that changes from now on. */
  seal(): void {
    this.#sealed = this.#dirty;
    this.#sealedSinceMs = this.#dirtySinceMs;
    this.#sealedVersion = this.options.counter.last;
    this.#dirty = new Map();
    this.#dirtySinceMs = this.options.nowMs();
  }

  /** Up to `limit` sealed keys with the value and version that they have now. */
  take(limit: number): readonly Change<V>[] {
    const taken: Change<V>[] = [];
    for (const [key, sealedVersion] of this.#sealed) {
      if (taken.length === limit) break;
      this.#sealed.delete(key);
      const version = this.#dirty.get(key) ?? sealedVersion;
      this.#dirty.delete(key);
      const change = this.#read(key, version);
      if (change === undefined) continue;
      this.#inflight.set(key, version);
      taken.push(change);
    }
    if (taken.length === 0) this.#noteSettled();
    return taken;
  }

  /** These are in the database. */
  written(changes: readonly Change<V>[]): void {
    for (const { key, version, deleted } of changes) {
      this.#inflight.delete(key);
      if (deleted) {
        this.#persisted.delete(key);
        this.#buried.set(key, this.options.nowMs());
      } else {
        this.#buried.delete(key);
        if (this.options.has(key)) this.#persisted.set(key, version);
      }
      if (!this.#dirty.has(key)) this.#leaving.delete(key);
    }
    this.#noteSettled();
  }

  /** These will never be: the database refuses them. */
  refused(changes: readonly Change<V>[]): void {
    for (const { key } of changes) {
      this.#inflight.delete(key);
      if (!this.#dirty.has(key)) this.#leaving.delete(key);
    }
    this.#noteSettled();
  }

  /** The batch under way failed: what of it is not dirty again anyway goes back. */
  failed(): void {
    if (this.#inflight.size === 0) return;
    const back = [...this.#inflight].filter(([key]) => !this.#dirty.has(key));
    // In front of the others: the oldest go first, whatever happens.
    this.#sealed = new Map([...back, ...this.#sealed]);
    this.#inflight.clear();
  }

  /** True when the change has been overtaken by a newer one of its key. */
  isOvertaken({ key }: Change<V>): boolean {
    return this.#dirty.has(key);
  }

  /** Nothing to do: the next mark calls `onDue`. */
  rest(): void {
    this.#isResting = true;
    this.#forgetBuried();
  }

  #begin(): void {
    this.#isResting = false;
    this.#dirtySinceMs = this.options.nowMs();
    this.options.onDue();
  }

  #read(key: string, version: number): Change<V> | undefined {
    const leaving = this.#leaving.get(key);
    if (leaving !== undefined) return { key, version, ...leaving };
    if (!this.options.has(key)) return undefined;
    return { key, version, value: this.options.read(key) as DeepReadonly<V>, deleted: false };
  }

  #noteSettled(): void {
    if (this.#sealed.size + this.#inflight.size === 0) this.#settledVersion = this.#sealedVersion;
    this.#forgetBuried();
  }

  #forgetBuried(): void {
    const untilMs = this.options.nowMs() - buriedMs;
    for (const [key, atMs] of this.#buried) {
      if (atMs > untilMs && this.#buried.size <= this.options.tombstoneLimit) break;
      this.#buried.delete(key);
    }
  }

  #dropOldest(): void {
    for (const key of this.#leaving.keys()) {
      if (this.#inflight.has(key)) continue;
      this.#leaving.delete(key);
      this.#dirty.delete(key);
      this.#sealed.delete(key);
      this.tombstonesDropped += 1;
      this.options.onDropped(this.tombstonesDropped, key);
      return;
    }
  }
}
