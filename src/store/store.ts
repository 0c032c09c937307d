import { type Clock, systemClock } from "../core/clock.js";
import { RoomctlError } from "../core/errors.js";
import { type Failpoints, noFailpoints } from "../core/failpoint.js";
import type { Database } from "../db/pool.js";
import { nextTurn } from "./alarm.js";
import { AppendLog, type LogOptions } from "./append-log.js";
import { type Container, containerOf } from "./container.js";
import { DualMap } from "./dual-map.js";
import { type OnEvent, safely } from "./event.js";
import type { Lane, Link, Shared } from "./link.js";
import type { Fence, Mirror } from "./mirror.js";
import type { LogStats, MapStats, StoreStats } from "./stats.js";
import type { FlushOptions } from "./waiters.js";
import { WriteBehind } from "./write-behind.js";

export type { StoreEvent } from "./event.js";

export interface StoreOptions {
  readonly clock?: Clock;
  /** 0 <= random() < 1, for the jitter of retries. */
  readonly random?: () => number;
  /** Freezes values, all the way down, so that changing one in place throws; true unless told. */
  readonly freeze?: boolean;
  readonly failpoints?: Failpoints;
  readonly onEvent?: OnEvent;
  /** How long a change may wait for others to go along; 50 ms unless told. */
  readonly flushMs?: number;
  /** Rows of one batch at most, and so many changes are written at once; 500 unless told. */
  readonly maxRows?: number;
  /** Deleted keys that each map keeps while they cannot be written; 200,000 unless told. */
  readonly tombstoneLimit?: number;
  /** After so long the server ends a statement of the store; 5 s unless told. */
  readonly statementTimeoutMs?: number;
  /** How long a session may take to be there; 10 s unless told. */
  readonly connectTimeoutMs?: number;
}

export interface MapOptions<V> {
  /** For stats and events; one of its kind in the store. */
  readonly name: string;
  /** How it is written to the database; without one the map is memory only. */
  readonly mirror?: Mirror<V>;
}

export interface DrainResult {
  /** Changes and entries that are not in the database. */
  readonly left: number;
}

const noFence: Fence = { epoch: "0" };
const drainRetryMs = 250;

/** Memory-first state of one process: maps that a database follows in the background, and logs that wait for it. */
export class Store {
  readonly #shared: Shared;
  readonly #freeze: boolean;
  readonly #maps: { stats(): MapStats; flushed(version: number, options: FlushOptions): Promise<void> }[] = [];
  readonly #logs: { stats(): LogStats; attached(isAttached: boolean): void }[] = [];
  readonly #lanes: Lane[] = [];
  readonly #containers: Container[] = [];
  #link: (Link & { readonly ending: AbortController }) | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #isFenced = false;

  constructor(options: StoreOptions = {}) {
    const { clock = systemClock, onEvent = () => {} } = options;
    this.#freeze = options.freeze ?? true;
    this.#shared = {
      counter: { last: 0 },
      flushMs: options.flushMs ?? 50,
      maxRows: options.maxRows ?? 500,
      tombstoneLimit: options.tombstoneLimit ?? 200_000,
      statementTimeoutMs: options.statementTimeoutMs ?? 5_000,
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      failpoints: options.failpoints ?? noFailpoints,
      nowMs: () => clock.monotonicMs(),
      wallMs: () => clock.now().getTime(),
      random: options.random ?? Math.random,
      onEvent: safely(onEvent),
      onFenced: (name) => this.#fence(name),
    };
  }

  /** A new map, empty. */
  map<V>({ name, mirror }: MapOptions<V>): DualMap<V> {
    const shared = this.#shared;
    const createLane = (map: DualMap<V>) => {
      if (mirror === undefined) return undefined;
      const lane = new WriteBehind<V>({
        name,
        mirror,
        shared,
        read: (key) => map.get(key),
        has: (key) => map.has(key),
      });
      this.#add(lane);
      return lane;
    };
    const map = new DualMap<V>({ name, freeze: this.#freeze, lane: createLane });
    this.#maps.push(map);
    this.#containers.push(containerOf(map, mirror));
    return map;
  }

  /** A new log of appends that are acknowledged after their commit. */
  log<In, Out>(options: LogOptions<In, Out>): AppendLog<In, Out> {
    const log = new AppendLog<In, Out>({ options, shared: this.#shared });
    log.attached(this.#link !== undefined);
    this.#logs.push(log);
    this.#add(log);
    return log;
  }

  /**
   * Begins to write what has changed and what will. With the same database and epoch again it only ends the pauses after
   * failures. Sessions are borrowed for one statement each and keep the store's statement_timeout: give it a database
   * of its own. Throws E_UNAVAILABLE when the store is fenced, which is for good.
   */
  attach(database: Database, fence: Fence = noFence): void {
    if (this.#isFenced) throw new RoomctlError("E_UNAVAILABLE", "another process owns the data of this store now");
    if (this.#link?.database === database && this.#link.fence.epoch === fence.epoch) {
      this.#hurry();
      return;
    }
    void this.detach();
    const ending = new AbortController();
    const link = { database, fence, ending, ended: ending.signal };
    this.#link = link;
    for (const log of this.#logs) log.attached(true);
    // A statement of the link before may be under way: two at a time in one lane could overtake each other.
    const lanes = [...this.#lanes];
    this.#running = this.#running.then(() => Promise.all(lanes.map((lane) => lane.run(link))));
  }

  /** Stops writing; changes go on in memory. Resolves when every session is given back, so that the database can close. */
  async detach(): Promise<void> {
    this.#link?.ending.abort();
    this.#link = undefined;
    for (const log of this.#logs) log.attached(false);
    await this.#running;
  }

  /** As `flushed` of every map: for versions of this store, which all maps share. */
  async flushed(version = this.lastVersion, options: FlushOptions = {}): Promise<void> {
    await Promise.all(this.#maps.map((map) => map.flushed(version, options)));
  }

  /** Writes all that is there now, without pauses, for at most so long. Nothing is lost by what it could not write. */
  async drain(deadlineMs: number): Promise<DrainResult> {
    const left = () => this.#lanes.reduce((sum, lane) => sum + lane.left, 0);
    if (this.#link === undefined || this.#isFenced) return { left: left() };
    let deadline: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, deadlineMs);
    });
    const retry = setInterval(() => this.#hurry(), drainRetryMs);
    const started = this.#link;
    let isOver = false;
    // One lane's last entry may lead to a change in another that was empty already.
    const empty = async () => {
      while (left() > 0 && !isOver && this.#link === started && !this.#isFenced) {
        await Promise.all(this.#lanes.map((lane) => lane.drained()));
        await nextTurn();
      }
    };
    try {
      this.#hurry();
      await Promise.race([late, empty()]);
    } finally {
      isOver = true;
      clearTimeout(deadline);
      clearInterval(retry);
    }
    return { left: left() };
  }

  /** The version of the newest change of any map. */
  get lastVersion(): number {
    return this.#shared.counter.last;
  }

  get isFenced(): boolean {
    return this.#isFenced;
  }

  stats(): StoreStats {
    return {
      attached: this.#link !== undefined,
      fenced: this.#isFenced,
      version: this.lastVersion,
      maps: this.#maps.map((map) => map.stats()),
      logs: this.#logs.map((log) => log.stats()),
    };
  }

  /** Its maps, as whoever compares memory with the database reads them. */
  containers(): readonly Container[] {
    return this.#containers;
  }

  #add(lane: Lane): void {
    this.#lanes.push(lane);
    const link = this.#link;
    if (link !== undefined) this.#running = Promise.all([this.#running, this.#running.then(() => lane.run(link))]);
  }

  #hurry(): void {
    for (const lane of this.#lanes) lane.hurry({ endsPause: true });
  }

  #fence(name: string): void {
    if (this.#isFenced) return;
    this.#isFenced = true;
    for (const lane of this.#lanes) lane.fence();
    this.#shared.onEvent({
      kind: "fenced",
      map: name,
      message: "another process owns the data; nothing more is written",
    });
  }
}
