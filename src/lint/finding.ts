import type { Severity } from "../core/catalogue.js";
import type { PlacedStatement } from "./bodies.js";
import type { LintRule } from "./rule.js";

/** One thing to be told about a migration, with its place in the file (line and column from 1). */
export interface LintFinding {
  /** The rule's id; its page is `docs/lint/<rule>.md`. */
  readonly rule: string;
  readonly severity: Severity;
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly migration: string;
  /** What was seen, and how large the table is where that is known. */
  readonly message: string;
  /** What PostgreSQL does then. */
  readonly why: string;
  readonly safer: string;
  /** The safer form of this very statement; null where it cannot be written. */
  readonly saferSql: string | null;
  readonly table: LintedTable | null;
  /** Set when the migration says why it is to be so: it then fails nothing. */
  readonly ignoredBecause: string | null;
}

export interface LintedTable {
  readonly name: string;
  /** Estimated by the target's planner; null without a database. */
  readonly rows: number | null;
  readonly sizeBytes: number | null;
}

/** A place where lint could not look, and why. */
export interface Unanalysed {
  readonly path: string;
  readonly line: number;
  readonly migration: string;
  readonly why: string;
}

/** A finding on its way: its place is an offset still. `statement` is undefined for one about a comment. */
export interface PlacedHit {
  readonly offset: number;
  readonly statement: PlacedStatement | undefined;
  readonly finding: Omit<LintFinding, "path" | "line" | "column" | "migration">;
}

/** What a finding has of its rule. */
export function wordsOf({ id, why, safer }: LintRule): Pick<LintFinding, "rule" | "why" | "safer" | "ignoredBecause"> {
  return { rule: id, why: why[0] ?? "", safer, ignoredBecause: null };
}
