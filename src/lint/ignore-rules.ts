import type { LintRule } from "./rule.js";

/** What is the matter with the ignores themselves. The engine finds these while it reads comments, in `lint.ts`. */
export const ignoreRules = [
  {
    id: "ignore-without-reason",
    topic: "ignores",
    severity: "error",
    title: "An ignore does not say why",
    why: [
      "Whoever reads the migration in a year needs to know why the danger was taken. An ignore without a reason has no effect.",
    ],
    safer: 'Write the reason behind it: reason="the table has ten rows".',
    example: {
      bad: "-- roomctl-ignore drop-table\nDROP TABLE IF EXISTS old_scores;",
      good: ["CREATE TABLE IF NOT EXISTS scores (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"],
    },
    looksAt: [],
    exemptsNewTables: false,
    check: () => [],
  },
  {
    id: "ignore-unknown-rule",
    topic: "ignores",
    severity: "error",
    title: "An ignore names a rule that does not exist",
    why: ["A misspelt ignore hides nothing, and whoever wrote it believes that it does."],
    safer: "Take the name from the finding, or from: roomctl migrate lint --rules.",
    example: {
      bad: '-- roomctl-ignore no-such-rule reason="a slip of the pen"\nSELECT 1;',
      good: ["SELECT 1;"],
    },
    looksAt: [],
    exemptsNewTables: false,
    check: () => [],
  },
  {
    id: "ignore-unused",
    topic: "ignores",
    severity: "warning",
    title: "An ignore hides nothing",
    why: [
      "The statement below it has no such finding, or no longer. Left there, it would hide the next one that somebody brings in.",
    ],
    safer: "Remove the ignore.",
    example: {
      bad: '-- roomctl-ignore ignore-unknown-rule reason="there is nothing to hide"\nSELECT 1;',
      good: ["SELECT 1;"],
    },
    looksAt: [],
    exemptsNewTables: false,
    check: () => [],
  },
] as const satisfies readonly LintRule[];

export type IgnoreRuleId = (typeof ignoreRules)[number]["id"];
