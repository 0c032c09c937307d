import type { Severity } from "../core/catalogue.js";
import { type FailLevel, failLevels, reachesLevel } from "../core/fail-level.js";

/** Something that a person should look at. It is a result, not an exception. */
export interface Finding {
  /** Rule id in kebab-case: `foreign-key-without-index`. */
  readonly id: string;
  readonly severity: Severity;
  /** The object, as a person would name it. */
  readonly subject: string;
  /** What is the matter, in one line. */
  readonly title: string;
  /** What follows from it. */
  readonly why: string;
  /** The command or SQL to type next. */
  readonly hint: string;
  /** Where one finding stands for many rows: how many, and the first of them. */
  readonly count?: number;
  readonly cases?: readonly string[];
}

/** True when the finding is at or above the level. */
export function isFailing(finding: Finding, level: FailLevel): boolean {
  return reachesLevel(finding.severity, level);
}

/** Errors first; within a severity by rule, then by object. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const keyOf = ({ severity, id, subject }: Finding) => `${failLevels.indexOf(severity)} ${id} ${subject}`;
  return [...findings].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
