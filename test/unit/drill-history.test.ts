import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.js";
import { openHistory } from "../../src/recover/drill-history.js";

const read = (path: string) =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line): Record<string, unknown> => JSON.parse(line));

test("what was asked and answered is in the file before the call returns, with both times", () => {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-history-"));
  const path = join(folder, "drill.jsonl");
  using history = openHistory(path, systemClock);
  const op = history.invoke({ name: "room:leave", actor: "ava", roomId: "room-1" });
  expect(read(path)).toMatchObject([{ kind: "invoke", op, name: "room:leave", actor: "ava", roomId: "room-1" }]);
  history.settle(op, { outcome: "ok", durable: true });
  history.see({ actor: "ben", name: "room:state", room: null });
  expect(read(path)).toMatchObject([
    { kind: "invoke" },
    { kind: "ok", op, durable: true, ms: expect.any(Number), wall: expect.stringMatching(/Z$/) },
    { kind: "see", actor: "ben" },
  ]);
  expect(history.counts).toEqual({ operations: 1, acknowledged: 1, durable: 1 });
  rmSync(folder, { recursive: true });
});

test("a history that is there already is not overwritten", () => {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-history-"));
  const path = join(folder, "drill.jsonl");
  openHistory(path, systemClock)[Symbol.dispose]();
  expect(() => openHistory(path, systemClock)).toThrow(/EEXIST/);
  rmSync(folder, { recursive: true });
});

test("an answer that comes when the drill is over is written nowhere, and harms nothing", () => {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-history-"));
  const [path, other] = [join(folder, "drill.jsonl"), join(folder, "other.txt")];
  const history = openHistory(path, systemClock);
  const op = history.invoke({ name: "connect", actor: "ava" });
  history[Symbol.dispose]();
  // The next file that is opened gets the number of the one that was closed.
  const file = openSync(other, "w");
  history.settle(op, { outcome: "info" });
  closeSync(file);
  expect(read(path)).toHaveLength(1);
  expect(readFileSync(other, "utf8")).toBe("");
  rmSync(folder, { recursive: true });
});

test("what was not answered stays open, and counts as no acknowledgement", () => {
  using history = openHistory(undefined, systemClock);
  history.invoke({ name: "queue:join", actor: "ava" });
  history.settle(history.invoke({ name: "queue:join", actor: "ben" }), { outcome: "info" });
  expect(history.story(0).operations.map(({ settled }) => settled?.outcome)).toEqual([undefined, "info"]);
  expect(history.counts).toEqual({ operations: 2, acknowledged: 0, durable: 0 });
});

test("a slice holds the lines that name an id and the answers to them, the last ones first to stay", () => {
  using history = openHistory(undefined, systemClock);
  const other = history.invoke({ name: "queue:join", actor: "ben" });
  const op = history.invoke({ name: "chat:message", actor: "ava", subject: "message-1" });
  history.settle(other, { outcome: "ok" });
  history.settle(op, { outcome: "ok", durable: true });
  history.see({ actor: "ben", name: "chat:message", message: { messageId: "message-1", sequence: 1 } });
  const kinds = (lines: readonly string[]) => lines.map((line): unknown => JSON.parse(line).kind);
  expect(kinds(history.slice("message-1", 10))).toEqual(["invoke", "ok", "see"]);
  expect(kinds(history.slice("message-1", 2))).toEqual(["ok", "see"]);
});

test("cycles of long ago leave memory, not the counts", () => {
  using history = openHistory(undefined, systemClock);
  for (let cycle = 1; cycle <= 6; cycle += 1) {
    history.startCycle(cycle);
    history.settle(history.invoke({ name: "rtc", actor: "ava" }), { outcome: "ok" });
    history.see({ actor: "ava", name: "room:state", room: null });
  }
  const { operations, sightings } = history.story(0);
  expect(operations.map(({ cycle }) => cycle)).toEqual([3, 4, 5, 6]);
  expect(sightings.map(({ cycle }) => cycle)).toEqual([3, 4, 5, 6]);
  expect(history.story(6).operations).toHaveLength(1);
  expect(history.counts.operations).toBe(6);
});
