import type { LintRule } from "./rule.js";

/** The page of a rule, `docs/lint/<rule>.md`, as lines of Markdown. */
export function rulePage({ id, title, topic, severity, why, safer, example, exemptsNewTables }: LintRule): string[] {
  return [
    `# ${id}`,
    "",
    `${title}.`,
    "",
    `Severity: ${severity} · topic: ${topic}${exemptsNewTables ? " · says nothing of tables that the same release makes" : ""}`,
    "",
    "## What happens",
    "",
    ...why.flatMap((paragraph) => [paragraph, ""]),
    "## Instead",
    "",
    safer,
    "",
    "## Example",
    "",
    ...(example.before === undefined ? [] : ["The schema before:", "", ...fenced(example.before), ""]),
    "Found:",
    "",
    ...fenced(example.bad),
    "",
    example.good.length > 1 ? `Clean, in ${example.good.length} migrations:` : "Clean:",
    "",
    ...example.good.flatMap((sql) => [...fenced(sql), ""]),
    "## Where it is meant",
    "",
    ...fenced(`-- roomctl-ignore ${id} reason="why it is safe here"`),
    "",
    "[All rules](README.md)",
  ];
}

function fenced(sql: string): string[] {
  return ["```sql", ...sql.trim().split("\n"), "```"];
}
