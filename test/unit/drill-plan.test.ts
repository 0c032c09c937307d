import { expect, test } from "vitest";
import { parseFailpoints } from "../../src/core/failpoint.js";
import { nemeses, planCycle } from "../../src/recover/drill-plan.js";
import { createRandom } from "../../src/recover/drill-random.js";

const cycles = (seed: number, count: number) =>
  Array.from({ length: count }, (_, index) => planCycle(createRandom(seed), index + 1));

test("the same seed plans the same cycles, another one others", () => {
  expect(cycles(7, 40)).toEqual(cycles(7, 40));
  expect(cycles(7, 40)).not.toEqual(cycles(8, 40));
});

test("a part's numbers do not depend on how many others drew before", () => {
  const [used, fresh] = [createRandom(7), createRandom(7)];
  used.next();
  expect(used.fork("load").next()).toBe(fresh.fork("load").next());
});

test("numbers stay within their bounds, and every item is shuffled in once", () => {
  const random = createRandom(3);
  const drawn = Array.from({ length: 2_000 }, () => random.integer(2, 5));
  expect([...new Set(drawn)].sort()).toEqual([2, 3, 4, 5]);
  expect(random.shuffle([1, 2, 3, 4, 5]).toSorted()).toEqual([1, 2, 3, 4, 5]);
});

test.each([1, 2, 3, 4, 5])("with seed %i every nemesis comes within eighteen cycles", (seed) => {
  const planned = new Set(cycles(seed, 18).map(({ nemesis }) => nemesis));
  expect([...planned].sort()).toEqual([...nemeses].sort());
});

test("every failpoint that is planned is one that a server knows", () => {
  const planned = cycles(1, 300).flatMap(({ failpoint, recoveryFailpoint }) => [failpoint, recoveryFailpoint]);
  const named = planned.filter((spec) => spec !== undefined);
  expect(named.length).toBeGreaterThan(50);
  for (const spec of named) expect(() => parseFailpoints(spec, () => {})).not.toThrow();
});

test("a server that is to be killed while it recovers has a failpoint for that", () => {
  const killed = cycles(2, 100).filter(({ nemesis }) => nemesis === "kill-in-recovery");
  expect(killed.length).toBeGreaterThan(3);
  for (const { recoveryFailpoint } of killed) expect(recoveryFailpoint).toMatch(/:1:kill$/);
});
