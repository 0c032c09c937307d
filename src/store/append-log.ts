import { RoomctlError } from "../core/errors.js";
import { Alarm, nextTurn } from "./alarm.js";
import { Breaker } from "./breaker.js";
import { Entry } from "./entry.js";
import { type Failure, failureOf } from "./failure-class.js";
import { sendInHalves } from "./halves.js";
import { type Lane, type Link, readOwned, type Shared, toJson } from "./link.js";
import { withOwner } from "./mirror.js";
import { Progress } from "./progress.js";
import type { LogStats } from "./stats.js";
import { Writer } from "./writer.js";

export interface LogOptions<In, Out> {
  readonly name: string;
  /**
   * Inserts a group. `$1` is a JSON array (as text) of what `toRow` made, each with its `ordinal`; `$2` the fence's epoch.
   * Returns one row `{ owned: boolean, receipts: json }`: an array with one object per entry that is stored, which has the
   * entry's `ordinal` and whatever `fromRow` reads. Must be idempotent: an entry may come twice when an answer was lost.
   */
  readonly statement: string;
  readonly toRow: (entry: In) => object;
  readonly fromRow: (receipt: unknown, entry: In) => Out;
  /** How long an entry may wait for its commit; 5 s unless told. */
  readonly waitMs?: number;
  /** How many entries may wait; 10,000 unless told. More are turned away at once. */
  readonly maxQueue?: number;
  /** What an entry becomes while there is no database; without it, it is turned away. */
  readonly fallback?: (entry: In) => Out;
}

export interface AppendLogParts<In, Out> {
  readonly options: LogOptions<In, Out>;
  readonly shared: Shared;
}

/** Somebody waits for each entry, so that a database that is back must not be found late. */
const maxDelayMs = 1_000;

/**
 * Appends that are acknowledged after their commit. What comes while a commit is under way goes together with the next,
 * so that many writers share one. Made by `Store.log`.
 */
export class AppendLog<In, Out> implements Lane {
  readonly name: string;
  readonly #parts: AppendLogParts<In, Out>;
  readonly #breaker: Breaker;
  readonly #progress = new Progress();
  readonly #due = new Alarm();
  readonly #pause = new Alarm();
  #queue: Entry<In, Out>[] = [];
  #inflight: readonly Entry<In, Out>[] = [];
  readonly #draining: (() => void)[] = [];
  #isAttached = false;
  #isFenced = false;
  #rejected = 0;

  constructor(parts: AppendLogParts<In, Out>) {
    const { nowMs, random, onEvent } = parts.shared;
    this.name = parts.options.name;
    this.#parts = parts;
    this.#breaker = new Breaker({ name: this.name, nowMs, random, onEvent, maxDelayMs });
  }

  /**
   * Resolves with the receipt once the entry is committed. Rejects with E_SQL when the database refuses this entry, with
   * E_UNAVAILABLE when it cannot be stored now: then `isIndeterminate` tells whether it may have been stored nevertheless.
   */
  append(value: In): Promise<Out> {
    const { fallback, maxQueue = 10_000, waitMs = 5_000 } = this.#parts.options;
    if (this.#isFenced) return this.#turnAway("another process owns the data now");
    if (!this.#isAttached) {
      return fallback === undefined ? this.#turnAway("there is no database") : Promise.resolve(fallback(value));
    }
    if (this.#queue.length >= maxQueue) return this.#turnAway(`${this.#queue.length} entries wait already`);
    const entry = new Entry<In, Out>(this.name, value);
    this.#queue.push(entry.expireAfter(waitMs, () => this.#giveUp(entry, `not stored after ${waitMs} ms`)));
    this.#due.ring();
    return entry.receipt;
  }

  /** Writes what comes until the link ends. Never throws. */
  async run(link: Link): Promise<void> {
    const { failpoints, maxRows } = this.#parts.shared;
    const writer = new Writer(link.database, this.#parts.shared);
    link.ended.addEventListener("abort", () => this.#wake(), { once: true });
    while (!link.ended.aborted && !this.#isFenced) {
      if (this.#queue.length === 0) await this.#due.wait();
      // Whatever else this turn appends goes along.
      await nextTurn();
      const limit = this.#breaker.state === "open" ? 1 : maxRows;
      this.#inflight = this.#queue.splice(0, limit).filter(({ isSettled }) => !isSettled);
      await failpoints.hit("after-drain-before-send");
      if (this.#inflight.length > 0 && !link.ended.aborted) await this.#write(this.#inflight, link, writer);
      // What is not settled by now waits for the next try, in its place.
      this.#queue.unshift(...this.#inflight.filter(({ isSettled }) => !isSettled));
      this.#inflight = [];
      if (this.#queue.length === 0) this.#noteDrained();
    }
    this.#noteDrained();
  }

  /** Said by the store: whether appends may wait for a database. */
  attached(isAttached: boolean): void {
    this.#isAttached = isAttached;
  }

  get left(): number {
    return this.#queue.length + this.#inflight.length;
  }

  drained(): Promise<void> {
    return this.left === 0 ? Promise.resolve() : new Promise((resolve) => this.#draining.push(resolve));
  }

  /** Ends a pause after a failure. */
  hurry(): void {
    this.#pause.ring();
  }

  fence(): void {
    this.#isFenced = true;
    for (const entry of [...this.#queue, ...this.#inflight]) this.#giveUp(entry, "another process owns the data now");
    this.#wake();
  }

  stats(): LogStats {
    return {
      name: this.name,
      queued: this.#queue.length,
      inflight: this.#inflight.length,
      rejected: this.#rejected,
      ...this.#progress.summary(),
      retries: this.#breaker.retries,
      breaker: this.#breaker.state,
      fenced: this.#isFenced,
    };
  }

  async #write(group: readonly Entry<In, Out>[], link: Link, writer: Writer): Promise<void> {
    const failure = await sendInHalves(group, {
      send: (entries) => this.#send(entries, link, writer),
      refuse: (entry, error) => this.#refuse(entry, error),
    });
    if (failure === undefined) return;
    const delayMs = this.#breaker.failed(failure.error, failure.kind);
    if (!link.ended.aborted && !this.#isFenced) await this.#pause.wait(delayMs);
  }

  /** Undefined when each entry has its answer, or the store is fenced. */
  async #send(entries: readonly Entry<In, Out>[], { fence }: Link, writer: Writer): Promise<Failure | undefined> {
    const { options, shared } = this.#parts;
    if (this.#isFenced) return undefined;
    const rows = await this.#serialise(entries);
    if (typeof rows !== "string") return rows;
    const startedMs = shared.nowMs();
    for (const entry of entries) entry.openSends += 1;
    const sent = await writer.send(withOwner(options.statement, fence), [rows, fence.epoch]);
    const isDecided = !("error" in sent && sent.isUnknown);
    if (isDecided) for (const entry of entries) entry.openSends -= 1;
    if ("error" in sent) return failureOf(sent.error);
    const owned = readOwned(sent.row);
    if (typeof owned !== "boolean") return failureOf(owned);
    if (owned) this.#acknowledge(entries, sent.row, shared.nowMs() - startedMs);
    else shared.onFenced(this.name);
    return undefined;
  }

  async #serialise(entries: readonly Entry<In, Out>[]): Promise<string | Failure> {
    const { toRow } = this.#parts.options;
    try {
      return await toJson(entries, ({ value }, ordinal) => ({ ...toRow(value), ordinal }));
    } catch (error) {
      return { error, kind: "poison" };
    }
  }

  #acknowledge(entries: readonly Entry<In, Out>[], row: object | undefined, durationMs: number): void {
    this.#breaker.succeeded();
    const { shared, options } = this.#parts;
    this.#progress.note({ rows: entries.length, durationMs, at: shared.wallMs() });
    const receipts = receiptsByOrdinal(row);
    for (const [ordinal, entry] of entries.entries()) {
      const receipt = receipts.get(ordinal);
      if (receipt === undefined) this.#refuse(entry, new Error("the statement returned no receipt for it"));
      else entry.acknowledge(() => options.fromRow(receipt, entry.value));
    }
  }

  #refuse(entry: Entry<In, Out>, cause: unknown): void {
    this.#breaker.succeeded();
    if (entry.refuse(cause)) this.#rejected += 1;
  }

  #giveUp(entry: Entry<In, Out>, why: string): void {
    if (entry.giveUp(why)) this.#rejected += 1;
    // They come in the order of their deadlines, and must not take the room of others.
    const first = this.#queue.findIndex(({ isSettled }) => !isSettled);
    this.#queue.splice(0, first === -1 ? this.#queue.length : first);
  }

  #turnAway(why: string): Promise<never> {
    this.#rejected += 1;
    return Promise.reject(new RoomctlError("E_UNAVAILABLE", `${this.name}: ${why}`));
  }

  #noteDrained(): void {
    for (const resolve of this.#draining.splice(0)) resolve();
  }

  #wake(): void {
    this.#due.ring();
    this.#pause.ring();
  }
}

function receiptsByOrdinal(row: object | undefined): ReadonlyMap<number, object> {
  const receipts: unknown = Reflect.get(Object(row), "receipts");
  const list: readonly unknown[] = Array.isArray(receipts) ? receipts : [];
  const byOrdinal = new Map<number, object>();
  for (const receipt of list) {
    if (typeof receipt === "object" && receipt !== null)
      byOrdinal.set(Number(Reflect.get(receipt, "ordinal")), receipt);
  }
  return byOrdinal;
}
