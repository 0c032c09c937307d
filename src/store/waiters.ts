import { RoomctlError } from "../core/errors.js";

export interface FlushOptions {
  /** Rejects with E_UNAVAILABLE after so long; without it, it waits through any outage. */
  readonly waitMs?: number;
}

interface Waiter {
  readonly version: number;
  /** The key of that version's change, where it is known: who waits is told if it is refused. */
  readonly key: string | undefined;
  /** Who only wants order is never told of a failure. */
  readonly wantsReceipt: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Who waits for changes of one map to be in the database. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  constructor(private readonly name: string) {}

  receipt(version: number, key: string | undefined, { waitMs }: FlushOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = <Value>(then: (value: Value) => void) => {
        return (value: Value) => {
          clearTimeout(timer);
          this.#waiting.delete(waiter);
          then(value);
        };
      };
      const waiter = { version, key, wantsReceipt: true, resolve: end<void>(resolve), reject: end<Error>(reject) };
      const late = () => waiter.reject(this.#unavailable(`not in the database after ${waitMs} ms`));
      const timer = waitMs === undefined ? undefined : setTimeout(late, waitMs);
      this.#waiting.add(waiter);
    });
  }

  order(version: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#waiting.delete(waiter);
        resolve();
      };
      const waiter = { version, key: undefined, wantsReceipt: false, resolve: end, reject: end };
      this.#waiting.add(waiter);
    });
  }

  /** Everything up to this version is written or refused. */
  settled(version: number): void {
    for (const waiter of this.#waiting) if (waiter.version <= version) waiter.resolve();
  }

  refused(key: string, version: number, error: Error): void {
    for (const waiter of this.#waiting) if (waiter.key === key && waiter.version <= version) waiter.reject(error);
  }

  /** Nothing is written for now: who waits for its turn should look again. */
  paused(): void {
    for (const waiter of this.#waiting) if (!waiter.wantsReceipt) waiter.resolve();
  }

  /** Nothing more will be written. */
  fenced(): void {
    for (const waiter of this.#waiting) waiter.reject(this.#unavailable("another process owns the data now"));
  }

  #unavailable(why: string): RoomctlError {
    return new RoomctlError("E_UNAVAILABLE", `${this.name}: ${why}`);
  }
}
