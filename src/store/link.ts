import { RoomctlError } from "../core/errors.js";
import type { Failpoints } from "../core/failpoint.js";
import type { Database } from "../db/pool.js";
import { nextTurn } from "./alarm.js";
import type { OnEvent } from "./event.js";
import type { Fence } from "./mirror.js";

/** What everything in a store shares. */
export interface Shared {
  readonly counter: { last: number };
  readonly flushMs: number;
  readonly maxRows: number;
  readonly tombstoneLimit: number;
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly failpoints: Failpoints;
  readonly nowMs: () => number;
  readonly wallMs: () => number;
  readonly random: () => number;
  readonly onEvent: OnEvent;
  /** Somebody else owns the data: called by whoever learns it. */
  readonly onFenced: (name: string) => void;
}

/** One time that a store has a database, from attach to detach. */
export interface Link {
  readonly database: Database;
  readonly fence: Fence;
  readonly ended: AbortSignal;
}

/** What works while the store has a database. */
export interface Lane {
  run(link: Link): Promise<void>;
  /** Ends waits that only gather more, and pauses after a failure if told. */
  hurry(how: { readonly endsPause: boolean }): void;
  fence(): void;
  /** Changes or entries that are not in the database. */
  readonly left: number;
  /** Resolves when nothing is left of what was there at the call, or nothing more will be written. */
  drained(): Promise<void>;
}

/** Serialising goes on for about so long before others have a turn; checked every few rows. */
const sliceMs = 0.3;
const checkedRows = 8;

/** A JSON array of what `toRow` makes of each item, without holding up the event loop. */
export async function toJson<Item>(
  items: readonly Item[],
  toRow: (item: Item, index: number) => object,
): Promise<string> {
  const rows: string[] = [];
  let untilMs = 0;
  for (const [index, item] of items.entries()) {
    if (index % checkedRows === 0 && performance.now() >= untilMs) {
      if (items.length > checkedRows) await nextTurn();
      untilMs = performance.now() + sliceMs;
    }
    rows.push(JSON.stringify(toRow(item, index)));
  }
  return `[${rows.join(",")}]`;
}

/** Whether the fence still held; an error when the statement does not answer as the store asks. */
export function readOwned(row: object | undefined): boolean | RoomctlError {
  const owned: unknown = row === undefined ? undefined : Reflect.get(row, "owned");
  if (typeof owned === "boolean") return owned;
  return new RoomctlError("E_INTERNAL", "the statement must return one row with a boolean column named owned");
}
