import type { LiveContainer, LiveReport } from "../audit/live-report.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatCount, printable } from "../report/text.js";

/** What a server holds, a line a container; nothing where none was asked. */
export function liveLines(live: LiveReport | undefined, style: Style): readonly string[] {
  if (live === undefined) return [];
  const { instance, epoch, pid, database } = live.server;
  const facts = [`epoch ${epoch ?? "none"}`, `process ${pid ?? "?"}`, `database ${database ?? "?"}`];
  return [
    "",
    style.strong(printable(`In the memory of ${instance} (${facts.join(", ")})`)),
    ...tableLines(
      columns.map(({ title, align }) => ({ title, align })),
      live.containers.map((container) => columns.map(({ cell }) => cell(container, style))),
      style,
    ),
  ];
}

interface LiveColumn {
  readonly title: string;
  readonly align?: "right";
  cell(container: LiveContainer, style: Style): string;
}

const columns: readonly LiveColumn[] = [
  { title: "container", cell: ({ name }) => printable(name) },
  { title: "table", cell: ({ table }) => printable(table ?? "–") },
  { title: "in memory", align: "right", cell: ({ size, held }, style) => countOf(Math.max(size, held), style) },
  { title: "compared", align: "right", cell: (one, style) => (isCompared(one) ? countOf(one.compared, style) : "–") },
  { title: "pending", align: "right", cell: ({ pending, unsettled }, style) => countOf(pending + unsettled, style) },
  { title: "outcome", cell: outcomeCell },
];

function isCompared({ outcome }: LiveContainer): boolean {
  return outcome === "agrees" || outcome === "drift";
}

/** A pipe gets bare numbers to reckon with. */
function countOf(count: number, style: Style): string {
  return style.isTerminal ? formatCount(count) : String(count);
}

function outcomeCell({ outcome, driftCount }: LiveContainer, style: Style): string {
  if (outcome === "drift") return style.bad(`drift: ${countOf(driftCount, style)}`);
  return outcome === "not compared" ? style.bad(outcome) : outcome;
}
