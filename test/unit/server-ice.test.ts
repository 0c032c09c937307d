import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openIce, parseServeIceOptions } from "../../src/commands/serve-ice.js";
import { RoomctlError } from "../../src/core/errors.js";

const folder = mkdtempSync(join(tmpdir(), "roomctl-ice-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const user = "6f1a3a3c-96ac-4c8f-9b8a-3c8f6f3d1a2b";
const parse = (...urls: readonly string[]) => parseServeIceOptions({ flags: { iceServer: urls } });

function failure(run: () => unknown): RoomctlError {
  try {
    run();
  } catch (error) {
    if (error instanceof RoomctlError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

test("without servers there are none, and STUN servers need no credentials", () => {
  expect(openIce(parse(), undefined)(user, 0)).toEqual({ iceServers: [], expiresInMs: null });
  const urls = ["stun:stun.example.com", "stuns:[2001:db8::1]:5349"];
  expect(openIce(parse(...urls), "")(user, 0)).toEqual({ iceServers: [{ urls }], expiresInMs: null });
});

test("TURN credentials name their end and their user, and are what a TURN server computes from them", () => {
  const path = join(folder, "turn.secret");
  writeFileSync(path, "north\n");
  const flags = {
    iceServer: ["stun:a.example", "TURN:b.example:3478?transport=udp", "turns:c.example", "stun:a.example"],
    turnSecretFile: path,
  };
  const ice = openIce(parseServeIceOptions({ flags }), "the file counts, not this");
  const now = Date.UTC(2026, 0, 1) + 999;
  expect(ice(user, now)).toEqual({
    iceServers: [
      { urls: ["stun:a.example"] },
      {
        urls: ["turn:b.example:3478?transport=udp", "turns:c.example"],
        username: `1767312000:${user}`,
        // printf 1767312000:6f1a… | openssl dgst -sha1 -hmac north -binary | base64
        credential: "nPndwqbnQvIbl25xU6a7VYsxT2g=",
      },
    ],
    expiresInMs: 24 * 3_600_000 - 999,
  });
});

test.each([
  ["stun.example.com"],
  ["http://stun.example.com"],
  ["stun://stun.example.com"],
  ["stun:"],
  ["stun:a b"],
  ["stun:a:0"],
  ["stun:a:65536"],
  ["stun:[nonsense]"],
  ["stun:a?transport=udp"],
  ["turn:a?transport=sctp"],
  ["turn:a,turn:b"],
])("%j is no server that a browser would take", (url) => {
  expect(failure(() => parse(url))).toMatchObject({
    code: "E_USAGE",
    message: `--ice-server is not a STUN or TURN URL: ${JSON.stringify(url)}`,
  });
});

test("a password in a URL is refused and not repeated", () => {
  const { message } = failure(() => parse("turn:user:hunter2@turn.example.com"));
  expect(message).toContain("--ice-server");
  expect(message).not.toContain("hunter2");
});

test("a TURN server without a secret, a secret without a server, and a file that holds none are wrong usage", () => {
  const empty = join(folder, "empty");
  writeFileSync(empty, "\n");
  const withFile = (turnSecretFile: string) =>
    parseServeIceOptions({ flags: { iceServer: ["turn:a"], turnSecretFile } });
  expect(failure(() => openIce(parse("turn:a"), undefined)).message).toContain("needs the secret");
  expect(failure(() => openIce(parse("stun:a"), "secret")).message).toContain("no --ice-server is a turn: URL");
  expect(failure(() => openIce(withFile(empty), undefined)).message).toContain("does not hold one line of text");
  expect(failure(() => openIce(withFile(join(folder, "none")), undefined)).message).toContain("cannot be read");
  expect(failure(() => parseServeIceOptions({ flags: { turnTtl: "1s" } })).message).toContain("--turn-ttl");
});
