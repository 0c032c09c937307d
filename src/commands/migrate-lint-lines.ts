import { relative } from "node:path";
import type { Severity } from "../core/catalogue.js";
import type { FailLevel } from "../core/fail-level.js";
import { packageVersion } from "../core/package-root.js";
import type { LintFinding } from "../lint/finding.js";
import type { LintRule } from "../lint/rule.js";
import type { LintResult } from "../lint/run.js";
import { annotationLine } from "../report/annotations.js";
import { sarifLog } from "../report/sarif.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { plural, printable } from "../report/text.js";

export const lintFormats = ["text", "sarif", "github"] as const;
export type LintFormat = (typeof lintFormats)[number];

export interface LintAnswer extends LintResult {
  readonly rules: readonly LintRule[];
  readonly failOn: FailLevel;
  readonly fails: boolean;
  /** Whether the text lists what is ignored, with its reason. */
  readonly listsIgnored: boolean;
}

/** The answer in a format. `text` and `github` count what is ignored, unless told; SARIF and JSON list it with its reason. */
export function lintLines(answer: LintAnswer, format: LintFormat, style: Style): readonly string[] {
  if (format === "sarif") return [sarifText(answer)];
  if (format === "github") return [...githubLines(answer), summaryLine(answer, style)];
  return textLines(answer, style);
}

/** All rules as a table. */
export function ruleLines(rules: readonly LintRule[], style: Style): readonly string[] {
  const columns = [{ title: "rule" }, { title: "severity" }, { title: "topic" }, { title: "what it finds" }];
  return [
    ...tableLines(
      columns,
      rules.map(({ id, severity, topic, title }) => [id, painter(severity, style)(severity), topic, title]),
      style,
    ),
    ...(style.isTerminal
      ? ["", `${plural(rules.length, "rule")}; one of them: roomctl migrate lint --explain <rule>`]
      : []),
  ];
}

function textLines(answer: LintAnswer, style: Style): readonly string[] {
  const open = answer.findings.filter(({ ignoredBecause }) => ignoredBecause === null);
  return [
    ...open.flatMap((finding) => findingLines(finding, style)),
    ...(answer.listsIgnored ? ignoredLines(answer.findings, style) : []),
    ...answer.unanalysed.map(({ path, line, why }) =>
      style.faint(printable(`${pathFrom(path)}:${line}: not looked at: ${why}`)),
    ),
    ...(open.length + answer.unanalysed.length > 0 || answer.listsIgnored ? [""] : []),
    summaryLine(answer, style),
  ];
}

/** As compilers do it, so that editors find the place. */
function findingLines(finding: LintFinding, style: Style): readonly string[] {
  const { path, line, column, severity, rule, message, why, safer, saferSql } = finding;
  const sql = saferSql === null ? [] : saferSql.trim().split("\n");
  return [
    `${printable(`${pathFrom(path)}:${line}:${column}`)}: ${painter(severity, style)(severity)}: ${printable(message)} ${style.faint(`[${rule}]`)}`,
    `    why:   ${printable(why)}`,
    `    safer: ${printable(safer)}`,
    ...sql.map((one) => `           ${style.strong(printable(one))}`),
  ];
}

function ignoredLines(findings: readonly LintFinding[], style: Style): readonly string[] {
  return findings.flatMap(({ path, line, column, rule, message, ignoredBecause }) =>
    ignoredBecause === null
      ? []
      : [
          `${printable(`${pathFrom(path)}:${line}:${column}`)}: ignored: ${printable(message)} ${style.faint(`[${rule}]`)}`,
          `    reason: ${printable(ignoredBecause)}`,
        ],
  );
}

function summaryLine(
  { findings, unanalysed, statementCount, migrations, failOn, fails, ...rest }: LintAnswer,
  style: Style,
) {
  const open = findings.filter(({ ignoredBecause }) => ignoredBecause === null);
  const counts = (["error", "warning", "info"] as const).map((severity) =>
    plural(open.filter((finding) => finding.severity === severity).length, severity === "info" ? "remark" : severity),
  );
  const ignored = findings.length - open.length;
  const files = plural(migrations.length, rest.basis === "file" ? "file" : "migration");
  const looked = `${plural(statementCount, "statement")} of ${files} (${basisOf(rest)})`;
  const gaps = unanalysed.length === 0 ? "" : `, ${plural(unanalysed.length, "place")} not looked at`;
  const verdict = fails ? style.bad(`fails on ${failOn}`) : style.good("ok");
  return `${looked}${gaps}; ${counts.join(", ")}${ignored === 0 ? "" : `, ${ignored} ignored`}: ${verdict}`;
}

function basisOf({ basis, database }: Pick<LintAnswer, "basis" | "database">): string {
  const sizes = database === null ? "no database: files only, sizes unknown" : `sizes of ${printable(database)}`;
  if (basis === "pending") return `pending on ${printable(database ?? "")}`;
  if (basis === "file") return database === null ? "by themselves, no database" : `on ${printable(database)}`;
  return basis === "since" ? `since the named one; ${sizes}` : `every file; ${sizes}`;
}

function sarifText({ rules, findings, unanalysed }: LintAnswer): string {
  const relativePath = <Placed extends { readonly path: string }>(one: Placed) => ({
    ...one,
    path: pathFrom(one.path),
  });
  const log = sarifLog({
    version: packageVersion(),
    rules,
    findings: findings.map(relativePath),
    unanalysed: unanalysed.map(relativePath),
  });
  return JSON.stringify(log, null, 2);
}

function githubLines({ findings, unanalysed }: LintAnswer): readonly string[] {
  const open = findings.filter(({ ignoredBecause }) => ignoredBecause === null);
  return [
    ...open.map(({ rule, message, safer, saferSql, path, ...place }) =>
      annotationLine({
        ...place,
        path: pathFrom(path),
        title: rule,
        message: [`${message}.`, safer, ...(saferSql === null ? [] : [saferSql])].join("\n"),
      }),
    ),
    ...unanalysed.map(({ path, line, why }) =>
      annotationLine({ severity: "info", path: pathFrom(path), line, column: 1, title: "not looked at", message: why }),
    ),
  ];
}

/** Editors and code scanning know files from the folder that one stands in. */
function pathFrom(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}

function painter(severity: Severity, style: Style): (text: string) => string {
  return { error: style.bad, warning: style.warning, info: style.strong }[severity];
}
