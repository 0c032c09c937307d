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

/** Rows set apart so that the others go on; the oldest are dropped from the list, never from the count. */
export class Quarantine {
  readonly #kept = new Map<string, Refused>();
  count = 0;

  get rows(): readonly Refused[] {
    return [...this.#kept.values()];
  }

  get(key: string): Refused | undefined {
    return this.#kept.get(key);
  }

  add(refused: Refused): void {
    this.count += 1;
    this.#kept.delete(refused.key);
    this.#kept.set(refused.key, refused);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptRows && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** A newer change of these keys was taken. */
  release(keys: Iterable<string>): void {
    if (this.#kept.size === 0) return;
    for (const key of keys) this.#kept.delete(key);
  }
}
