import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packageRoot } from "../../src/core/package-root.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "roomctl-report-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const clean = { numPassedTests: 2, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };

function report(reports: Readonly<Record<string, object>>, failedSteps = "0") {
  for (const [name, content] of Object.entries(reports)) writeFileSync(join(folder, name), JSON.stringify(content));
  const words = [join(packageRoot, ".ci/report.js"), folder, failedSteps];
  const { status, stdout } = spawnSync(process.execPath, words, { cwd: packageRoot, encoding: "utf8" });
  return { status, lines: stdout.trimEnd().split("\n") };
}

test("a CI run in which all passed ends with the sum of both reports, and says nothing else", () => {
  expect(report({ "here.json": clean, "lts.json": clean })).toEqual({
    status: 0,
    lines: ["4 passed, 0 failed, 0 skipped"],
  });
});

test("each failed test and broken file of either report is told with its message before the sum", () => {
  const failedTest = {
    status: "failed",
    fullName: "wipe deletes\nrows",
    failureMessages: [
      "\u001b[31mAssertionError\u001b[39m: expected 1 to be 2\n\n    at /x/node_modules/vitest/run.js:1:1\n    at wipe.test.ts:7:1",
    ],
  };
  const passedTest = { status: "passed", fullName: "wipe plans", failureMessages: [] };
  const file = (name: string, assertionResults: readonly object[], message = "") => ({
    name: join(packageRoot, "test/unit", name),
    status: "failed",
    message,
    assertionResults,
  });
  const here = { ...clean, numFailedTests: 1, testResults: [file("wipe.test.ts", [passedTest, failedTest])] };
  const lts = { ...clean, testResults: [file("broken.test.ts", [], "Cannot find module 'x'")] };
  expect(report({ "here.json": here, "lts.json": lts }, "2")).toEqual({
    status: 1,
    lines: [
      "failed in here.json: test/unit/wipe.test.ts > wipe deletes rows",
      "    AssertionError: expected 1 to be 2",
      "        at wipe.test.ts:7:1",
      "failed in lts.json: test/unit/broken.test.ts",
      "    Cannot find module 'x'",
      "4 passed, 2 failed, 0 skipped",
    ],
  });
});

test("a report that is not there, or another step that failed, is a failure", () => {
  expect(report({ "here.json": clean })).toEqual({
    status: 1,
    lines: ["no report lts.json: the tests did not run to their end", "2 passed, 1 failed, 0 skipped"],
  });
  expect(report({ "here.json": clean, "lts.json": clean }, "3")).toEqual({
    status: 1,
    lines: ["4 passed, 3 failed, 0 skipped"],
  });
});
