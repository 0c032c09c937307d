import fc from "fast-check";
import { expect, test } from "vitest";
import { createDeadlines } from "../../src/server/deadlines.js";
import { createBucket, isFlooding, takeToken } from "../../src/server/flood.js";
import { takeLimit } from "../../src/server/limits.js";
import { tick } from "../../src/server/realtime.js";
import { createAdmission } from "../../src/server/sockets-admission.js";
import { bodySchema } from "../../src/server/sockets-text.js";
import { createRealtimeFixture, createTestClock } from "../support/server-realtime.js";

test("a limit holds per user, and ten times as far per address", () => {
  using fixture = createRealtimeFixture();
  const { realtime, clock } = fixture;
  clock.at = Math.ceil(clock.at / 3_600_000) * 3_600_000 + 600_000;
  const take = (userId: string, ip = "10.0.0.1") => takeLimit(realtime, "reports", { userId, ip });
  for (let use = 0; use < 10; use += 1) expect(take("one")).toEqual({ ok: true });
  expect(take("one")).toEqual({ ok: false, retryAfterMs: 3_000_000 });
  for (let user = 0; user < 9; user += 1) {
    for (let use = 0; use < 10; use += 1) expect(take(`user ${user}`).ok).toBe(true);
  }
  expect(take("the hundred and first")).toMatchObject({ ok: false });
  expect(take("the hundred and first", "10.0.0.2")).toEqual({ ok: true });
  expect(takeLimit(realtime, "invites", { userId: "one" })).toEqual({ ok: true });
});

test("addresses of one IPv6 /64 share a limit, as they share the connections", () => {
  using fixture = createRealtimeFixture();
  const take = (ip: string) => takeLimit(fixture.realtime, "guests", { ip }).ok;
  for (let use = 0; use < 100; use += 1) expect(take(`2001:db8:1:2::${use.toString(16)}`)).toBe(true);
  expect(take("2001:db8:1:2:ffff::1")).toBe(false);
  expect(take("2001:db8:1:3::1")).toBe(true);

  const admission = createAdmission({ maxConnections: 100, maxConnectionsPerIp: 2 });
  for (const ip of ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2::3"]) admission.opened(ip);
  expect(admission.check("2001:db8:1:2::4", {})).toMatchObject({ code: "limited" });
  expect(admission.check("2001:db8:1:3::1", {})).toBeUndefined();
  admission.closed("2001:db8:1:2::1");
  expect(admission.check("2001:db8:1:2::4", {})).toBeUndefined();
});

test("what was counted is kept by its window, and dropped from memory after it", () => {
  using fixture = createRealtimeFixture();
  const { realtime, clock } = fixture;
  takeLimit(realtime, "messages", { userId: "one", ip: "::1" });
  takeLimit(realtime, "messages", { userId: "one", ip: "::1" });
  const windowStart = clock.at;
  const expiresAt = windowStart + 10_000;
  expect([...realtime.state.rateLimits]).toEqual([
    [`messages user:one ${windowStart}`, { key: "messages user:one", windowStart, count: 2, expiresAt }],
    [`messages ip:::/64 ${windowStart}`, { key: "messages ip:::/64", windowStart, count: 2, expiresAt }],
  ]);
  clock.at += 9_999;
  tick(realtime);
  expect(realtime.state.rateLimits.size).toBe(2);
  clock.at = expiresAt + 60_001;
  tick(realtime);
  expect(realtime.state.rateLimits.size).toBe(0);
});

test("a connection may send a burst, then as much as comes back, and is hung up on when it goes on and on", () => {
  const settings = { eventBurst: 20, eventsPerSecond: 10 };
  const bucket = createBucket(settings, 0);
  const burst = Array.from({ length: 25 }, () => takeToken(bucket, settings, 0));
  expect(burst.filter((waitMs) => waitMs === 0)).toHaveLength(20);
  expect(burst.at(-1)).toBe(100);
  expect(takeToken(bucket, settings, 100)).toBe(0);
  expect(takeToken(bucket, settings, 100)).toBe(100);
  expect(isFlooding(bucket, settings)).toBe(false);
  for (let event = 0; event < 100; event += 1) takeToken(bucket, settings, 100);
  expect(isFlooding(bucket, settings)).toBe(true);
  takeToken(bucket, settings, 3_000);
  expect(isFlooding(bucket, settings)).toBe(false);
});

test("connections are counted per address and in all, and so are attempts on one connection", () => {
  const admission = createAdmission({ maxConnections: 3, maxConnectionsPerIp: 2 });
  for (const ip of ["a", "a", "a"]) admission.opened(ip);
  expect(admission.check("a", {})).toMatchObject({ code: "limited" });
  admission.closed("a");
  const connection = {};
  for (let attempt = 0; attempt < 5; attempt += 1) expect(admission.check("a", connection)).toBeUndefined();
  expect(admission.check("a", connection)).toMatchObject({ code: "limited" });
  for (const ip of ["b", "c"]) admission.opened(ip);
  expect(admission.check("c", {})).toMatchObject({ code: "busy", retryAfterMs: expect.any(Number) });
});

test("a message has 1 to 10,000 characters, none of which the database could not keep", () => {
  const isBody = (text: string) => bodySchema.safeParse(text).success;
  expect(["a", "a".repeat(10_000), "\u{1F525}".repeat(10_000), "a\nb\t", "<script>"].map(isBody)).not.toContain(false);
  expect(
    ["", "a".repeat(10_001), `${"\u{1F525}".repeat(10_000)}a`, "a\0b", "\ud83d", "a\udd25b"].map(isBody),
  ).not.toContain(true);
});

test("deadlines run once each, in order, at their last moment, and not when they were cancelled", () => {
  const wish = fc.record({
    name: fc.integer({ min: 0, max: 5 }),
    inMs: fc.integer({ min: 0, max: 50 }),
    kind: fc.constantFrom("set", "set", "cancel", "pass"),
  });
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 60 }), (wishes) => {
      const clock = createTestClock(0);
      const deadlines = createDeadlines(clock, (error) => {
        throw error;
      });
      const expected = new Map<string, number>();
      const ran: string[] = [];
      const runDue = () => {
        const due = [...expected].filter(([, at]) => at <= clock.at);
        ran.length = 0;
        deadlines.runDue();
        expect([...ran].sort()).toEqual(due.map(([name]) => name).sort());
        for (const [name] of due) expected.delete(name);
      };
      for (const { name, inMs, kind } of wishes) {
        const key = `deadline ${name}`;
        if (kind === "set") {
          deadlines.set(key, clock.at + inMs, () => ran.push(key));
          expected.set(key, clock.at + inMs);
        } else if (kind === "cancel") {
          deadlines.cancel(key);
          expected.delete(key);
        } else {
          clock.at += inMs;
          runDue();
        }
      }
      clock.at += 100;
      runDue();
      deadlines.stop();
    }),
  );
});

test("deadlines run in the order of their moments, and one that fails does not keep the others", () => {
  const clock = createTestClock(0);
  const ran: number[] = [];
  const errors: unknown[] = [];
  const deadlines = createDeadlines(clock, (error) => errors.push(error));
  for (const at of [30, 10, 50, 20, 40]) {
    deadlines.set(`at ${at}`, at, () => {
      if (at === 20) throw new Error("this one fails");
      ran.push(at);
    });
  }
  clock.at = 45;
  deadlines.runDue();
  expect(ran).toEqual([10, 30, 40]);
  expect(errors).toHaveLength(1);
  deadlines.stop();
});

test("a deadline runs by itself, on the real clock", async () => {
  const clock = { now: () => new Date(), monotonicMs: () => performance.now() };
  const deadlines = createDeadlines(clock, () => {});
  const at = Date.now() + 20;
  const ranAt = await new Promise<number>((resolve) => deadlines.set("soon", at, () => resolve(Date.now())));
  expect(ranAt).toBeGreaterThanOrEqual(at);
  deadlines.stop();
});
