import { messageOf, RoomctlError } from "../core/errors.js";
import { noFailpoints } from "../core/failpoint.js";
import { codeOf } from "../db/sqlstate.js";
import { Alarm } from "./alarm.js";
import { Breaker } from "./breaker.js";
import type { Change } from "./change.js";
import { Changes } from "./changes.js";
import { type Failure, failureOf, isTooSlow } from "./failure-class.js";
import { sendInHalves } from "./halves.js";
import { type Lane, type Link, readOwned, type Shared, toJson } from "./link.js";
import { type Mirror, withOwner } from "./mirror.js";
import { Progress } from "./progress.js";
import { Quarantine } from "./quarantine.js";
import type { DeepReadonly } from "./read-only.js";
import type { MapStats } from "./stats.js";
import { type FlushOptions, Waiters } from "./waiters.js";
import { Writer } from "./writer.js";

export interface WriteBehindParts<V> {
  readonly name: string;
  readonly mirror: Mirror<V>;
  readonly shared: Shared;
  readonly read: (key: string) => DeepReadonly<V> | undefined;
  readonly has: (key: string) => boolean;
}

/** Carries one map's changes to its table: one batch at a time, so that no key's older value can overtake a newer one. */
export class WriteBehind<V> implements Lane {
  readonly changes: Changes<V>;
  readonly quarantine: Quarantine;
  readonly #breaker: Breaker;
  readonly #waiters: Waiters;
  readonly #progress = new Progress();
  /** Rung when there is something to do, and when a pause after a failure should end early. */
  readonly #due = new Alarm();
  readonly #pause = new Alarm();
  #limit: number;
  #isUrgent = false;
  #isFenced = false;

  constructor(readonly parts: WriteBehindParts<V>) {
    const { name, shared, read, has } = parts;
    const { counter, maxRows, tombstoneLimit, nowMs, random, onEvent, failpoints } = shared;
    const onDropped = (dropped: number, key: string) => {
      this.quarantine.release([key]);
      if (dropped % 10_000 !== 1) return;
      onEvent({ kind: "tombstones-dropped", map: name, message: `${dropped} deletions given up: their rows stay` });
    };
    this.#limit = maxRows;
    this.quarantine = new Quarantine(nowMs);
    this.#waiters = new Waiters(name);
    this.#breaker = new Breaker({ name, nowMs, random, onEvent });
    const beforeMark = failpoints === noFailpoints ? undefined : () => failpoints.hitNow("after-memory-before-dirty");
    const onDue = () => this.#due.ring();
    this.changes = new Changes({ counter, maxRows, tombstoneLimit, read, has, nowMs, beforeMark, onDue, onDropped });
  }

  /** Writes what there is until the link ends. Never throws. */
  async run(link: Link): Promise<void> {
    const writer = new Writer(link.database, this.parts.shared);
    link.ended.addEventListener("abort", () => this.#wake(), { once: true });
    while (!link.ended.aborted && !this.#isFenced) {
      if (this.changes.hasSealed) await this.#writeBatch(link, writer);
      else if (this.changes.hasPending) await this.#gather();
      else await this.#rest();
    }
    this.#waiters.paused();
  }

  /** Seals what is dirty once it is old enough, makes a full batch, or somebody waits for it. */
  async #gather(): Promise<void> {
    const waitMs = this.#isUrgent ? 0 : this.changes.waitMs(this.parts.shared.flushMs);
    if (waitMs > 0) await this.#due.wait(waitMs);
    // Who waits for what changes after this asks anew.
    this.#isUrgent = false;
    this.changes.seal();
  }

  async #rest(): Promise<void> {
    this.#isUrgent = false;
    this.changes.rest();
    this.#waiters.settled(this.changes.settledVersion);
    await this.#due.wait();
  }

  flushed(version: number, options: FlushOptions): Promise<void> {
    const key = version === this.changes.lastVersion ? this.changes.lastKey : undefined;
    const refused = key === undefined ? undefined : this.quarantine.get(key);
    if (refused !== undefined && refused.version >= version) return Promise.reject(this.#refusal(refused.message));
    if (version <= this.changes.settledVersion) return Promise.resolve();
    const waiting = this.#waiters.receipt(version, key, options);
    if (this.#isFenced) this.#waiters.fenced();
    this.hurry();
    return waiting;
  }

  settled(version: number): Promise<void> {
    if (version <= this.changes.settledVersion || this.#isFenced) return Promise.resolve();
    const waiting = this.#waiters.order(version);
    this.hurry();
    return waiting;
  }

  get left(): number {
    return this.changes.dirtyCount + this.changes.inflightCount;
  }

  drained(): Promise<void> {
    return this.settled(this.parts.shared.counter.last);
  }

  /** Writes without waiting for more to gather; a pause after a failure is kept unless told. */
  hurry({ endsPause = false } = {}): void {
    this.#isUrgent = true;
    this.#due.ring();
    if (endsPause) this.#pause.ring();
  }

  fence(): void {
    this.#isFenced = true;
    this.#waiters.fenced();
    this.#wake();
  }

  stats(): Omit<MapStats, "name" | "size"> {
    const { changes } = this;
    return {
      persistence: "write-behind",
      dirty: changes.dirtyCount,
      inflight: changes.inflightCount,
      tombstones: changes.leaving.size,
      tombstonesDropped: changes.tombstonesDropped,
      quarantined: this.quarantine.count,
      refusals: this.quarantine.total,
      oldestDirtyMs: changes.oldestMs(),
      ...this.#progress.summary(),
      retries: this.#breaker.retries,
      breaker: this.#breaker.state,
      fenced: this.#isFenced,
      highestVersion: changes.lastVersion,
      flushedVersion: changes.settledVersion,
    };
  }

  async #writeBatch(link: Link, writer: Writer): Promise<void> {
    const { failpoints, counter } = this.parts.shared;
    const batch = this.changes.take(this.#breaker.state === "open" ? 1 : this.#limit);
    if (batch.length > 0) {
      await this.#awaitOthers(link, counter.last);
      await failpoints.hit("after-drain-before-send");
      if (!link.ended.aborted && !this.#isFenced) await this.#write(batch, link, writer);
      this.changes.failed();
    }
    this.#waiters.settled(this.changes.settledVersion);
    await failpoints.hit("between-two-batches");
  }

  /** Rows that this map's refer to come first. */
  async #awaitOthers(link: Link, version: number): Promise<void> {
    const { after } = this.parts.mirror;
    if (after === undefined || link.ended.aborted) return;
    await after.settled(version);
  }

  async #write(batch: readonly Change<V>[], link: Link, writer: Writer): Promise<void> {
    const failure = await sendInHalves(batch, {
      send: (changes) => this.#send(changes, link, writer),
      refuse: (change, error) => this.#refuse(change, error),
    });
    if (failure !== undefined) await this.#recover(failure, link);
  }

  /** Undefined when the changes are in the database, or the store is fenced. */
  async #send(changes: readonly Change<V>[], { fence }: Link, writer: Writer): Promise<Failure | undefined> {
    const { mirror, name, shared } = this.parts;
    if (this.#isFenced) return undefined;
    const rows = await this.#serialise(changes);
    if (typeof rows !== "string") return rows;
    const startedMs = shared.nowMs();
    const sent = await writer.send(withOwner(mirror.statement, fence), [rows, fence.epoch]);
    if ("error" in sent) return failureOf(sent.error);
    const owned = readOwned(sent.row);
    if (typeof owned !== "boolean") return failureOf(owned);
    if (owned) this.#noteWritten(changes, shared.nowMs() - startedMs);
    else shared.onFenced(name);
    return undefined;
  }

  async #serialise(changes: readonly Change<V>[]): Promise<string | Failure> {
    const { toRow } = this.parts.mirror;
    try {
      return await toJson(changes, ({ key, value, version, deleted }) => toRow(key, value, { version, deleted }));
    } catch (error) {
      return { error, kind: "poison" };
    }
  }

  #noteWritten(changes: readonly Change<V>[], durationMs: number): void {
    this.#breaker.succeeded();
    this.changes.written(changes);
    this.quarantine.release(changes.map(({ key }) => key));
    this.#progress.note({ rows: changes.length, durationMs, at: this.parts.shared.wallMs() });
    this.#limit = Math.min(this.parts.shared.maxRows, this.#limit * 2);
  }

  async #recover({ error, kind }: Failure, link: Link): Promise<void> {
    this.changes.failed();
    if (isTooSlow(error)) this.#limit = Math.max(1, this.#limit >> 1);
    const delayMs = this.#breaker.failed(error, kind);
    if (!link.ended.aborted && !this.#isFenced) await this.#pause.wait(delayMs);
  }

  #refuse(change: Change<V>, error: unknown): void {
    const { name, mirror, shared } = this.parts;
    const { key, version, deleted } = change;
    this.#breaker.succeeded();
    // What has changed since may be taken: it was perhaps refused for something that went while it was under way.
    const isOvertaken = this.changes.isOvertaken(change);
    this.changes.refused([change]);
    if (isOvertaken) return;
    const message = messageOf(error);
    const code = codeOf(error);
    const row = attempt(() => mirror.toRow(key, change.value, { version, deleted }));
    this.quarantine.add({ key, version, deleted, row, code, message, at: shared.wallMs() }, this.parts.has(key));
    this.#waiters.refused(key, version, this.#refusal(message));
    shared.onEvent({ kind: "quarantined", map: name, key, message, ...(code === undefined ? {} : { code }) });
  }

  #refusal(message: string): RoomctlError {
    return new RoomctlError("E_SQL", `${this.parts.name}: the database refuses the change: ${message}`);
  }

  #wake(): void {
    this.#due.ring();
    this.#pause.ring();
  }
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    // It is because of this failure that the row is refused, and the message says so.
    return undefined;
  }
}
