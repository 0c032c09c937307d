import { formatDuration } from "../core/duration.js";
import { formatName } from "../db/identifier.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatCount, plural } from "../report/text.js";
import { findingLines } from "./audit-lines.js";
import type { DrillResult } from "./backup-drill.js";

/** What came back, what did not, what the audit says of it, and how long a recovery takes. */
export function drillLines(result: DrillResult, style: Style): readonly string[] {
  const { tables, differences, audit, phases } = result;
  const columns = [{ title: "table" }, { title: "rows", align: "right" }, { title: "content" }] as const;
  const rows = [...tables]
    .sort((a, b) => (formatName(a) < formatName(b) ? -1 : 1))
    .map((table) => [
      formatName(table),
      formatCount(table.found.rows),
      table.isEqual ? "equal" : style.bad(`differs from ${formatCount(table.expected.rows)} rows of the backup`),
    ]);
  const what = `${plural(tables.length, "table")}, ${plural(result.rows, "row")} on ${result.server}`;
  const times = phases.map(({ name, durationMs }) => `${name} ${formatDuration(durationMs)}`).join(", ");
  return [
    ...(rows.length > 0 ? [...tableLines(columns, rows, style), ""] : []),
    ...(audit.findings.length > 0 ? [...findingLines(audit.findings, style), ""] : []),
    differences.length === 0
      ? style.good(`backup ${result.backup} brings back what was there: ${what}`)
      : style.bad(
          `backup ${result.backup} does not bring back what was there: ${plural(differences.length, "difference")}`,
        ),
    ...differences.map((difference) => `  ${difference}`),
    `measured recovery time ${style.strong(formatDuration(result.recoveryMs))}: ${times}`,
    `the audit of it has ${plural(audit.findings.length, "finding")}${audit.ok ? "" : ` (fails on ${audit.failOn})`}`,
  ];
}
