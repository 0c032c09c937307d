import type { Failure } from "./failure-class.js";

export interface Sending<Item> {
  /** Undefined when the items are done with. */
  readonly send: (items: readonly Item[]) => Promise<Failure | undefined>;
  /** Sets one item apart that the database refuses by itself. */
  readonly refuse: (item: Item, error: unknown) => void;
}

/**
 * Sends items together; when the database refuses one of them, in halves, down to the one. Returns the failure that
 * stopped it, if it was none of an item's own.
 */
export async function sendInHalves<Item>(items: readonly Item[], sending: Sending<Item>): Promise<Failure | undefined> {
  const failure = await sending.send(items);
  if (failure?.kind !== "poison") return failure;
  const [only] = items;
  if (items.length === 1 && only !== undefined) {
    sending.refuse(only, failure.error);
    return undefined;
  }
  const half = items.length >> 1;
  return (await sendInHalves(items.slice(0, half), sending)) ?? (await sendInHalves(items.slice(half), sending));
}
