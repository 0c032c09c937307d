// What failed, and then the last line of a CI run, from the test runner's own reports: `N passed, N failed, N skipped`.
// usage: node .ci/report.js FOLDER FAILED-STEPS
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

const [folder, failedSteps] = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };

for (const name of ["here.json", "lts.json"]) {
  const path = join(folder, name);
  if (!existsSync(path)) {
    say(`no report ${name}: the tests did not run to their end`);
    total.failed += 1;
    continue;
  }
  const report = JSON.parse(readFileSync(path, "utf8"));
  total.passed += report.numPassedTests;
  // A file that fails before its first test counts as one failure.
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.length === 0,
  );
  total.failed += report.numFailedTests + brokenFiles.length;
  total.skipped += report.numPendingTests + report.numTodoTests;
  for (const file of report.testResults) tellFailures(name, file);
}

// A failed step (lint, types, demo …) is not in the reports unless it was the tests themselves.
if (total.failed === 0) total.failed = Number(failedSteps);
say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed + total.skipped > 0 ? 1 : 0;

/** Each failed test of a file, or the file itself where it failed outside of its tests. */
function tellFailures(report, { name, status, message, assertionResults }) {
  if (status !== "failed") return;
  const file = relative(process.cwd(), name);
  const failed = assertionResults.filter((test) => test.status === "failed");
  for (const test of failed) tell(report, `${file} > ${test.fullName}`, test.failureMessages.join("\n"));
  if (failed.length === 0) tell(report, file, message);
}

function tell(report, what, message) {
  say(`failed in ${report}: ${what.replace(/\s+/g, " ")}`);
  const lines = stripVTControlCharacters(message ?? "").split("\n");
  // Frames of the test runner say nothing.
  const told = lines.filter((line) => line.trim() !== "" && !line.includes("/node_modules/"));
  for (const line of told.slice(0, 8)) say(`    ${line}`);
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
