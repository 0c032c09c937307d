import { expect, test } from "vitest";
import { createSteadyClock } from "../../src/core/clock.js";
import { noFailpoints, parseFailpoints } from "../../src/core/failpoint.js";

test("a failpoint kills at the pass that is named, once, and nowhere else", async () => {
  let kills = 0;
  const failpoints = parseFailpoints("after-drain-before-send:2:kill,after-memory-before-dirty", () => {
    kills += 1;
  });
  await failpoints.hit("between-two-batches");
  await failpoints.hit("after-drain-before-send");
  expect(kills).toBe(0);
  await failpoints.hit("after-drain-before-send");
  expect(kills).toBe(1);
  failpoints.hitNow("after-memory-before-dirty");
  failpoints.hitNow("after-memory-before-dirty");
  await failpoints.hit("after-drain-before-send");
  expect(kills).toBe(2);
});

test("a failpoint that delays holds up whoever passes, and kills nobody", async () => {
  const failpoints = parseFailpoints("after-commit-before-ack:delay=40", () => {
    throw new Error("killed");
  });
  const startedMs = performance.now();
  await failpoints.hit("after-commit-before-ack");
  expect(performance.now() - startedMs).toBeGreaterThan(35);
});

test("without a spec nothing is armed", () => {
  expect(parseFailpoints(undefined, () => {})).toBe(noFailpoints);
});

test("a jump of the machine's clock does not move a steady one", () => {
  const machine = { wall: 1_000_000, steady: 500 };
  const clock = createSteadyClock({ now: () => new Date(machine.wall), monotonicMs: () => machine.steady });
  machine.steady += 250;
  machine.wall += 3_600_000;
  expect(clock.now().getTime()).toBe(1_000_250);
  machine.wall -= 7_200_000;
  expect(clock.now().getTime()).toBe(1_000_250);
});
