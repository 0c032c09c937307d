/** Maps with at most `limit` calls under way; results keep the order of the items. The first failure rejects once all running calls have ended. */
export async function mapParallel<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  const entries = items.entries();
  let failed = false;
  const drain = async () => {
    for (const [index, item] of entries) {
      if (failed) return;
      try {
        results[index] = await work(item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, drain));
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  if (failure) throw failure.reason;
  return results;
}

/** Lets at most so much work go on at the same time, whoever brings it; the rest waits in its order. */
export interface Gate extends AsyncDisposable {
  /** Rejects with an AbortError where the gate was closed before the work began. */
  pass<T>(work: () => Promise<T>): Promise<T>;
  /** Closes the gate, and resolves when the work inside has ended. */
  [Symbol.asyncDispose](): Promise<void>;
}

export function createGate(limit: number): Gate {
  const waiting: (() => void)[] = [];
  const inside = new Set<Promise<unknown>>();
  let free = limit;
  let isClosed = false;
  const leave = () => {
    // The place is handed on, so that nobody who comes just then takes it.
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };
  return {
    async pass(work) {
      if (free > 0) free -= 1;
      else await new Promise<void>((enter) => waiting.push(enter));
      try {
        if (isClosed) throw new DOMException("nothing more is begun", "AbortError");
        const running = work();
        inside.add(running);
        return await running.finally(() => inside.delete(running));
      } finally {
        leave();
      }
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await Promise.allSettled(inside);
    },
  };
}
