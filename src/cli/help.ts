import type { AnyCommand, Flag } from "../commands/command.js";
import { type CommandEntry, commandEntries, commandGroups, defaultCommands } from "../commands/index.js";
import { RoomctlError } from "../core/errors.js";
import { findFirstWord, flagVariable, globalFlags } from "./global-flags.js";

const topicNames = ["exit-codes", "environment", "configuration", "json", "errors"] as const;

/** The page that was asked for by `--help`, `help …` or by typing nothing; undefined when a command is to run. */
export async function findHelpPage(argv: readonly string[]): Promise<string | undefined> {
  if (argv.length === 0) return rootPage();
  const beforeDashes = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const isAsked = beforeDashes.includes("--help") || beforeDashes.includes("-h");
  if (argv[0] !== "help" && !isAsked) return undefined;
  const at = findFirstWord(beforeDashes);
  const words = (at < 0 ? [] : beforeDashes.slice(at)).filter((word) => !word.startsWith("-"));
  const asked = argv[0] === "help" ? words.slice(1) : words;
  const topic = argv[0] === "help" ? topicNames.find((name) => name === asked[0]) : undefined;
  if (topic) return (await import("./help-topics.js")).topicPage(topic);
  return asked.length === 0 ? rootPage() : pageOf(asked);
}

function rootPage(): string {
  return [
    "Operations for realtime apps on PostgreSQL: migrate, audit, wipe, back up and recover the state a restart would lose.",
    ...section("USAGE", ["roomctl <command> [flags]"]),
    ...commandGroups.flatMap((group) =>
      section(`${group.toUpperCase()} COMMANDS`, listEntries(commandEntries.filter((entry) => entry.group === group))),
    ),
    ...section("EXAMPLES", [
      "$ roomctl migrate --embedded",
      "$ roomctl audit --json",
      "$ roomctl wipe --scope rooms",
      "$ roomctl recover --dry-run",
    ]),
    ...section("FLAGS", flagLines(globalFlags)),
    ...section("EXIT CODES", [
      "0 ok · 1 failed · 2 usage or configuration · 3 found problems · 4 refused by a guard · 5 partly done",
      "7 critical · 10 database unreachable · 11 locked · 12 schema not as expected · 130/143 interrupted",
    ]),
    ...section("ENVIRONMENT", [
      "Every flag but consent has a variable: --lock-timeout is ROOMCTL_LOCK_TIMEOUT.",
      "The database: ROOMCTL_DIRECT_URL, ROOMCTL_DATABASE_URL or ROOMCTL_EMBEDDED, then the configuration, DATABASE_URL, PG*, .env.",
    ]),
    ...section("LEARN MORE", [
      "roomctl <command> --help   a command's flags and examples",
      `roomctl help <topic>       ${topicNames.join(", ")}`,
    ]),
  ].join("\n");
}

async function pageOf(asked: readonly string[]): Promise<string> {
  const [first = "", second] = asked;
  const exact = commandEntries.find((entry) => entry.name === `${first} ${second}`);
  if (exact) return commandPage(await exact.load(), []);
  const children = commandEntries.filter((entry) => entry.name.startsWith(`${first} `));
  const single = commandEntries.find((entry) => entry.name === (defaultCommands[first] ?? first));
  if (single) return commandPage(await single.load(), children);
  if (children.length > 0) return groupPage(first, children);
  throw new RoomctlError("E_USAGE", `there is no help on ${JSON.stringify(asked.join(" "))}`, {
    hint: "roomctl --help",
  });
}

function groupPage(name: string, children: readonly CommandEntry[]): string {
  return [
    `roomctl ${name}`,
    ...section("USAGE", [`roomctl ${name} <command> [flags]`]),
    ...section("COMMANDS", listEntries(children)),
    ...section("LEARN MORE", [`roomctl ${name} <command> --help`]),
  ].join("\n");
}

function commandPage(command: AnyCommand, siblings: readonly CommandEntry[]): string {
  const words = (command.words ?? []).map((word) => word.syntax).join(" ");
  return [
    command.summary,
    ...(command.description ? ["", ...command.description] : []),
    ...section("USAGE", [["roomctl", command.name, words, "[flags]"].filter(Boolean).join(" ")]),
    ...section("COMMANDS", listEntries(siblings)),
    ...section("ARGUMENTS", aligned((command.words ?? []).map((word) => [word.syntax, word.description]))),
    ...section("FLAGS", flagLines(command.flags)),
    ...section(
      "EXAMPLES",
      command.examples.flatMap(({ command: typed, explanation }) => [`# ${explanation}`, `$ ${typed}`]),
    ),
    ...section("INHERITED FLAGS", flagLines(globalFlags)),
    ...section("LEARN MORE", ["roomctl help exit-codes, roomctl help environment"]),
  ].join("\n");
}

function listEntries(entries: readonly CommandEntry[]): string[] {
  const shorter = new Map(Object.entries(defaultCommands).map(([short, name]) => [name, short]));
  const shown = (name: string) => (shorter.has(name) ? name.replace(/ (.*)$/, " [$1]") : name);
  return aligned(entries.map(({ name, summary }) => [shown(name), summary]));
}

function flagLines(flags: readonly Flag[]): string[] {
  return aligned(
    flags.map((flag) => [
      flag.flags.startsWith("-") && !flag.flags.startsWith("--") ? flag.flags : `    ${flag.flags}`,
      describeFlag(flag),
    ]),
  );
}

function describeFlag(flag: Flag): string {
  const notes = [
    flag.isRepeatable ? "repeatable" : "",
    flagVariable(flag) === undefined ? "never from the environment" : "",
  ].filter(Boolean);
  return notes.length === 0 ? flag.description : `${flag.description} (${notes.join(", ")})`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`.trimEnd());
}
