import { expect, test } from "vitest";
import { furthestPosition, type Position } from "../../src/restore/sequence-position.js";

const at = (lastValue: number, isCalled = true): Position => ({ lastValue: BigInt(lastValue), isCalled });
const upward = { increment: 1n, minimum: 1n, maximum: 100n };
const downward = { increment: -5n, minimum: -100n, maximum: 0n };

test("the position furthest along wins, and a value that was handed out counts for more", () => {
  expect(furthestPosition(upward, [at(5), at(9), at(7)])).toEqual(at(9));
  expect(furthestPosition(upward, [at(5, false), at(5)])).toEqual(at(5));
  expect(furthestPosition({ ...upward, increment: 10n }, [at(12), at(21, false)])).toEqual(at(12));
});

test("for a sequence that counts down, further means lower", () => {
  expect(furthestPosition(downward, [at(-5), at(-20), at(0, false)])).toEqual(at(-20));
});

test("beyond the end of the range is its end, and nothing is left to hand out", () => {
  expect(furthestPosition(upward, [at(3), at(5000, false)])).toEqual(at(100));
  expect(furthestPosition(downward, [at(-5000)])).toEqual(at(-100));
});

test("values that the range has not reached yet do not count", () => {
  expect(furthestPosition(upward, [at(-7), at(1, false)])).toEqual(at(1, false));
  expect(furthestPosition(upward, [at(-7)])).toBeUndefined();
});
