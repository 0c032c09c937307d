import type { Style } from "../report/style.js";
import { formatBytes, formatTime, printable, printableStyled } from "../report/text.js";
import type { Place } from "../wipe/place.js";

interface Placed extends Place {
  readonly scopes: readonly string[];
  readonly namedTables: readonly string[];
}

/** Which database it is, how it tells, and what was chosen in it. */
export function placeLines(plan: Placed, style: Style): string[] {
  const server = plan.serverAddress ?? "over a Unix socket";
  const size = plan.databaseSizeBytes === null ? "" : `, ${formatBytes(plan.databaseSizeBytes)}`;
  const lines = [
    `database     ${style.strong(printable(JSON.stringify(plan.database)))} as ${printable(plan.role)}${size}`,
    `host         ${plan.host} (the server says ${server}; PostgreSQL ${plan.serverVersion}, system ${plan.systemIdentifier})`,
    `environment  ${environmentText(plan, style)}`,
    `last write   ${lastWriteText(plan)}`,
    ...(plan.scopes.length > 0 ? [`scopes       ${plan.scopes.join(", ")}`] : []),
    ...(plan.namedTables.length > 0 ? [`tables       ${printable(plan.namedTables.join(", "))}`] : []),
  ];
  return lines.map(printableStyled);
}

function environmentText({ environment, markerOrigin, markedAt, markedBy }: Place, style: Style): string {
  if (environment === undefined) return style.warning("not marked, which counts as protected");
  const paint = { development: style.good, staging: style.warning, production: style.bad }[environment];
  const how = markerOrigin === "assumed" ? "assumed by the first migrate" : "marked";
  const when = markedAt ? `, ${how} ${formatTime(markedAt)}` : "";
  return `${paint(environment)}${when}${markedBy === undefined ? "" : ` by ${markedBy}`}`;
}

/** Neither way of telling is the whole truth, and the line says which one it is. */
function lastWriteText({ lastWrite }: Place): string {
  if (lastWrite === null) return "unknown: no column of these tables tells, and the server keeps no commit times";
  const how =
    lastWrite.from === "server"
      ? "the last commit in any database of this server"
      : `the newest ${lastWrite.column}; an UPDATE need not show there`;
  return `${formatTime(lastWrite.at)} (${how})`;
}
