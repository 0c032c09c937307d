import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { randomSecrets } from "../../src/server/access.js";
import { createAddressBans, networkToBan } from "../../src/server/bans-addresses.js";
import { addressGroup, clientAddress, isAllowedOrigin } from "../../src/server/http-address.js";
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
  ["10.0.0.1", "[FE80::1%eth0]:4711", 1, "fe80::1"],
  ["10.0.0.1", "::ffff:203.0.113.9", 1, "203.0.113.9"],
  ["10.0.0.1", "unknown", 1, "10.0.0.1"],
  ["10.0.0.1", "", 1, "10.0.0.1"],
])("a connection from %j that forwards for %j behind %i proxies is %j", (remote, forwarded, proxies, expected) => {
  expect(clientAddress(remote, forwarded, proxies)).toBe(expected);
});

test.each([
  ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
  ["2001:0db8:0001:0002:0003:0004:0005:0006", "2001:db8:1:2:3:4:5:6"],
  ["2001:db8::198.51.100.7", "2001:db8::c633:6407"],
  ["::FFFF:10.0.0.1", "10.0.0.1"],
  ["::ffff:0a00:0001", "10.0.0.1"],
  ["0:0:0:0:0:FFFF:10.0.0.1", "10.0.0.1"],
  ["FE80::1%25eth0", "fe80::1"],
  ["::", "::"],
  ["::1", "::1"],
])("the address %j has one form only, %j", (address, expected) => {
  expect(clientAddress(address, undefined, 0)).toBe(expected);
  expect(clientAddress("10.0.0.9", address, 1)).toBe(expected);
});

test.each([
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ["2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"],
  ["2001:db8:1:3::1", "2001:db8:1:3::/64"],
  ["2001:db8::1", "2001:db8::/64"],
  ["1:0:0:2::3", "1:0:0:2::/64"],
  ["1::2:0:0:0:3", "1:0:0:2::/64"],
  ["::1", "::/64"],
  ["fe80::1", "fe80::/64"],
  ["64:ff9b::10.0.0.1", "64:ff9b::/64"],
  ["10.0.0.1", "10.0.0.1"],
  ["", ""],
  ["nonsense", "nonsense"],
])("%j counts as %j", (address, expected) => {
  expect(addressGroup(address)).toBe(expected);
});

test("addresses count as one exactly when their first 64 bits are the same", () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  const address = fc.array(fc.oneof(fc.constant(0), group), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(address, address, fc.boolean(), (one, other, isSame) => {
      const two = isSame ? [...one.slice(0, 4), ...other.slice(4)] : other;
      const text = (groups: readonly number[]) => groups.map((part) => part.toString(16)).join(":");
      const counted = [one, two].map((groups) => addressGroup(clientAddress(text(groups), undefined, 0)));
      const isMapped = [one, two].some((groups) => text(groups).startsWith("0:0:0:0:0:ffff:"));
      fc.pre(!isMapped);
      expect(counted[0] === counted[1]).toBe(text(one.slice(0, 4)) === text(two.slice(0, 4)));
    }),
  );
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
  ["203.0.113.7/24", "203.0.113.9", true],
  ["203.0.113.0/24", "nonsense", false],
  ["::/0", "2001:db8::1", true],
  ["::/0", "203.0.113.9", false],
  ["2001:db8::1", "2001:db8::1", true],
  ["2001:db8::1", "2001:db8::2", false],
  ["2001:db8::1/127", "2001:db8::", true],
  ["::ffff:203.0.113.9", "203.0.113.9", true],
  ["::ffff:203.0.113.0/120", "203.0.113.9", true],
  ["::ffff:203.0.113.0/120", "203.0.114.9", false],
  ["nonsense", "203.0.113.9", false],
  ["", "203.0.113.9", false],
])("a ban of %j covers %j: %j", (ip, candidate, expected) => {
  const others = ["198.51.100.0/25", "198.51.100.7", "2001:db8:ffff::/48"].map((other) => ({ ip: other, until: null }));
  expect(createAddressBans([...others, { ip, until: null }]).find(candidate, 0) !== undefined).toBe(expected);
});

test("a ban of a network that has run out does not hide one that holds, and a later one replaces an earlier one", () => {
  const bans = createAddressBans([
    { ip: "203.0.113.9", until: 1000 },
    { ip: "203.0.113.0/24", until: 5000 },
    { ip: "198.51.100.0/24", until: null },
    { ip: "198.51.100.0/24", until: 2000 },
  ]);
  expect([500, 1000, 5000].map((now) => bans.find("203.0.113.9", now)?.until)).toEqual([1000, 5000, undefined]);
  expect(bans.find("198.51.100.1", 2000)).toBeUndefined();
  expect(bans.list).toHaveLength(3);
});

test.each([
  ["2001:DB8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::1/128", "2001:db8:1:2::1/128"],
  ["2001:db8::/32", "2001:db8::/32"],
  ["203.0.113.9", "203.0.113.9"],
  ["203.0.113.0/24", "203.0.113.0/24"],
  ["::ffff:203.0.113.9", "203.0.113.9"],
  ["::ffff:203.0.113.0/120", "203.0.113.0/24"],
  ["::ffff:0:0/64", "::ffff:0:0/64"],
])("who bans %j bans %j", (ip, expected) => {
  expect(networkToBan(ip)).toBe(expected);
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
