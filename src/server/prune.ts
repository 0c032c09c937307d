/** A map whose entries memory may forget; those with a row keep it. */
interface Forgetful<V> {
  readonly size: number;
  entries(): Iterator<[string, V]>;
  keys(): Iterable<string>;
  isPending(key: string): boolean;
  forget(key: string): boolean;
}

interface Expiring {
  /** Epoch milliseconds by the server's clock. */
  readonly expiresAt: number;
}

export interface PruneOptions {
  /** After so many calls every entry of a large map was looked at: this bounds what one of them costs. */
  readonly calls: number;
  /** Epoch milliseconds by the server's clock. */
  readonly now: () => number;
}

/** Small maps are looked through at once. */
const leastLooks = 1000;

/** An entry that has run out waits so long for its row to be written, but not through an outage. */
const longestWaitMs = 60_000;

/**
 * Drops from memory what has run out; rows are tidied in the database. Each call looks at the next part of the map,
 * wherever its entries stand: what a recovery loaded, or what runs out before its elders, is found as well as the rest.
 * Nobody reads an entry that has run out, so one that waits for its turn costs only its place.
 */
export function createPruning(map: Forgetful<Expiring>, { calls, now }: PruneOptions): () => void {
  // It goes on through the live map: entries that come are met at its end.
  let walk = map.entries();
  return () => {
    const nowMs = now();
    for (let looks = Math.max(leastLooks, Math.ceil(map.size / calls)); looks > 0; looks -= 1) {
      const next = walk.next();
      if (next.done) {
        walk = map.entries();
        return;
      }
      const [key, { expiresAt }] = next.value;
      if (expiresAt > nowMs) continue;
      if (nowMs - expiresAt > longestWaitMs || !map.isPending(key)) map.forget(key);
    }
  };
}

/** Of one call; what is left goes with the next ones. */
const mostLooks = 10_000;

/** Forgets the oldest entries beyond `most`, except what is needed, or still to be written. */
export function forgetOldest(
  map: Forgetful<unknown>,
  most: number,
  isNeeded: (key: string) => boolean = () => false,
): void {
  if (map.size <= most) return;
  let looks = mostLooks;
  for (const key of map.keys()) {
    if (map.size <= most || looks === 0) return;
    looks -= 1;
    if (!map.isPending(key) && !isNeeded(key)) map.forget(key);
  }
}
