import { type ExitName, errorExits, exitCodes, exitMeanings } from "../core/errors.js";
import { configFileNames } from "./config.js";
import { settingSources } from "./settings.js";

export type Topic = "exit-codes" | "environment" | "configuration" | "json" | "errors";

/** `roomctl help <topic>`, made from the tables that the program itself uses. */
export function topicPage(topic: Topic): string {
  return pages[topic]().join("\n");
}

const pages: Record<Topic, () => string[]> = {
  "exit-codes": () => exitRows().map(([code, meaning]) => `${code.padStart(3)}  ${meaning}`),
  environment: () => [
    "A value is taken from the first of: flag, ROOMCTL_*, configuration file, default.",
    "The database is taken from the first of: --direct-url, --database-url or --embedded, ROOMCTL_DIRECT_URL, ROOMCTL_DATABASE_URL, ROOMCTL_EMBEDDED,",
    "the configuration's `database`, DATABASE_URL, PG* variables and PGSERVICE, .env. Passwords also from PGPASSFILE or ~/.pgpass.",
    "",
    ...environmentRows().map(([name, meaning, fallback]) => `${name.padEnd(24)}${meaning} (default: ${fallback})`),
    "",
    "Every other flag has its variable too: --fail-on is ROOMCTL_FAIL_ON. Consent (--confirm, --plan, --cascade …) has none.",
  ],
  configuration: () => [
    `The first of ${configFileNames.join(", ")} in the working directory, or the file of --config.`,
    "",
    "{",
    '  "database": "postgresql://app@db.internal/app",   // or "embedded"',
    '  "environment": "production",                      // development, staging or production',
    '  "stateDir": ".roomctl", "repo": "/var/backups/app", "lockTimeout": "3s", "lockWait": "60s",',
    '  "app": {                                          // another app\'s own; without it, the reference app',
    '    "name": "my app", "migrations": "db/migrations", "seed": "db/seed.sql",',
    '    "states": [{ "name": "games", "persistence": "write-behind", "table": "games", "lossMeans": "running games end" }],',
    '    "shapes": { "games": { "id": "uuid" } },',
    '    "scopes": [{ "name": "games", "summary": "all games", "tables": ["games"] }],',
    '    "checks": [{ "id": "lost-games", "severity": "warning", "title": "{count} games without players",',
    '                 "hint": "delete them", "statement": "db/lost-games.sql" }]',
    "  }",
    "}",
    "",
    "Paths count from the file's folder. An unknown key is an error that names it. roomctl config show tells what is in force.",
  ],
  json: () => [
    "--json prints exactly one object on stdout:",
    '  { "schema": "roomctl/1", "command", …the result…, "ok", "warnings": [], "durationMs" }',
    "and an error as exactly one object on stderr:",
    '  { "schema": "roomctl/1", "command", "ok": false, "error": { "code", "message", "why", "hint", "exitCode" }, "warnings": [] }',
    "Fields may be added under the same schema; ignore those you do not know. `ok` is true when the exit code is 0.",
  ],
  errors: () =>
    Object.entries(errorExits).map(
      ([code, exit]) => `${code.padEnd(24)}exit ${String(exitCodes[exit]).padStart(3)}  ${exitMeanings[exit]}`,
    ),
};

/** Code and meaning of every exit, in order. */
export function exitRows(): [string, string][] {
  return (Object.keys(exitCodes) as ExitName[]).map((name) => [String(exitCodes[name]), exitMeanings[name]]);
}

/** Variable, meaning and default of every setting that has one of its own. */
export function environmentRows(): [string, string, string][] {
  return Object.values(settingSources).map(({ variable, meaning, fallback }) => [variable, meaning, fallback]);
}
