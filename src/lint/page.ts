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

/** The list of all rules, `docs/lint/README.md`, as lines of Markdown. */
export function rulesPage(rules: readonly LintRule[]): string[] {
  const topics = [...new Set(rules.map(({ topic }) => topic))];
  return [
    "# Rules of roomctl migrate lint",
    "",
    "These pages are made from the rules themselves, and a test runs each example. `roomctl migrate lint --explain <rule>` prints",
    "the same. An ignore stands before its statement, or behind it on its line, and must say why:",
    '`-- roomctl-ignore <rule>[, <rule>] reason="…"`.',
    ...topics.flatMap((topic) => [
      "",
      `## ${topic.charAt(0).toUpperCase()}${topic.slice(1)}`,
      "",
      "| rule | severity | what it finds |",
      "|---|---|---|",
      ...rules
        .filter((rule) => rule.topic === topic)
        .map(({ id, severity, title }) => `| [${id}](${id}.md) | ${severity} | ${title.replaceAll("|", "\\|")} |`),
    ]),
  ];
}

function fenced(sql: string): string[] {
  return ["```sql", ...sql.trim().split("\n"), "```"];
}
