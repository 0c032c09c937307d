import type { PostDataItem } from "./post-data-plan.js";

/**
 * Runs the items of a batch, at most `limit` at a time, in their order as far as their locks allow it: an item waits
 * while one is under way that holds a table against it. The first failure rejects once all running ones have ended.
 */
export async function runBatch(
  items: readonly PostDataItem[],
  limit: number,
  work: (item: PostDataItem) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const running = new Map<PostDataItem, Promise<void>>();
  const failures: unknown[] = [];
  while (waiting.length > 0 || running.size > 0) {
    const next = failures.length > 0 || running.size >= limit ? undefined : takeFree(waiting, [...running.keys()]);
    if (next === undefined) {
      if (running.size === 0) break;
      await Promise.race(running.values());
      continue;
    }
    const run = work(next)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => running.delete(next));
    running.set(
      next,
      run.then(() => {}),
    );
  }
  if (failures.length > 0) throw failures[0];
}

function takeFree(waiting: PostDataItem[], running: readonly PostDataItem[]): PostDataItem | undefined {
  const index = waiting.findIndex((item) => running.every((other) => !isInTheWay(item, other)));
  return index === -1 ? undefined : waiting.splice(index, 1)[0];
}

function isInTheWay(item: PostDataItem, other: PostDataItem): boolean {
  return [...item.locks].some(([table, mode]) => {
    const held = other.locks.get(table);
    return held !== undefined && (mode === "exclusive" || held === "exclusive");
  });
}
