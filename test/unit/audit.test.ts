import { describe, expect, test } from "vitest";
import { type Finding, isFailing, sortFindings } from "../../src/audit/finding.js";
import { newestWriteColumn } from "../../src/audit/rows.js";
import type { StateReport } from "../../src/audit/states.js";
import { audit } from "../../src/commands/audit.js";
import { plainStyle } from "../../src/report/style.js";

const timestamp = "timestamp with time zone";

function column(name: string, parts: { type?: string; notNull?: boolean; isIndexed?: boolean } = {}) {
  return { name, type: timestamp, notNull: true, isConstrained: false, isIndexed: false, ...parts };
}

function finding(parts: Partial<Finding>): Finding {
  return { id: "rule", severity: "error", subject: "s", title: "title", why: "why", hint: "hint", ...parts };
}

function report(parts: Partial<StateReport>): StateReport {
  return {
    name: "users",
    persistence: "durable",
    priority: "critical",
    lossMeans: "gone",
    table: "users",
    column: null,
    isPresent: true,
    shape: "as expected",
    rows: 2000,
    isEstimate: false,
    newestWrite: new Date("2026-01-01T00:00:00Z"),
    newestWriteColumn: "updated_at",
    survivesRestart: "yes",
    because: "committed",
    verdict: "persist",
    outcome: "ok",
    ...parts,
  };
}

const result = {
  ok: true,
  failOn: "error",
  readAt: new Date("2026-01-01T03:10:00Z"),
  states: [report({})],
  findings: [],
} as const;
const terminal = { ...plainStyle, isTerminal: true };

describe("the newest write is looked for", () => {
  test.each([
    ["in updated_at before created_at", ["created_at", "updated_at"], "updated_at"],
    ["in created_at before the moment of an event", ["sent_at", "created_at"], "created_at"],
    ["in the moment of an event before anything else", ["seen", "at"], "at"],
    ["in any timestamp rather than nowhere", ["begun"], "begun"],
    ["never in a deadline", ["expires_at", "due_at", "valid_until", "grace_expires_at", "next_attempt_at"], undefined],
  ])("%s", (_what, names, expected) => {
    expect(newestWriteColumn(names.map((name) => column(name)))?.name).toBe(expected);
  });

  test("in a column that is never null, then in one with an index", () => {
    expect(newestWriteColumn([column("read_at", { notNull: false, isIndexed: true }), column("done_at")])?.name).toBe(
      "done_at",
    );
    expect(newestWriteColumn([column("read_at"), column("done_at", { isIndexed: true })])?.name).toBe("done_at");
  });

  test("only among timestamps", () => {
    expect(newestWriteColumn([column("updated_at", { type: "bigint" })])).toBeUndefined();
  });
});

test("a finding fails at its own level and at any milder one", () => {
  const warning = finding({ severity: "warning" });
  expect((["error", "warning", "info", "none"] as const).map((level) => isFailing(warning, level))).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test("findings come gravest first, then by rule and object", () => {
  const sorted = sortFindings([
    finding({ severity: "info", id: "a" }),
    finding({ severity: "warning", id: "b", subject: "2" }),
    finding({ severity: "warning", id: "b", subject: "1" }),
    finding({ severity: "error", id: "c" }),
  ]);
  expect(sorted.map(({ id, subject }) => id + subject)).toEqual(["cs", "b1", "b2", "as"]);
});

test("a level that does not exist is wrong usage", () => {
  expect(() => audit.parse({ words: [], flags: { failOn: "fatal" } })).toThrow(/--fail-on/);
  expect(audit.parse({ words: [], flags: {} })).toEqual({ failOn: "error", estimate: false, states: undefined });
  expect(audit.parse({ words: [], flags: { state: ["a", "b"], estimate: true, failOn: "none" } })).toEqual({
    failOn: "none",
    estimate: true,
    states: ["a", "b"],
  });
});

describe("for people", () => {
  test("a pipe gets tabs, bare numbers and full times", () => {
    expect(audit.render(result, plainStyle).slice(0, 2)).toEqual([
      "state\tclass\ttable\trows\tnewest write\tsurvives\tbecause\tverdict",
      "users\tdurable\tusers\t2000\t2026-01-01 00:00:00Z\tyes\tcommitted\tpersist",
    ]);
  });

  test("a narrow terminal leaves out class and table, a wide one shows them", () => {
    expect(audit.render(result, { ...terminal, width: 80 }).slice(0, 4)).toEqual([
      "state   rows  newest write  survives  verdict",
      "users  2,000       3 h ago  yes       persist",
      "",
      "  yes: committed (users)",
    ]);
    expect(audit.render(result, { ...terminal, width: 120 })[1]).toBe(
      "users  durable  users  2,000       3 h ago  yes       persist",
    );
  });

  test("findings that one command settles stand together", () => {
    const findings = ["a", "b"].map((name) =>
      finding({ title: `table ${name} is missing`, why: name, hint: "roomctl migrate" }),
    );
    const lines = audit.render({ ...result, ok: false, findings }, terminal);
    expect(lines.slice(-6)).toEqual([
      "2 errors",
      "  table a is missing  [rule]",
      "  table b is missing",
      "      next: roomctl migrate",
      "",
      "1 state, no state is lost that should last; 2 errors, 0 warnings, 0 remarks: fails on error",
    ]);
  });

  test("the first cases are listed, the others counted", () => {
    const findings = [finding({ count: 7, cases: ["one", "two"] })];
    expect(audit.render({ ...result, findings }, terminal)).toEqual(
      expect.arrayContaining([
        "      - one",
        "      - two",
        "      - and 5 more",
        "      why:  why",
        "      next: hint",
      ]),
    );
  });

  test("hostile names cannot break a line or reach the terminal", () => {
    const hostile = "a\nb\u001b[31m\u009b";
    const findings = [finding({ title: hostile, why: hostile, hint: hostile, cases: [hostile], count: 1 })];
    const states = [report({ name: hostile, table: hostile, because: hostile })];
    const text = audit.render({ ...result, states, findings }, terminal).join("");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there.
    expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
});

test("only a failed audit exits with 3", () => {
  expect([audit.exitCode?.(result), audit.exitCode?.({ ...result, ok: false })]).toEqual([0, 3]);
});
