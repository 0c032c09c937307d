import type { DriftReport } from "../drift/drift.js";
import type { DriftFinding } from "../drift/model.js";
import type { Style } from "../report/style.js";
import { plural, printable } from "../report/text.js";

/** The findings, under the table or other object that each belongs to, and what was compared. */
export function driftLines(report: DriftReport, style: Style): readonly string[] {
  const names = [...new Set(report.findings.map(({ belongs }) => belongs ?? ""))].sort();
  return [
    ...names.flatMap((name) => [
      style.strong(printable(name === "" ? "the database" : name)),
      ...report.findings
        .filter(({ belongs }) => (belongs ?? "") === name)
        .flatMap((finding) => findingLines(finding, style)),
    ]),
    ...(report.findings.length > 0 ? [""] : []),
    ...summaryLines(report),
  ];
}

function findingLines({ kind, object, live, files, repair }: DriftFinding, style: Style): readonly string[] {
  const name = printable(object);
  return [
    {
      "live-only": style.warning(`  + ${name}`),
      "files-only": style.bad(`  - ${name}`),
      changed: style.warning(`  ~ ${name}`),
    }[kind],
    ...definitionLines("live", live, kind === "changed"),
    ...definitionLines("files", files, kind === "changed"),
    ...(repair === null ? [] : [style.faint(`      repair: ${printable(repair)}`)]),
  ];
}

/** An empty definition says something only beside another one. */
function definitionLines(side: "live" | "files", definition: string | null, isCompared: boolean): readonly string[] {
  if (definition === null || (definition === "" && !isCompared)) return [];
  if (definition === "") return [`      ${`${side}:`.padEnd(7)}(nothing special)`];
  const [first = "", ...others] = definition.trimEnd().split("\n").map(printable);
  return [`      ${`${side}:`.padEnd(7)}${first}`, ...others.map((line) => `             ${line}`)];
}

function summaryLines(report: DriftReport): readonly string[] {
  const { findings, appliedCount, directory, liveMajorVersion, scratchMajorVersion, ignoredCount } = report;
  const count = (kind: DriftFinding["kind"]) => findings.filter((finding) => finding.kind === kind).length;
  const against = `what ${plural(appliedCount, "migration")} of ${directory} built on PostgreSQL ${scratchMajorVersion}`;
  const kinds = `${count("live-only")} only in the database, ${count("files-only")} only in the files, ${count("changed")} changed`;
  return [
    findings.length === 0
      ? `no drift: the database is as ${against}`
      : `${plural(findings.length, "difference")} from ${against}: ${kinds}`,
    ...(ignoredCount > 0 ? [`${plural(ignoredCount, "difference")} left out with --ignore`] : []),
    ...(liveMajorVersion === scratchMajorVersion
      ? []
      : [
          `the database is PostgreSQL ${liveMajorVersion}, which words definitions in its own way: compared were only names, and the type, NOT NULL and default of columns`,
        ]),
  ];
}
