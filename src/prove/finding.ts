import type { Severity } from "../core/catalogue.js";
import type { ParsedStatement } from "../db/parse.js";
import { positionsIn } from "../db/position.js";
import { describeFailure } from "../migrate/failure.js";
import type { Script } from "../migrate/script.js";
import type { ProofChange, ProofFinding, ProofFindingKind } from "./model.js";
import type { Stop } from "./run.js";

/** The migration and the part of it that a finding is about. */
export interface Subject {
  readonly migration: string;
  readonly script: Script;
}

export interface FindingDetails {
  readonly message: string;
  readonly hint: string;
  /** Of the kind, unless told. */
  readonly severity?: Severity;
  readonly statement?: ParsedStatement;
  readonly changes?: readonly ProofChange[];
}

/** A finding at a statement of a script, or at none. */
export function findingAt(
  kind: ProofFindingKind,
  { migration, script }: Subject,
  details: FindingDetails,
): ProofFinding {
  const { statement, message, hint, severity = severities[kind], changes = [] } = details;
  const place = statement ? positionsIn(script.sql).at(statement.offset) : undefined;
  return {
    kind,
    severity,
    migration,
    message,
    hint,
    path: script.path,
    line: place?.line ?? null,
    column: place?.column ?? null,
    statement: statement ? firstLine(statement.text) : null,
    changes,
  };
}

/** A finding for a statement that the server refused; `what` comes before its words. */
export function refusedAt(
  kind: ProofFindingKind,
  subject: Subject,
  {
    stop,
    what,
    hint,
    severity,
  }: { readonly stop: Stop; readonly what: string; readonly hint: string; readonly severity?: Severity },
): ProofFinding {
  const { migration, script } = subject;
  const { why, line, column } = describeFailure(stop.error, { migration, file: script, statement: stop.statement });
  const finding = findingAt(kind, subject, { message: `${what}: ${why}`, hint, severity, statement: stop.statement });
  return { ...finding, line: line ?? finding.line, column: column ?? finding.column };
}

/** One finding per statement that did something, in the order of the file; what no statement did comes last. */
export function byStatement<Change>(
  changes: readonly Change[],
  culpritOf: (change: Change) => ParsedStatement | undefined,
): readonly (readonly [ParsedStatement | undefined, readonly Change[]])[] {
  const groups = new Map<ParsedStatement | undefined, Change[]>();
  for (const change of changes) {
    const culprit = culpritOf(change);
    groups.set(culprit, [...(groups.get(culprit) ?? []), change]);
  }
  return [...groups].sort(([a], [b]) => (a?.offset ?? Number.MAX_VALUE) - (b?.offset ?? Number.MAX_VALUE));
}

/** "index public.t_n" or "index public.t_n and 2 more". */
export function objectsOf(changes: readonly { readonly object: string }[]): string {
  const [first, ...others] = changes.map(({ object }) => object);
  return others.length === 0 ? `${first}` : `${first} and ${others.length} more`;
}

/** What became of an object, in a word: taken away, added or changed. */
export function verbOf({ expected, found }: ProofChange): "drops" | "adds" | "changes" {
  if (found === null) return "drops";
  return expected === null ? "adds" : "changes";
}

function firstLine(text: string): string {
  const line = text.split("\n", 1)[0]?.trim() ?? "";
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}

const severities: Readonly<Record<ProofFindingKind, Severity>> = {
  "up-fails": "error",
  "rerun-fails": "error",
  "rerun-changes-schema": "error",
  "rerun-changes-rows": "error",
  "rerun-rewrites-rows": "warning",
  "rerun-moves-sequence": "error",
  "prefix-fails": "error",
  "prefix-diverges": "error",
  "invalid-index-stays": "error",
  "invalid-index-fails": "error",
  "psql-rerun-keeps-invalid-index": "info",
  "psql-rerun-stops-at-invalid-index": "info",
  "no-down": "info",
  "down-fails": "error",
  "down-differs": "error",
  "up-again-fails": "error",
  "up-again-differs": "error",
  "replay-fails": "info",
  "replay-differs": "info",
};
