// The last line of a CI run, from the test runner's own reports: `N passed, N failed, N skipped`.
// usage: node .ci/report.js FOLDER FAILED-STEPS
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, failedSteps] = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };

for (const name of ["here.json", "lts.json"]) {
  const path = join(folder, name);
  if (!existsSync(path)) {
    process.stdout.write(`no report ${name}: the tests did not run to their end\n`);
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
}

// A failed step (lint, types, demo …) is not in the reports unless it was the tests themselves.
if (total.failed === 0) total.failed = Number(failedSteps);
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed + total.skipped > 0 ? 1 : 0;
