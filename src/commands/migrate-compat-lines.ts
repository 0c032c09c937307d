import type { CompatFinding } from "../compat/compat.js";
import type { SkippedQuery } from "../compat/queries.js";
import type { Style } from "../report/style.js";
import { plural, printable } from "../report/text.js";
import type { CompatResult } from "./migrate-compat.js";

/** What changes for the old release's queries, the worst first, each thing once with all the queries that it concerns. */
export function compatLines(result: CompatResult, style: Style): readonly string[] {
  const { checkedCount, counts, findings, skipped, from, to, migrations } = result;
  const groups = groupBy(findings, ({ kind, message, migration }) => `${kind}\n${message}\n${migration}`);
  const ordered = severities.flatMap((wanted) => groups.filter(([first]) => first?.severity === wanted));
  return [
    ...ordered.flatMap((group) => groupLines(group, style)),
    ...skippedLines(skipped, style),
    `${plural(checkedCount, "query", "queries")} from ${from ?? "an empty schema"} to ${to ?? "an empty schema"} (${plural(migrations.length, "migration")})`,
    verdict(counts, style),
  ];
}

const severities = ["error", "warning", "info"] as const;

function verdict({ error, warning, info }: CompatResult["counts"], style: Style): string {
  if (error + warning + info === 0) return style.good("all of them still work");
  const counts = [plural(error, "error"), plural(warning, "warning"), ...(info > 0 ? [`${info} to look at`] : [])].join(
    ", ",
  );
  return error > 0 ? style.bad(counts) : style.warning(counts);
}

/** How many queries a group lists in text; the JSON has all. */
const listLimit = 8;

function groupLines(group: readonly CompatFinding[], style: Style): readonly string[] {
  const [first] = group;
  if (first === undefined) return [];
  const { kind, severity, message, sqlState, migration, hint } = first;
  const paint = { error: style.bad, warning: style.warning, info: style.strong }[severity];
  const rest = group.length - listLimit;
  return [
    `${paint(`${severity}: ${kind}`)} ${printable(message)}${sqlState === null ? "" : style.faint(` [${sqlState}]`)}`,
    ...(migration === null ? [] : [`  since: ${printable(migration)}`]),
    `  query: ${group.slice(0, listLimit).map(placeOf).join(", ")}${rest > 0 ? `, and ${rest} more` : ""}`,
    style.faint(`  next: ${hint}`),
  ];
}

function placeOf({ query, source, line, calls, sql }: CompatFinding): string {
  if (calls !== null) return printable(`${shorten(sql)} (${query}, ${plural(calls, "call")})`);
  return printable(placeIn(query, source, line));
}

function shorten(sql: string): string {
  const line = sql.replace(/\s+/g, " ");
  return line.length > shortLength ? `${line.slice(0, shortLength)}…` : line;
}

const shortLength = 60;

function skippedLines(skipped: readonly SkippedQuery[], style: Style): readonly string[] {
  return groupBy(skipped, ({ reason }) => reason).map((group) => {
    const places = group.slice(0, listLimit).map(({ name, source, line }) => placeIn(name, source, line));
    const rest = group.length - listLimit;
    const more = rest > 0 ? `, and ${rest} more` : "";
    return printable(`${style.warning("skipped:")} ${places.join(", ")}${more}: ${group[0]?.reason}`);
  });
}

function placeIn(name: string, source: string, line: number | null): string {
  return line === null || name === `${source}:${line}` ? name : `${name} (${source}:${line})`;
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return [...groups.values()];
}
