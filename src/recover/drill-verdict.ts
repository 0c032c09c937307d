import type { Judgement } from "./drill-checks.js";
import type { HistoryCounts } from "./drill-history.js";
import type { Violation } from "./drill-invariants.js";

/** A violation with what the history says of it. */
export interface FoundViolation extends Violation {
  readonly nemesis: string;
  /** The last lines of the history that name it. */
  readonly history: readonly string[];
}

/** What a drill found out. */
export interface DrillVerdict {
  readonly ok: boolean;
  readonly seed: number;
  readonly cycles: number;
  readonly nemeses: Readonly<Record<string, number>>;
  readonly counts: HistoryCounts;
  /** Durable changes that are gone. */
  readonly lost: number;
  /** Rooms that had ended and came back. */
  readonly revived: number;
  /** Changes in memory that a kill took, by their age at that moment. */
  readonly loss: LossSummary;
  readonly violations: readonly FoundViolation[];
  readonly durationMs: number;
  readonly cycleMs: { readonly median: number; readonly max: number };
}

interface LossSummary {
  readonly changes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly windowMs: number;
  /** The largest that any cycle had, of what a batch may take. */
  readonly allowanceMs: number;
}

/** One cycle, as the verdict counts it. */
export interface CycleReport extends Judgement {
  readonly nemesis: string;
  readonly durationMs: number;
  readonly windowMs: number;
  readonly allowanceMs: number;
}

export interface VerdictFacts {
  readonly seed: number;
  readonly counts: HistoryCounts;
  readonly reports: readonly CycleReport[];
  readonly violations: readonly FoundViolation[];
  readonly durationMs: number;
}

/** Sums the cycles up. */
export function sumUp({ seed, counts, reports, violations, durationMs }: VerdictFacts): DrillVerdict {
  const losses = reports.flatMap(({ lossesMs }) => lossesMs);
  const took = reports.map((report) => report.durationMs);
  const count = (invariant: string) => violations.filter((violation) => violation.invariant === invariant).length;
  const nemeses: Record<string, number> = {};
  for (const { nemesis } of reports) nemeses[nemesis] = (nemeses[nemesis] ?? 0) + 1;
  return {
    ok: violations.length === 0,
    seed,
    cycles: reports.length,
    nemeses,
    counts: { ...counts },
    lost: count("I1"),
    revived: count("I5"),
    loss: {
      changes: losses.length,
      p50Ms: quantile(losses, 0.5),
      p99Ms: quantile(losses, 0.99),
      maxMs: quantile(losses, 1),
      windowMs: Math.max(0, ...reports.map((report) => report.windowMs)),
      allowanceMs: Math.round(Math.max(0, ...reports.map((report) => report.allowanceMs))),
    },
    violations,
    durationMs,
    cycleMs: { median: quantile(took, 0.5), max: quantile(took, 1) },
  };
}

/** The smallest value that so large a share does not exceed, rounded; 0 of none. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);
}
