import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatTarget, parseTarget, targetFromEnvironment } from "../../src/db/target.js";
import { tlsAttempts } from "../../src/db/tls.js";

test("a URL's parts are decoded, and the PG* variables fill in the rest", () => {
  const target = parseTarget("postgresql://us%40er:p%3Aw@db.example/my%20%22db%22", {
    PGPORT: "6000",
    PGSSLMODE: "require",
  });
  expect(target).toMatchObject({
    host: "db.example",
    port: 6000,
    user: "us@er",
    password: "p:w",
    database: 'my "db"',
    sslMode: "require",
  });
});

test("a printed target never carries the password", () => {
  const target = parseTarget("postgresql://app:s3cret@h/db", {});
  expect(formatTarget(target)).toBe("postgresql://app@h:5432/db");
});

test("a Unix socket and an IPv6 address are understood", () => {
  expect(parseTarget("postgresql://app@/db?host=/run/pg", {})).toMatchObject({ host: "/run/pg", database: "db" });
  expect(formatTarget(parseTarget("postgresql://app@[::1]:5433/db", {}))).toBe("postgresql://app@[::1]:5433/db");
});

test("a service is read from the service file, and an unknown one is named", () => {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-service-"));
  const file = join(folder, "services.conf");
  writeFileSync(file, "[app]\nhost=db.internal\nport=5444\ndbname=rooms\nuser=ops\nsslmode=verify-full\n");
  const environment = { PGSERVICEFILE: file };
  const expected = { host: "db.internal", port: 5444, database: "rooms", user: "ops", sslMode: "verify-full" };
  expect(parseTarget("@app", environment)).toMatchObject(expected);
  expect(targetFromEnvironment({ ...environment, PGSERVICE: "app" })).toMatchObject(expected);
  expect(() => parseTarget("@other", environment)).toThrow(/no service "other"/);
  rmSync(folder, { recursive: true });
});

test("without PG* variables there is no target to invent", () => {
  expect(targetFromEnvironment({ HOME: "/root", PGPASSWORD: "x" })).toBeUndefined();
});

test.each([
  ["mysql://x/y", /does not begin with postgresql/],
  ["postgresql://h:notaport/db", /cannot be read|not a number/],
  ["postgresql://h/db?sslmode=maybe", /unknown sslmode "maybe"/],
])("%s is refused without echoing it", (url, message) => {
  expect(() => parseTarget(url, {})).toThrow(message);
});

test.each([
  ["disable", [false]],
  ["allow", [false, { rejectUnauthorized: false }]],
  ["prefer", [{ rejectUnauthorized: false }, false]],
  ["require", [{ rejectUnauthorized: false }]],
] as const)("sslmode=%s tries what libpq tries", (sslMode, attempts) => {
  const target = { ...parseTarget("postgresql://u@h/db", {}), sslMode };
  expect(tlsAttempts(target)).toEqual(attempts);
});

test("verify-full without a root certificate says what to set", () => {
  const target = parseTarget("postgresql://u@h/db?sslmode=verify-full", { HOME: "/nonexistent" });
  expect(() => tlsAttempts(target)).toThrow(/needs a root certificate/);
  expect(tlsAttempts({ ...target, sslRootCert: "system" })).toHaveLength(1);
});
