/** A binary heap in an array: the earliest slot comes first. */
export interface Slotted {
  readonly slotAt: number;
}

export function push<T extends Slotted>(heap: T[], added: T): void {
  let index = heap.length;
  heap.push(added);
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex];
    if (parent === undefined || parent.slotAt <= added.slotAt) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = added;
}

/** Takes the earliest away. */
export function pop<T extends Slotted>(heap: T[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    const childIndex = earlierChild(heap, index);
    const child = heap[childIndex];
    if (child === undefined || child.slotAt >= last.slotAt) break;
    heap[index] = child;
    index = childIndex;
  }
  heap[index] = last;
}

function earlierChild<T extends Slotted>(heap: readonly T[], index: number): number {
  const left = heap[2 * index + 1];
  const right = heap[2 * index + 2];
  return left !== undefined && right !== undefined && right.slotAt < left.slotAt ? 2 * index + 2 : 2 * index + 1;
}
