import { expect, test } from "vitest";
import type { LintRule } from "../../src/lint/rule.js";
import { describeSize, severityAtSize } from "../../src/lint/size.js";
import { annotationLine } from "../../src/report/annotations.js";
import { sarifLog } from "../../src/report/sarif.js";

const rule: LintRule = {
  id: "r",
  topic: "locks",
  severity: "error",
  title: "t",
  why: ["first", "second"],
  safer: "s",
  example: { bad: "", good: [] },
  exemptsNewTables: false,
  check: () => [],
};

test("a rule about locks is one severity milder on a small table, others are not", () => {
  const small = { rows: 10, sizeBytes: 8192 };
  expect(severityAtSize("error", rule, small)).toBe("warning");
  expect(severityAtSize("warning", rule, small)).toBe("info");
  expect(severityAtSize("error", { ...rule, topic: "data" }, small)).toBe("error");
  expect(severityAtSize("error", { ...rule, growsWithSize: false }, small)).toBe("error");
  expect(severityAtSize("error", { ...rule, topic: "data", growsWithSize: true }, small)).toBe("warning");
});

test("many rows, many bytes or an unknown size keep the severity", () => {
  expect(severityAtSize("error", rule, { rows: 10_000, sizeBytes: 8192 })).toBe("error");
  expect(severityAtSize("error", rule, { rows: 10, sizeBytes: 20 * 1024 ** 2 })).toBe("error");
  expect(severityAtSize("error", rule, { rows: null, sizeBytes: null })).toBe("error");
  expect(severityAtSize("error", rule, { rows: null, sizeBytes: 2 * 1024 ** 2 })).toBe("error");
  expect(severityAtSize("error", rule, undefined)).toBe("error");
});

test("sizes read as people say them", () => {
  expect(describeSize({ rows: 12_000_000, sizeBytes: 4.1 * 1024 ** 3 })).toBe("12.0M rows, 4.1 GB");
  expect(describeSize({ rows: 1234, sizeBytes: 8192 })).toBe("1,234 rows, 8.0 kB");
  expect(describeSize({ rows: null, sizeBytes: 0 })).toBe("0 B");
  expect(describeSize({ rows: null, sizeBytes: null })).toBe("");
});

test("an annotation escapes what would end its line or its property", () => {
  const place = { path: "a,b:c.sql", line: 3, column: 4, title: "50% off" };
  expect(annotationLine({ severity: "error", ...place, message: "one\r\ntwo: 100%, three" })).toBe(
    "::error file=a%2Cb%3Ac.sql,line=3,col=4,title=50%25 off::one%0D%0Atwo: 100%25, three",
  );
  expect(annotationLine({ severity: "info", ...place, message: "" })).toMatch(/^::notice /);
});

test("a SARIF log names rules, places, suppressions and what was not looked at", () => {
  const finding = {
    rule: "r",
    severity: "info" as const,
    path: "migrations/0001 a.up.sql",
    line: 3,
    column: 4,
    message: "m",
    safer: "s",
    saferSql: "SELECT 1",
    ignoredBecause: null,
  };
  const log = sarifLog({
    version: "1.2.3",
    rules: [{ ...rule, id: "other" }, rule],
    findings: [finding, { ...finding, severity: "error", ignoredBecause: "because" }],
    unanalysed: [{ path: "b.sql", line: 9, why: "no" }],
  });
  const place = {
    physicalLocation: {
      artifactLocation: { uri: "migrations/0001%20a.up.sql" },
      region: { startLine: 3, startColumn: 4 },
    },
  };
  expect(log).toMatchObject({
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "roomctl", rules: [{ id: "other" }, { id: "r", helpUri: "docs/lint/r.md" }] } },
        columnKind: "unicodeCodePoints",
        invocations: [{ toolExecutionNotifications: [{ level: "note", message: { text: "Not looked at: no" } }] }],
        results: [
          { ruleId: "r", ruleIndex: 1, level: "note", message: { text: "m.\ns\nSELECT 1" }, locations: [place] },
          { level: "error", suppressions: [{ kind: "inSource", justification: "because" }] },
        ],
      },
    ],
  });
  expect(JSON.stringify(log).match(/suppressions/g)).toHaveLength(1);
});
