import type { Severity } from "../core/catalogue.js";
import { formatDuration } from "../core/duration.js";
import type { CheckName, MigrationProof, ProofChange, ProofCheck, ProofFinding, ProveReport } from "../prove/model.js";
import type { Style } from "../report/style.js";
import { plural } from "../report/text.js";

/** A line for each migration, what was found below it, and the verdict. */
export function proveLines(report: ProveReport, style: Style): string[] {
  const { migrations, fullReplay, findings, statementCount, server, builtCount } = report;
  const counts = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  if (migrations.length === 0) return ["nothing to prove: no migration is left after those that are only built"];
  return [
    ...migrations.flatMap((proof) => migrationLines(proof, style)),
    ...replayLines(fullReplay, style),
    ...report.notRun.map(
      ({ path, line }) => `${style.warning("not run")} ${path}:${line}: it would reach another server`,
    ),
    "",
    `${plural(migrations.length, "migration")} with ${plural(statementCount, "statement")} on ${server}${builtCount > 0 ? `, after ${builtCount} that were only built` : ""}: ` +
      `${plural(counts("error"), "error")}, ${plural(counts("warning"), "warning")}, ${counts("info")} to know`,
  ];
}

function migrationLines({ name, state, checks, durationMs }: MigrationProof, style: Style): string[] {
  const paint = { proven: style.good, refuted: style.bad, "not-reached": style.warning };
  const took = state === "not-reached" ? "" : style.faint(` (${formatDuration(durationMs)})`);
  return [
    `${paint[state](state === "not-reached" ? "not reached" : state)} ${name}: ${checks.map(checkWords).join(", ") || "one before it does not apply"}${took}`,
    ...checks.flatMap(({ findings }) => findings.flatMap((finding) => findingLines(finding, style))),
  ];
}

function checkWords({ check, outcome, note }: ProofCheck): string {
  const { holds, refuted } = words[check];
  if (outcome === "skipped") return `${names[check]} skipped (${note})`;
  return `${outcome === "holds" ? holds : refuted}${note === null ? "" : ` (${note})`}`;
}

const names: Readonly<Record<CheckName, string>> = {
  apply: "up",
  rerun: "second run",
  prefixes: "interruption",
  "invalid-index": "invalid index",
  "round-trip": "down and up",
  "full-replay": "full replay",
};

const words: Readonly<Record<CheckName, { readonly holds: string; readonly refuted: string }>> = {
  apply: { holds: "applies", refuted: "does not apply" },
  rerun: { holds: "runs again", refuted: "does not run again unchanged" },
  prefixes: { holds: "survives interruption", refuted: "does not survive interruption" },
  "invalid-index": { holds: "rebuilds an invalid index", refuted: "keeps an invalid index" },
  "round-trip": { holds: "goes down and up", refuted: "does not go down and up" },
  "full-replay": { holds: "runs again", refuted: "does not run again" },
};

function replayLines({ findings, outcome, note }: ProofCheck, style: Style): string[] {
  if (outcome === "skipped") return [style.faint(`full replay skipped (${note})`)];
  if (findings.length === 0)
    return [`${style.good("full replay")}: all of them run again on the final state, and change nothing`];
  return [`${style.warning("full replay")}: differs`, ...findings.flatMap((finding) => findingLines(finding, style))];
}

function findingLines(
  { kind, severity, message, hint, path, line, column, statement, changes }: ProofFinding,
  style: Style,
): string[] {
  const paint = { error: style.bad, warning: style.warning, info: style.faint };
  const place = line === null ? path : `${path}:${line}:${column}`;
  return [
    `  ${paint[severity](`${severity} ${kind}`)} ${message}`,
    `    at ${place}${statement === null ? "" : `  ${style.faint(statement)}`}`,
    ...changes.slice(0, shownChanges).flatMap((change) => changeLines(change, style)),
    ...(changes.length > shownChanges
      ? [style.faint(`    and ${changes.length - shownChanges} more: --json has all`)]
      : []),
    style.faint(`    next: ${hint}`),
  ];
}

const shownChanges = 8;

function changeLines({ object, expected, found }: ProofChange, style: Style): string[] {
  return [
    `    ${object}`,
    `      ${style.bad("-")} ${oneLine(expected)}`,
    `      ${style.good("+")} ${oneLine(found)}`,
  ];
}

function oneLine(definition: string | null): string {
  if (definition === null) return "(not there)";
  return definition === "" ? "(there)" : definition.replaceAll(/\s*\n\s*/g, " ");
}
