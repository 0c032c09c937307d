import type { AuditResult } from "../audit/database.js";
import type { Finding } from "../audit/finding.js";
import type { StateReport } from "../audit/states.js";
import type { Severity } from "../core/catalogue.js";
import { failLevels } from "../core/fail-level.js";
import type { Style } from "../report/style.js";
import { type Column, tableLines } from "../report/table.js";
import { formatCount, formatTime, plural, printable } from "../report/text.js";

interface StateColumn extends Column {
  /** Left out on a terminal that is narrower than this. */
  readonly fromWidth?: number;
  /** Only where there is no terminal: the terminal gets these as lines below the table. */
  readonly isForPipes?: boolean;
  cell(state: StateReport): string;
}

/** From here on the class and the table find room beside the rest. */
const wideColumns = 116;

/** The catalogue as a table: a line a state. On a terminal, followed by what "yes" and "no" mean. */
export function stateLines({ states, readAt }: AuditResult, style: Style): readonly string[] {
  const columns = stateColumns(readAt, style).filter(({ fromWidth = 0, isForPipes }) =>
    style.isTerminal ? style.width >= fromWidth && !isForPipes : true,
  );
  const rows = states.map((state) => columns.map(({ cell }) => cell(state)));
  return [...tableLines(columns, rows, style), ...(style.isTerminal ? reasonLines(states, style) : [])];
}

function stateColumns(readAt: Date, style: Style): readonly StateColumn[] {
  const paint = ({ outcome }: StateReport) => (outcome === "ok" ? (text: string) => text : style.bad);
  return [
    { title: "state", cell: ({ name }) => printable(name) },
    { title: "class", fromWidth: wideColumns, cell: ({ persistence }) => persistence },
    { title: "table", fromWidth: wideColumns, cell: tableCell },
    { title: "rows", align: "right", cell: (state) => rowsCell(state, style) },
    { title: "newest write", align: "right", cell: (state) => newestCell(state, readAt, style) },
    { title: "survives", cell: (state) => paint(state)(state.survivesRestart) },
    { title: "because", isForPipes: true, cell: ({ because }) => because },
    { title: "verdict", cell: (state) => paint(state)(state.outcome === "ok" ? state.verdict : state.outcome) },
  ];
}

function tableCell({ table, column }: StateReport): string {
  return table === null ? "–" : printable(column === null ? table : `${table}.${column}`);
}

/** A pipe gets bare numbers to reckon with. */
function rowsCell({ rows, isEstimate, isPresent }: StateReport, style: Style): string {
  if (rows === null) return isPresent ? "?" : "–";
  return style.isTerminal ? `${isEstimate ? "~" : ""}${formatCount(rows)}` : String(rows);
}

function newestCell({ newestWrite }: StateReport, readAt: Date, style: Style): string {
  if (newestWrite === null) return "–";
  return style.isTerminal ? ageOf(newestWrite, readAt) : formatTime(newestWrite);
}

/** `12 s ago`, `3 h ago`; a clock that runs ahead shows as `in 3 h`. */
function ageOf(time: Date, readAt: Date): string {
  const seconds = Math.round((readAt.getTime() - time.getTime()) / 1000);
  const steps = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const;
  const [size, unit] = steps.find(([length]) => Math.abs(seconds) >= length) ?? [1, "s"];
  const length = `${formatCount(Math.floor(Math.abs(seconds) / size))} ${unit}`;
  return seconds < 0 ? `in ${length}` : `${length} ago`;
}

function reasonLines(states: readonly StateReport[], style: Style): readonly string[] {
  const byReason = groupBy(states, ({ survivesRestart, because }) => `${survivesRestart}: ${because}`);
  const lines = [...byReason].map(([reason, members]) => {
    const names = members.length > 3 ? plural(members.length, "state") : members.map(({ name }) => name).join(", ");
    return style.faint(`  ${printable(reason)} (${printable(names)})`);
  });
  return ["", ...lines];
}

/** Findings by severity, the gravest first; those that one command settles stand together. */
export function findingLines(findings: readonly Finding[], style: Style): readonly string[] {
  return failLevels.flatMap((severity) => {
    if (severity === "none") return [];
    const chosen = findings.filter((finding) => finding.severity === severity);
    if (chosen.length === 0) return [];
    const groups = groupBy(chosen, ({ id, hint }) => `${id} ${hint}`);
    return [
      "",
      painter(severity, style)(nounOf(severity, chosen.length)),
      ...[...groups.values()].flatMap((group) => groupLines(group, style)),
    ];
  });
}

const shownTitles = 8;

function groupLines(group: readonly Finding[], style: Style): readonly string[] {
  const [first] = group;
  if (!first) return [];
  const shown = group.slice(0, shownTitles);
  const more = group.length - shown.length;
  const reasons = new Set(group.map(({ why }) => why));
  return [
    ...shown.map(({ title, id }, index) => `  ${printable(title)}${index === 0 ? style.faint(`  [${id}]`) : ""}`),
    ...(more > 0 ? [`  and ${formatCount(more)} more (--json lists them all)`] : []),
    ...caseLines(first),
    ...(reasons.size === 1 ? [`      why:  ${printable(first.why)}`] : []),
    `      next: ${printable(first.hint)}`,
  ];
}

function caseLines({ cases = [], count = 0 }: Finding): readonly string[] {
  const more = count - cases.length;
  return [
    ...cases.map((subject) => `      - ${printable(subject)}`),
    ...(more > 0 ? [`      - and ${formatCount(more)} more`] : []),
  ];
}

/** The last line: enough for whoever reads nothing else. */
export function summaryLine({ states, findings, failOn, ok }: AuditResult, style: Style): string {
  const counts = (["error", "warning", "info"] as const).map((severity) =>
    nounOf(severity, findings.filter((finding) => finding.severity === severity).length),
  );
  const lost = states.filter(({ survivesRestart, outcome }) => survivesRestart !== "yes" && outcome !== "ok").length;
  const kept = lost === 0 ? "no state is lost that should last" : `${plural(lost, "state")} would be lost`;
  const verdict = ok ? style.good("ok") : style.bad(`fails on ${failOn}`);
  return `${plural(states.length, "state")}, ${kept}; ${counts.join(", ")}: ${verdict}`;
}

function nounOf(severity: Severity, count: number): string {
  return severity === "info" ? plural(count, "remark") : plural(count, severity);
}

function painter(severity: Severity, style: Style): (text: string) => string {
  return { error: style.bad, warning: style.warning, info: style.strong }[severity];
}

/** Keeps the order in which the groups first appear. */
function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
