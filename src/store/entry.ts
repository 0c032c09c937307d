import { messageOf, RoomctlError } from "../core/errors.js";

/** One append on its way to its commit, and whoever waits for it. */
export class Entry<In, Out> {
  isSettled = false;
  /** How often it was sent without an outcome that is known: it may be committed. */
  openSends = 0;
  readonly receipt: Promise<Out>;
  #resolve: (receipt: Out) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly name: string,
    readonly value: In,
  ) {
    this.receipt = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Calls `onLate` unless it is settled by then. */
  expireAfter(waitMs: number, onLate: () => void): this {
    this.#timer = setTimeout(onLate, waitMs);
    return this;
  }

  acknowledge(make: () => Out): void {
    try {
      const receipt = make();
      if (this.#settle()) this.#resolve(receipt);
    } catch (error) {
      if (this.#settle()) this.#reject(error);
    }
  }

  /** The database refuses it. False when it was settled before. */
  refuse(cause: unknown): boolean {
    if (!this.#settle()) return false;
    this.#reject(new RoomctlError("E_SQL", `${this.name}: the database refuses it: ${messageOf(cause)}`, { cause }));
    return true;
  }

  /** It is given up. False when it was settled before. */
  giveUp(why: string): boolean {
    if (!this.#settle()) return false;
    const isOpen = this.openSends > 0;
    const message = isOpen ? `${why}, but it was sent and may be stored yet` : why;
    const error = new RoomctlError("E_UNAVAILABLE", `${this.name}: ${message}`);
    if (isOpen) indeterminate.add(error);
    this.#reject(error);
    return true;
  }

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    clearTimeout(this.#timer);
    return true;
  }
}

const indeterminate = new WeakSet<object>();

/** True for the error of an append that may have been stored although it failed: appending it again is safe. */
export function isIndeterminate(error: unknown): boolean {
  return typeof error === "object" && error !== null && indeterminate.has(error);
}
