/** Items by their keys, each in the order of the items. An item may have several keys, or none. */
export function groupBy<Item, Key>(
  items: Iterable<Item>,
  keysOf: (item: Item) => readonly Key[],
): ReadonlyMap<Key, readonly Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    for (const key of keysOf(item)) {
      const there = groups.get(key);
      if (there === undefined) groups.set(key, [item]);
      else there.push(item);
    }
  }
  return groups;
}
