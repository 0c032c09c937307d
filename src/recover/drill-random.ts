/** Numbers that are the same for the same seed: what a drill does is chosen by them, so that a seed repeats it. */
export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number;
  /** True in so many of 1. */
  chance(share: number): boolean;
  pick<T>(items: readonly T[]): T | undefined;
  shuffle<T>(items: readonly T[]): readonly T[];
  /** Numbers of their own for a part of the work: how many others draw does not move them. */
  fork(label: string): Random;
}

/** mulberry32: small, and good enough to choose moments with. */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    integer,
    chance: (share) => next() < share,
    pick: (items) => items[integer(0, items.length - 1)],
    shuffle(items) {
      const left = [...items];
      return items.flatMap(() => left.splice(integer(0, left.length - 1), 1));
    },
    fork: (label) => createRandom(hash(label, seed)),
  };
}

/** FNV-1a over the label, begun with the seed. */
function hash(label: string, seed: number): number {
  let value = 0x811c9dc5 ^ seed;
  for (const character of label) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return value;
}
