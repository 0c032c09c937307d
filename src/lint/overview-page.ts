import type { LintRule } from "./rule.js";

/** The overview of all rules, `docs/lint/README.md`, as lines of Markdown. */
export function overviewPage(rules: readonly LintRule[]): string[] {
  const topics = [...new Set(rules.map(({ topic }) => topic))];
  return [
    ...introduction(rules.length),
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

function introduction(count: number): string[] {
  return `# roomctl migrate lint

Finds what is dangerous in migrations before they run: locks that stop the app, tables that are rewritten, names that the running
release still uses, statements that fail or do something else when they run again. It runs nothing and writes nothing. These pages
are made from the ${count} rules themselves, and a test runs each example; \`roomctl migrate lint --explain <rule>\` prints the same.

## What is linted, and what is known of the schema

| call | linted | the schema that rules see |
|---|---|---|
| \`roomctl migrate lint\`, with a database | what the database does not have yet, as one release | the database's own, with the real sizes of its tables |
| \`roomctl migrate lint\`, without one | every file by itself | what the files before it make; sizes are unknown |
| \`--since 12\` | the files behind 0012, as one release | what the files up to 0012 make; sizes of the database, where there is one |
| \`--all\` | every file by itself, applied or not | what the files before it make; sizes as above |
| \`roomctl migrate lint 14 15\` | as above, but only these are told of | as above |
| \`roomctl migrate lint path/to/file.sql\` | that file; editors and commit hooks call it so | of a file in the folder: the files before it; of another: the database's, or nothing |

Many rules say nothing of a table that the same release makes: it is empty, and nobody waits for it. Rules whose cost grows with the
table are one level milder where the database says that the table is small (fewer than 10,000 rows and 10 MB).

Bodies of DO blocks and of functions in PL/pgSQL and SQL are taken apart. What stands behind an IF, a CASE, a loop, an EXCEPTION or an
early RETURN counts as guarded: it asks by itself whether it is to be done. What a function's body does is not done by the
migration that only defines it.

## Levels and exit status

\`error\`: it fails, loses data or stops the app. \`warning\`: it may, at some size or on a second run. \`info\`: worth knowing.
The exit status is 3 when something reaches \`--fail-on\` (\`error\` unless told; \`none\` never fails), else 0.

## Ignoring a finding

A finding that is meant is ignored where it stands, with the reason, which is mandatory:

\`\`\`sql
-- roomctl-ignore drop-column, drop-without-guard reason="unused since release 41"
ALTER TABLE users DROP COLUMN nickname;

CREATE INDEX users_email_idx ON users (email); -- roomctl-ignore index-not-concurrent reason="ten rows"
\`\`\`

It belongs to the next statement, or to the one it stands behind on the same line, or in; before a DO block it is about all that the
block does. One without a reason, with an unknown rule, or that hides nothing is itself a finding. \`--verbose\` lists what is ignored.

## Formats

\`--format text\` (\`path:line:column: level: message [rule]\`, which editors understand), \`--format github\` (annotations of a
workflow), \`--format sarif\` (SARIF 2.1.0 for code scanning; ignored findings are in it as suppressed), and \`--json\`.

## What is not detected

- A statement that EXECUTE puts together at run time, bodies in other languages, and SQL that PostgreSQL 18's grammar does not know:
  each is told as "not looked at", with its place.
- Whether data fits: a UNIQUE or NOT NULL that the rows break, a cast that fails. \`roomctl migrate trace\` and \`prove\` run it.
- Locks that come of what is not in the text: triggers, cascades of a foreign key, views and functions that a statement calls.
- The domain of a new column: ADD COLUMN of a domain with a CHECK rewrites the table, and is not told.
- Views' columns and functions' arguments beyond the file: what CREATE OR REPLACE cannot replace is certain within a file only.
- Which queries the app runs. What drops or renames is always told; \`roomctl migrate compat\` tries real queries.
- The logic of a guard: an IF around a statement is believed. \`roomctl migrate prove\` runs every migration twice and compares.`.split(
    "\n",
  );
}
