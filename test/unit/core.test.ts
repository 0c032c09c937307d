import { expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.js";
import { formatDuration, parseDurationMs } from "../../src/core/duration.js";
import { mapParallel } from "../../src/core/parallel.js";
import { redact } from "../../src/core/redact.js";
import { retry } from "../../src/core/retry.js";
import { formatName, parseName, quoteLiteral, quoteName } from "../../src/db/identifier.js";
import { formatBytes } from "../../src/report/text.js";

test.each([
  ["500ms", 500],
  ["3s", 3000],
  ["1.5m", 90_000],
  ["250", 250],
])("the duration %s is %d ms", (text, expected) => {
  expect(parseDurationMs(text, "--lock-timeout")).toBe(expected);
});

test("a duration that is none names its setting", () => {
  expect(() => parseDurationMs("soon", "--lock-timeout")).toThrow(/--lock-timeout is not a duration: "soon"/);
});

test("durations and sizes read well", () => {
  expect([42, 3400, 725_000, 11_040_000, 1_047_600_000].map(formatDuration)).toEqual([
    "42ms",
    "3.4s",
    "12m 5s",
    "3h 4m",
    "12d 3h",
  ]);
  expect([0, 900, 12_288, 4_402_341_478].map(formatBytes)).toEqual(["0 B", "900 B", "12 KiB", "4.1 GiB"]);
});

test.each([
  "postgresql://app:s3cret@host/db",
  "connect to postgres://app:s3cret@h:5/db failed",
  "host=h password=s3cret dbname=x",
  "host=h password='s3cret' dbname=x",
  "PGPASSWORD=s3cret psql",
  "CREATE ROLE app LOGIN PASSWORD 's3cret'",
  "ALTER ROLE app PASSWORD 'it''s s3cret'",
  "postgresql://h/db?user=a&password=s3cret&sslmode=require",
])("the password is taken out of %s", (text) => {
  expect(redact(text)).not.toContain("s3cret");
});

test.each(["users", "app.users", '"My Schema"."my.table"', '"a""b"."line\nbreak"'])(
  "the name %s survives reading and writing",
  (text) => {
    expect(formatName(parseName(text))).toBe(text);
  },
);

test.each(["", "a.b.c", "a..b", '"open', "."])("%j is no name", (text) => {
  expect(() => parseName(text)).toThrow(/not a table name/);
});

test("identifiers and literals are quoted", () => {
  expect(quoteName({ schema: 'a"b', name: "c.d" })).toBe('"a""b"."c.d"');
  expect(quoteLiteral("it's \\ here")).toBe("E'it''s \\\\ here'");
});

test("equal values have equal digests whatever the order of their keys", () => {
  expect(digestOf({ a: 1, b: { c: 2, d: 3 } })).toBe(digestOf({ b: { d: 3, c: 2 }, a: 1 }));
  expect(digestOf({ a: 1 })).not.toBe(digestOf({ a: 2 }));
});

test("mapParallel keeps order, never exceeds its limit, and stops at the first failure", async () => {
  let running = 0;
  let most = 0;
  const double = async (n: number) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 5 - n));
    running -= 1;
    return n * 2;
  };
  expect(await mapParallel([1, 2, 3, 4, 5], 2, double)).toEqual([2, 4, 6, 8, 10]);
  expect(most).toBe(2);
  const seen: number[] = [];
  const failing = mapParallel([1, 2, 3, 4], 1, async (n) => {
    seen.push(n);
    if (n === 2) throw new Error("two");
  });
  await expect(failing).rejects.toThrow("two");
  expect(seen).toEqual([1, 2]);
});

test("retry gives up on what is not worth another try, and after its attempts", async () => {
  const options = {
    attempts: 3,
    firstDelayMs: 1,
    maxDelayMs: 2,
    isRetryable: (error: unknown) => String(error).includes("lock"),
  };
  let calls = 0;
  const fail = (text: string) => async () => {
    calls += 1;
    throw new Error(text);
  };
  await expect(retry(options, fail("syntax"))).rejects.toThrow("syntax");
  expect(calls).toBe(1);
  await expect(retry(options, fail("lock"))).rejects.toThrow("lock");
  expect(calls).toBe(4);
});
