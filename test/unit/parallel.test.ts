import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createGate } from "../../src/core/parallel.js";

/** Work that ends when it is told to. */
function createTask() {
  const task = { hasBegun: false, end: () => {}, fail: (_error: Error) => {} };
  const ended = new Promise<void>((resolve, reject) => Object.assign(task, { end: resolve, fail: reject }));
  const work = async () => {
    task.hasBegun = true;
    await ended;
  };
  return Object.assign(task, { work });
}

test("a gate lets in as many as it may, and the others in their order when one has left", async () => {
  await using gate = createGate(2);
  const tasks = [createTask(), createTask(), createTask(), createTask()] as const;
  const begun = () => tasks.map(({ hasBegun }) => hasBegun);
  const passed = Promise.all(tasks.map(({ work }) => gate.pass(work)));
  await turn();
  expect(begun()).toEqual([true, true, false, false]);
  tasks[1].end();
  await turn();
  expect(begun()).toEqual([true, true, true, false]);
  for (const { end } of tasks) end();
  await passed;
});

test("whoever comes when one is leaving does not take the place of those who wait", async () => {
  await using gate = createGate(1);
  const order: string[] = [];
  const first = gate.pass(async () => void order.push("first"));
  const second = gate.pass(async () => void order.push("second"));
  const third = first.then(() => gate.pass(async () => void order.push("third")));
  await Promise.all([second, third]);
  expect(order).toEqual(["first", "second", "third"]);
});

test("work that fails leaves its place to the next", async () => {
  await using gate = createGate(1);
  const failing = gate.pass(() => Promise.reject(new Error("no such table")));
  const next = gate.pass(async () => "done");
  await expect(failing).rejects.toThrow("no such table");
  expect(await next).toBe("done");
});

test("closing waits for what is inside, whether it fails or not, and begins nothing more", async () => {
  const gate = createGate(1);
  const [inside, outside] = [createTask(), createTask()];
  const outcomes = Promise.allSettled([gate.pass(inside.work), gate.pass(outside.work)]);
  let isClosed = false;
  const closing = gate[Symbol.asyncDispose]().then(() => {
    isClosed = true;
  });
  await turn();
  expect(isClosed).toBe(false);
  inside.fail(new Error("interrupted"));
  await closing;
  const reasons = (await outcomes).map((outcome) => outcome.status === "rejected" && outcome.reason.message);
  expect(reasons).toEqual(["interrupted", "nothing more is begun"]);
  await expect(gate.pass(outside.work)).rejects.toThrow("nothing more is begun");
  expect(outside.hasBegun).toBe(false);
});
