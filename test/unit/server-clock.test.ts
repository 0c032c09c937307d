import fc from "fast-check";
import { expect, test } from "vitest";
import { differenceAfter, followClock } from "../../src/server/clock-difference.js";
import { createRealtimeFixture } from "../support/server-realtime.js";

/** An answer of a clock that is `skewMs` ahead of ours: under way for so long, before and after it was read. */
function answer(skewMs: number, beforeMs: number, afterMs: number) {
  const askedMs = 1_000_000;
  return { askedMs, databaseMs: askedMs + beforeMs + skewMs, answeredMs: askedMs + beforeMs + afterMs };
}

const delayMs = fc.integer({ min: 0, max: 10_000 });
const skew = fc.integer({ min: -10_000_000, max: 10_000_000 });

test("answers of a clock that nobody set change nothing, however slow they are", () => {
  fc.assert(
    fc.property(skew, fc.integer({ min: -250, max: 250 }), delayMs, delayMs, (real, error, before, after) => {
      expect(differenceAfter(real + error, answer(real, before, after))).toBe(real + error);
    }),
  );
});

test("after a jump, an answer leaves the difference wrong by no more than a quarter of a second and its own time", () => {
  fc.assert(
    fc.property(skew, skew, delayMs, delayMs, (known, real, before, after) => {
      const next = differenceAfter(known, answer(real, before, after));
      expect(Math.abs(next - real)).toBeLessThanOrEqual(250 + before + after);
      expect(Math.abs(next - real)).toBeLessThanOrEqual(Math.max(Math.abs(known - real), (before + after) / 2));
    }),
  );
});

test("a slow answer may find a jump, and the next quick one says how far it was", () => {
  const slow = differenceAfter(0, answer(3_600_000, 0, 4_000));
  expect(slow).toBe(3_598_000);
  expect(differenceAfter(slow, answer(3_600_000, 2, 2))).toBe(3_600_000);
});

test("a jump is in every row that is written from then on, and open deadlines are written again", () => {
  using fixture = createRealtimeFixture();
  const { state } = fixture.realtime;
  const touched: string[] = [];
  for (const map of [state.rooms, state.activity, state.rateLimits, state.cooldowns]) {
    map.touch = (key) => touched.push(key) > 0;
  }
  const room = {
    user1: "one",
    user2: "two",
    startedAt: 0,
    chatMode: "text" as const,
    user1Connected: true,
    user2Connected: true,
    endedAt: null,
  };
  state.rooms.load("whole", { ...room, roomId: "whole", status: "active", graceExpiresAt: null });
  state.rooms.load("waits", { ...room, roomId: "waits", status: "grace_period", graceExpiresAt: 20_000 });
  state.cooldowns.load("one two", { userLow: "one", userHigh: "two", expiresAt: 30_000 });
  state.rateLimits.load("limit", { key: "limit", windowStart: 0, count: 1, expiresAt: 10_000 });
  expect(followClock(state, answer(200, 1, 1))).toBe(false);
  expect([touched, state.rows.skewMs]).toEqual([[], 0]);
  expect(followClock(state, answer(-60_000, 1, 1))).toBe(true);
  expect(touched).toEqual(["waits", "limit"]);
  expect(state.rows.at(60_000)).toBe("1970-01-01T00:00:00.000Z");
  expect(state.rows.correctedMs).toBe(60_000);
});
