import { messageOf } from "../core/errors.js";
import { codeOf } from "../db/sqlstate.js";
import type { OnEvent, StoreEvent } from "./event.js";
import type { FailureClass } from "./failure-class.js";
import type { BreakerState } from "./stats.js";

const firstDelayMs = 100;
const slowDelayMs = 10_000;
const openAfterFailures = 5;
const openAfterMs = 15_000;

export interface BreakerParts {
  readonly name: string;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly onEvent: OnEvent;
  /** 10 s unless told. */
  readonly maxDelayMs?: number;
}

/**
 * When to try again. The delay doubles from 100 ms to 10 s, with full jitter. After five failures in a row, or 15 s without
 * a success, the breaker is open: a try then takes one row, until one succeeds.
 */
export class Breaker {
  state: BreakerState = "closed";
  retries = 0;
  #failures = 0;
  #failingSinceMs = 0;
  #schemaMessage: string | undefined;

  constructor(private readonly parts: BreakerParts) {}

  /** Returns how long to wait before the next try. */
  failed(error: unknown, kind: FailureClass): number {
    const { nowMs, random, maxDelayMs = slowDelayMs } = this.parts;
    if (this.#failures === 0) this.#failingSinceMs = nowMs();
    this.#failures += 1;
    this.retries += 1;
    const ceilingMs = Math.min(maxDelayMs, firstDelayMs * 2 ** (this.#failures - 1));
    const delayMs = kind === "schema" ? slowDelayMs : Math.round(ceilingMs * random());
    this.#report(error, kind, delayMs);
    return delayMs;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#schemaMessage = undefined;
    if (this.state === "closed") return;
    this.state = "closed";
    this.#tell({ kind: "breaker-closed", message: "the database takes writes again" });
  }

  #report(error: unknown, kind: FailureClass, delayMs: number): void {
    const what = { message: messageOf(error), code: codeOf(error), delayMs };
    if (kind === "schema") {
      if (this.#schemaMessage !== what.message) this.#tell({ kind: "schema", ...what });
      this.#schemaMessage = what.message;
      return;
    }
    if (this.state === "open") return;
    this.#tell({ kind: "retry", ...what });
    const isLong = this.parts.nowMs() - this.#failingSinceMs >= openAfterMs;
    if (this.#failures < openAfterFailures && !isLong) return;
    this.state = "open";
    this.#tell({ kind: "breaker-open", ...what });
  }

  #tell(event: Omit<StoreEvent, "map">): void {
    this.parts.onEvent({ map: this.parts.name, ...event });
  }
}
