import { formatDuration } from "../core/duration.js";
import { invariants } from "../recover/drill-invariants.js";
import type { SelftestResult } from "../recover/drill-selftest.js";
import type { DrillVerdict, FoundViolation } from "../recover/drill-verdict.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatCount, plural } from "../report/text.js";
import type { RecoverDrillResult } from "./recover-drill.js";

const shownViolations = 5;

/** The verdict in one line, and each violation with its history; of a selftest, a table of what was found. */
export function recoverDrillLines(result: RecoverDrillResult, style: Style): readonly string[] {
  const { verdict, selftest, server, seed, historyPath } = result;
  if (selftest) return selftestLines(selftest, { seed, style });
  if (!verdict) return [];
  return [
    ...verdict.violations.slice(0, shownViolations).flatMap((violation) => violationLines(violation, style)),
    verdictLine(verdict, style),
    `${server}; ${nemesisWords(verdict)}; a cycle takes ${formatDuration(verdict.cycleMs.median)}, at most ${formatDuration(verdict.cycleMs.max)}`,
    ...(historyPath === undefined ? [] : [`the whole history: ${historyPath}`]),
  ];
}

/** `300 cycles, 41,203 operations, 39,871 acknowledged, 12,400 durable: 0 lost, 0 revived, worst loss …; seed 7`. */
function verdictLine(verdict: DrillVerdict, style: Style): string {
  const { cycles, counts, lost, revived, loss, seed, violations } = verdict;
  const did = `${plural(cycles, "cycle")}, ${plural(counts.operations, "operation")}, ${formatCount(counts.acknowledged)} acknowledged, ${formatCount(counts.durable)} durable`;
  const worst = loss.changes === 0 ? "nothing in memory lost" : lossWords(loss);
  const others = violations.length - lost - revived;
  const found = `${lost} lost, ${revived} revived, ${others === 0 ? "" : `${plural(others, "other violation")}, `}${worst}`;
  return `${did}: ${verdict.ok ? style.good(found) : style.bad(found)}; seed ${seed}`;
}

function lossWords({ changes, p50Ms, p99Ms, maxMs, windowMs, allowanceMs }: DrillVerdict["loss"]): string {
  return `worst loss ${maxMs} ms of ${windowMs} + ${allowanceMs} ms (${plural(changes, "change")}, half of them ${p50Ms} ms, 99 % ${p99Ms} ms)`;
}

function nemesisWords({ nemeses }: DrillVerdict): string {
  return Object.entries(nemeses)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

function violationLines({ invariant, cycle, nemesis, message, history }: FoundViolation, style: Style): string[] {
  return [
    style.bad(`${invariant}, ${invariants[invariant]}: ${message}`),
    `  in cycle ${cycle}, after ${nemesis}; what the history says of it:`,
    ...history.map((line) => `    ${line}`),
    "",
  ];
}

function selftestLines(
  results: readonly SelftestResult[],
  { seed, style }: { readonly seed: number; readonly style: Style },
): readonly string[] {
  const columns = [{ title: "planted bug" }, { title: "found" }, { title: "by" }, { title: "what" }];
  const rows = results.map(({ bug, foundAt, cycles, invariant, nemesis, message }) => [
    bug,
    foundAt === null ? style.bad(`not in ${plural(cycles, "cycle")}`) : style.good(`in cycle ${foundAt}`),
    foundAt === null ? "" : `${invariant} after ${nemesis}`,
    message ?? "",
  ]);
  const missed = results.filter(({ foundAt }) => foundAt === null).length;
  const summary = `${results.length - missed} of ${plural(results.length, "planted bug")} found; seed ${seed}`;
  return [...tableLines(columns, rows, style), "", missed === 0 ? style.good(summary) : style.bad(summary)];
}
