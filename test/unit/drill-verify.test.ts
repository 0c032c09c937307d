import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.js";
import { type Ground, nothingBefore } from "../../src/recover/drill-cycle.js";
import { openHistory } from "../../src/recover/drill-history.js";
import { planCycle } from "../../src/recover/drill-plan.js";
import { createRandom } from "../../src/recover/drill-random.js";
import { recoverAndLook } from "../../src/recover/drill-verify.js";

/** A server that says that it listens, and ends after a moment when it is asked anything. */
const program = `
  const server = require("node:http").createServer(() => setTimeout(() => process.exit(), 100));
  server.listen(0, "127.0.0.1", () => {
    console.log(JSON.stringify({ event: "listening", port: server.address().port, epoch: "2" }));
  });
`;

test("rows that cannot be read while users return are an error like any other, and end no process", async () => {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-drill-verify-"));
  const random = createRandom(7);
  const plan = { ...planCycle(random, 1, ["kill"]), looksBefore: false, downtimeMs: 0, recoveryFailpoint: undefined };
  using history = openHistory(join(folder, "history.jsonl"), systemClock);
  const database = { query: () => Promise.reject(new Error("interrupted")), execute: () => Promise.resolve(0) };
  const ground: Partial<Ground> = {
    history,
    random,
    newId: () => "id",
    program: { command: process.execPath, words: ["-e", program, "--"], environment: {}, workingDirectory: folder },
    spawned: new Set(),
    target: { host: "127.0.0.1", port: 1, database: "app", user: "app", sslMode: "disable", connectTimeoutMs: 1000 },
    database: database as unknown as Ground["database"],
    signal: new AbortController().signal,
  };
  const looking = recoverAndLook(ground as Ground, {
    plan,
    next: plan,
    running: {} as Parameters<typeof recoverAndLook>[1]["running"],
    strike: { deadAt: 0, slowedMs: 0 },
    users: [],
    ghosts: { aged: [], silent: [], limited: undefined },
    links: [],
    // Is still waiting for an answer when the rows have failed.
    legacy: { ...nothingBefore, witnesses: { watchers: [], limited: { userId: "user", token: "token" } } },
  });
  await expect(looking).rejects.toThrow("interrupted");
  for (const { exited } of ground.spawned ?? []) await exited;
  rmSync(folder, { recursive: true });
});
