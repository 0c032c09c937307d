import { expect, test } from "vitest";
import { driftLines } from "../../src/commands/migrate-drift-lines.js";
import { pasteable } from "../../src/drift/pasteable.js";
import { plainStyle } from "../../src/report/style.js";

const report = {
  directory: "migrations",
  appliedCount: 1,
  liveMajorVersion: 18,
  scratchMajorVersion: 18,
  migrator: "app",
  ignoredCount: 0,
  unread: [],
  notes: [],
};
const empty = { belongs: "app.orders", object: "table app.orders", live: "", repair: null };

test("a side with nothing special says so beside the other, and nothing where it is alone", () => {
  const changed = { ...empty, kind: "changed", files: "row security" } as const;
  expect(driftLines({ ...report, findings: [changed] }, plainStyle).slice(0, 4)).toEqual([
    "app.orders",
    "  ~ table app.orders",
    "      live:  (nothing special)",
    "      files: row security",
  ]);
  const alone = { ...empty, kind: "live-only", files: null } as const;
  expect(driftLines({ ...report, findings: [alone] }, plainStyle).slice(0, 3)).toEqual([
    "app.orders",
    "  + table app.orders",
    "",
  ]);
});

test.each([
  ["SELECT 'a\nb', 'c\\d'", "SELECT E'a\\nb', 'c\\d'"],
  ["SELECT 'it''s\n\\'", "SELECT E'it''s\\n\\\\'"],
  ["SELECT E'a\\'\n'", "SELECT E'a\\'\\n'"],
  ['DROP INDEX "a\u001b\\""b";', 'DROP INDEX U&"a\\001b\\\\""b";'],
  ["CREATE VIEW v AS\n\tSELECT 1", "CREATE VIEW v AS SELECT 1"],
])("%j is pasted as %j", (sql, expected) => {
  expect(pasteable(sql)).toBe(expected);
});
