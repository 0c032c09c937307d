import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { randomSecrets } from "../../src/server/access.js";
import { readAddressBan } from "../../src/server/bans-memory.js";
import { clientAddress, isAllowedOrigin } from "../../src/server/http-address.js";
import { readStaticFiles } from "../../src/server/http-static.js";

test.each([
  ["10.0.0.1", undefined, 0, "10.0.0.1"],
  ["::ffff:10.0.0.1", undefined, 0, "10.0.0.1"],
  ["fe80::1%eth0", undefined, 0, "fe80::1"],
  [undefined, undefined, 0, ""],
  ["10.0.0.1", "203.0.113.9", 0, "10.0.0.1"],
  ["10.0.0.1", "203.0.113.9", 1, "203.0.113.9"],
  ["10.0.0.1", "6.6.6.6, 203.0.113.9", 1, "203.0.113.9"],
  ["10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", 2, "203.0.113.9"],
  ["10.0.0.1", "203.0.113.9", 3, "203.0.113.9"],
  ["10.0.0.1", ["6.6.6.6", "203.0.113.9"], 1, "203.0.113.9"],
  ["10.0.0.1", "203.0.113.9:4711", 1, "203.0.113.9"],
  ["10.0.0.1", "[2001:db8::1]:4711", 1, "2001:db8::1"],
  ["10.0.0.1", "unknown", 1, "10.0.0.1"],
  ["10.0.0.1", "", 1, "10.0.0.1"],
])("a connection from %j that forwards for %j behind %i proxies is %j", (remote, forwarded, proxies, expected) => {
  expect(clientAddress(remote, forwarded, proxies)).toBe(expected);
});

test.each([
  [undefined, "rooms.example", [], true],
  ["https://rooms.example", "rooms.example", [], true],
  ["http://127.0.0.1:8080", "127.0.0.1:8080", [], true],
  ["http://127.0.0.1:8081", "127.0.0.1:8080", [], false],
  ["https://ROOMS.example", "Rooms.Example", [], true],
  ["https://evil.example", "rooms.example", [], false],
  ["https://rooms.example.evil", "rooms.example", [], false],
  ["https://app.example", "rooms.example", ["https://app.example"], true],
  ["http://app.example", "rooms.example", ["https://app.example"], false],
  ["https://evil.example", "rooms.example", ["*"], true],
  ["null", "rooms.example", [], false],
  ["nonsense", undefined, [], false],
])("a page of %j may use %j with the list %j: %j", (origin, host, allowed, expected) => {
  expect(isAllowedOrigin(origin, host, allowed)).toBe(expected);
});

test.each([
  ["203.0.113.0/24", "203.0.113.9", true],
  ["203.0.113.0/24", "203.0.114.9", false],
  ["203.0.113.9", "203.0.113.9", true],
  ["203.0.113.9/32", "203.0.113.8", false],
  ["2001:db8::/32", "2001:db8:7::1", true],
  ["2001:db8::/32", "203.0.113.9", false],
  ["0.0.0.0/0", "203.0.113.9", true],
  ["203.0.113.0/24", "nonsense", false],
])("a ban of %j covers %j: %j", (ban, ip, expected) => {
  expect(readAddressBan(ban, null)?.covers(ip)).toBe(expected);
});

test("what is no address is no ban", () => {
  expect(readAddressBan("nonsense", null)).toBeUndefined();
  expect(readAddressBan("", null)).toBeUndefined();
});

const folder = mkdtempSync(join(tmpdir(), "roomctl-static-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("only plain files of known types below the folder are served, and none without a folder", () => {
  writeFileSync(join(folder, "index.html"), "<!doctype html>");
  mkdirSync(join(folder, "parts"));
  writeFileSync(join(folder, "parts", "a.js"), "export {};");
  writeFileSync(join(folder, "secret.env"), "TOKEN=1");
  symlinkSync("/etc/hostname", join(folder, "link.txt"));
  const files = readStaticFiles(folder);
  expect([...files.keys()].sort()).toEqual(["index.html", "parts/a.js"]);
  expect(files.get("parts/a.js")).toMatchObject({
    type: "text/javascript; charset=utf-8",
    etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
  });
  expect(readStaticFiles(join(folder, "missing")).size).toBe(0);
});

test("secrets have their forms and do not repeat", () => {
  const many = Array.from({ length: 1000 }, () => randomSecrets);
  expect(many.every((secrets) => /^[\w-]{43}$/.test(secrets.token()))).toBe(true);
  expect(many.every((secrets) => /^\d{6}$/.test(secrets.emailCode()))).toBe(true);
  expect(new Set(many.map((secrets) => secrets.linkCode())).size).toBe(1000);
});
