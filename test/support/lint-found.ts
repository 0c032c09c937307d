import { lintRules } from "../../src/lint/rules.js";
import { type LintExample, lintExample } from "./lint.js";

/** What rules of one or more topics say of a migration, as `rule severity`, without what is ignored. */
export async function foundBy(topics: readonly string[], example: LintExample): Promise<readonly string[]> {
  const findings = await lintExample(
    lintRules.filter(({ topic }) => topics.includes(topic)),
    example,
  );
  return findings
    .filter(({ ignoredBecause }) => ignoredBecause === null)
    .map(({ rule, severity }) => `${rule} ${severity}`);
}
