/** A change that the database refuses whatever is tried. */
export interface Refused {
  readonly key: string;
  readonly version: number;
  readonly deleted: boolean;
  /** What was to be written; undefined when making it failed. */
  readonly row: object | undefined;
  /** SQLSTATE, if the database said one. */
  readonly code: string | undefined;
  readonly message: string;
  /** Wall clock, epoch milliseconds. */
  readonly at: number;
}

const keptRows = 1000;

/** Memory does not hold its key any more, so nothing will write it: somebody should look, but not for ever. */
const goneMs = 600_000;

/** Rows set apart so that the others go on, until a newer change of their key is written or memory gives the key up. */
export class Quarantine {
  /** The newest, with all that is known of them. */
  readonly #kept = new Map<string, Refused>();
  /** Those of keys that memory holds: never more than there are keys. */
  readonly #held = new Set<string>();
  /** Those of keys that left memory, and when they were refused; the oldest first. */
  readonly #gone = new Map<string, number>();
  /** Refusals since the start. */
  total = 0;

  constructor(private readonly nowMs: () => number) {}

  /** How many rows are refused now. */
  get count(): number {
    this.#forgetGone();
    return this.#held.size + this.#gone.size;
  }

  get rows(): readonly Refused[] {
    this.#forgetGone();
    return [...this.#kept.values()];
  }

  get(key: string): Refused | undefined {
    return this.#kept.get(key);
  }

  /** `isHeld`: memory has the key, so that its next change may mend it. */
  add(refused: Refused, isHeld: boolean): void {
    const { key } = refused;
    this.release([key]);
    this.total += 1;
    if (isHeld) this.#held.add(key);
    else this.#gone.set(key, this.nowMs());
    this.#kept.set(key, refused);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptRows && oldest !== undefined) this.#kept.delete(oldest);
    this.#forgetGone();
  }

  /** A newer change of these keys was taken, or there will be none. */
  release(keys: Iterable<string>): void {
    if (this.#held.size + this.#gone.size === 0) return;
    for (const key of keys) {
      this.#held.delete(key);
      this.#gone.delete(key);
      this.#kept.delete(key);
    }
  }

  #forgetGone(): void {
    const untilMs = this.nowMs() - goneMs;
    for (const [key, atMs] of this.#gone) {
      if (atMs > untilMs) return;
      this.release([key]);
    }
  }
}
