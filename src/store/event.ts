/** What a store tells beside its numbers, for a log: none of these throws into the code that changes a map. */
export interface StoreEvent {
  readonly kind:
    | "fenced"
    | "retry"
    | "breaker-open"
    | "breaker-closed"
    | "quarantined"
    | "schema"
    | "tombstones-dropped";
  /** The map or log that it happened to. */
  readonly map: string;
  /** For people; never a value of a row. */
  readonly message: string;
  /** The error's SQLSTATE or system code. */
  readonly code?: string;
  /** The key of a row that was refused. */
  readonly key?: string;
  /** When the next try begins. */
  readonly delayMs?: number;
}

export type OnEvent = (event: StoreEvent) => void;

/** A handler that throws must not keep anything from being written, and there is nobody else to tell. */
export function safely(onEvent: OnEvent): OnEvent {
  return (event) => {
    try {
      onEvent(event);
    } catch {
      // See above.
    }
  };
}
