import type { Severity } from "../core/catalogue.js";

/** Something to be shown beside a line of a changed file. The path is relative to the root of the repository. */
export interface Annotation {
  readonly severity: Severity;
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly title: string;
  readonly message: string;
}

/** One line that GitHub Actions reads from a job's output: `::error file=…,line=1,col=1,title=…::message`. */
export function annotationLine({ severity, path, line, column, title, message }: Annotation): string {
  const properties = { file: path, line: String(line), col: String(column), title };
  const written = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(value)}`);
  return `::${commands[severity]} ${written.join(",")}::${escapeData(message)}`;
}

const commands = { error: "error", warning: "warning", info: "notice" } as const satisfies Record<Severity, string>;

/** As `@actions/core` escapes them. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
