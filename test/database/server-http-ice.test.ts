import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { createIce } from "../../src/server/ice.js";
import { startHttp } from "../support/server-http.js";

const secret = "a secret of two";
const urls = ["stun:stun.example.com", "turn:turn.example.com?transport=tcp"];

test("whoever is signed in gets the servers with credentials of their own, and nobody else does", async () => {
  await using http = await startHttp({ ice: createIce({ urls, turnSecret: secret, turnTtlMs: 3_600_000 }) });
  const [ava, ben] = [await http.guest("Ava"), await http.guest("Ben")];
  const answer = await http.ask("GET", "/api/ice-servers", { token: ava.token });
  expect([answer.status, answer.headers.get("Cache-Control")]).toEqual([200, "no-store"]);
  const [stun, turn] = answer.body.iceServers;
  expect(stun).toEqual({ urls: ["stun:stun.example.com"] });
  expect(turn.urls).toEqual(["turn:turn.example.com?transport=tcp"]);
  const [expiry, userId] = turn.username.split(":");
  expect(userId).toBe(ava.userId);
  expect(Math.abs(Number(expiry) * 1000 - (Date.now() + answer.body.expiresInMs))).toBeLessThan(60_000);
  expect(answer.body.expiresInMs).toBeGreaterThan(3_598_000);
  expect(turn.credential).toBe(createHmac("sha1", secret).update(turn.username).digest("base64"));

  const other = await http.ask("GET", "/api/ice-servers", { token: ben.token });
  expect(other.body.iceServers[1].credential).not.toBe(turn.credential);
  for (const token of [undefined, "A".repeat(43)]) {
    const refused = await http.ask("GET", "/api/ice-servers", token === undefined ? {} : { token });
    expect([refused.status, JSON.stringify(refused.body)]).toEqual([401, expect.not.stringContaining("turn")]);
  }
  const log = http.logLines.join("\n");
  for (const kept of [secret, turn.credential]) expect(log).not.toContain(kept);
});

test("unless told, there are no servers to ask", async () => {
  await using http = await startHttp();
  const { token } = await http.guest();
  const answer = await http.ask("GET", "/api/ice-servers", { token });
  expect([answer.status, answer.body]).toEqual([200, { iceServers: [], expiresInMs: null }]);
});
