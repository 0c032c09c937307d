import type { SequenceFacts } from "./schema.js";

/** What the numbers of a sequence mean. Pure, and exact in BigInt. */

/** From these shares of the values on, head-room is a warning, then an error: one place for check and audit. */
export const [warningPercent, errorPercent] = [75, 95];

export interface Position {
  readonly lastValue: string;
  readonly isCalled: boolean;
}

/** Null when the sequence has reached its end. */
export function nextValue(sequence: SequenceFacts, { lastValue, isCalled }: Position): bigint | null {
  if (!isCalled) return BigInt(lastValue);
  const next = BigInt(lastValue) + BigInt(sequence.increment);
  if (isInRange(sequence, next)) return next;
  if (!sequence.cycles) return null;
  return BigInt(isDescending(sequence) ? sequence.maximum : sequence.minimum);
}

/** True for a number that the sequence could hand out, as far as its bounds say. */
function isInRange({ minimum, maximum }: SequenceFacts, value: bigint): boolean {
  return value >= BigInt(minimum) && value <= BigInt(maximum);
}

export function isDescending(sequence: Pick<SequenceFacts, "increment">): boolean {
  return sequence.increment.startsWith("-");
}

/** True when `value` comes strictly after `other` in the sequence's direction. */
export function isBeyond(sequence: Pick<SequenceFacts, "increment">, value: bigint, other: bigint): boolean {
  return isDescending(sequence) ? value < other : value > other;
}

/** The last value that the sequence may hand out and that all of its columns can hold. */
export function endOf(sequence: SequenceFacts): bigint {
  const limits = sequence.columns.flatMap(({ type }) => largestOf(type) ?? []);
  return isDescending(sequence)
    ? limits.map(({ minimum }) => minimum).reduce(larger, BigInt(sequence.minimum))
    : limits.map(({ maximum }) => maximum).reduce(smaller, BigInt(sequence.maximum));
}

/** True when a column gives out before the sequence does. */
export function hasNarrowColumn(sequence: SequenceFacts): boolean {
  return endOf(sequence) !== BigInt(isDescending(sequence) ? sequence.minimum : sequence.maximum);
}

/** Share of the values from the sequence's first bound to its end that are used up, 0 to 100, never rounded up. */
export function usedPercent(sequence: SequenceFacts, { lastValue, isCalled }: Position): number {
  const first = BigInt(isDescending(sequence) ? sequence.maximum : sequence.minimum);
  const end = endOf(sequence);
  if (isBeyond(sequence, first, end)) return 100;
  const total = absolute(end - first) + 1n;
  const used = absolute(BigInt(lastValue) - first) + (isCalled ? 1n : 0n);
  return Number((smaller(used, total) * 10_000n) / total) / 100;
}

/**
 * The first value from `origin` on, in the sequence's own steps, that lies beyond `extreme`: two sequences that take
 * turns (increment 2, odd and even) stay apart. Undefined beyond the end of the sequence or of a column.
 */
export function firstFree(sequence: SequenceFacts, origin: bigint, extreme: bigint | null): bigint | undefined {
  const increment = BigInt(sequence.increment);
  const distance = extreme === null ? -1n : (extreme - origin) * (increment < 0n ? -1n : 1n);
  const value = distance < 0n ? origin : origin + increment * (distance / absolute(increment) + 1n);
  return isInRange(sequence, value) && !isBeyond(sequence, value, endOf(sequence)) ? value : undefined;
}

/** An integer type, whose index answers for the extreme; others are read as text. */
export function isInteger(type: string): boolean {
  return Object.hasOwn(integerBits, type);
}

const integerBits: Readonly<Record<string, bigint>> = { smallint: 15n, integer: 31n, bigint: 63n };

/** What a column of the type can hold; undefined where that is no number of its own. */
function largestOf(type: string): { readonly minimum: bigint; readonly maximum: bigint } | undefined {
  const bits = integerBits[type];
  if (bits !== undefined) return { minimum: -(2n ** bits), maximum: 2n ** bits - 1n };
  const [, precision, scale] = /^numeric\((\d+),(-?\d+)\)$/.exec(type) ?? [];
  if (precision === undefined || scale === undefined) return undefined;
  const digits = Number(precision) - Number(scale);
  const maximum = digits > 0 ? 10n ** BigInt(digits) - 1n : 0n;
  return { minimum: -maximum, maximum };
}

const smaller = (a: bigint, b: bigint) => (a < b ? a : b);
const larger = (a: bigint, b: bigint) => (a > b ? a : b);
const absolute = (value: bigint) => (value < 0n ? -value : value);
