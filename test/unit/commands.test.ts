import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseFlags } from "../../src/cli/flags.js";
import { findHelpPage } from "../../src/cli/help.js";
import { environmentRows, exitRows, topicPage } from "../../src/cli/help-topics.js";
import { resolveCommand } from "../../src/cli/resolve.js";
import { commandEntries, defaultCommands } from "../../src/commands/index.js";
import { errorExits, exitCodes, exitMeanings } from "../../src/core/errors.js";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

test.each(commandEntries)("roomctl $name says the same in the list and on its own page", async (entry) => {
  const definition = await entry.load();
  expect(definition.name).toBe(entry.name);
  expect(definition.summary).toBe(entry.summary);
  const page = await findHelpPage([...entry.name.split(" "), "--help"]);
  expect(page).toContain(entry.summary);
  for (const { flags } of definition.flags) expect(page).toContain(flags);
  expect(definition.examples.length).toBeGreaterThan(0);
});

test("roomctl --help lists every command", async () => {
  const page = await findHelpPage(["--help"]);
  for (const { name, summary } of commandEntries) {
    expect(page).toContain(summary);
    expect(page).toContain(name.split(" ")[0]);
  }
});

test("a command that a shorter word stands for takes no words of its own", async () => {
  for (const name of Object.values(defaultCommands)) {
    const definition = await commandEntries.find((entry) => entry.name === name)?.load();
    expect(definition?.words ?? [], name).toEqual([]);
  }
});

test.each([
  [["migrate"], "migrate up", []],
  [["migrate", "--dry-run"], "migrate up", ["--dry-run"]],
  [["-d", "postgresql://h/db", "migrate", "status", "--json"], "migrate status", ["-d", "postgresql://h/db", "--json"]],
  [["wipe", "--confirm", "scopes"], "wipe", ["--confirm", "scopes"]],
] as const)("%j is the command %s", (argv, name, rest) => {
  const resolved = resolveCommand(argv);
  expect(resolved?.entry.name).toBe(name);
  expect(resolved?.rest).toEqual(rest);
});

test.each([
  [["audti"], /Did you mean audit/],
  [["migrate", "statsu"], /Did you mean status/],
  [["backup"], /needs one of: create, list/],
] as const)("the typo %j gets a suggestion", (argv, message) => {
  expect(() => resolveCommand(argv)).toThrow(message);
});

test("a flag's variable fills in what was not typed, and consent has none", async () => {
  const wipe = await commandEntries.find(({ name }) => name === "wipe")?.load();
  if (!wipe) throw new Error("no wipe");
  const environment = {
    ROOMCTL_DRY_RUN: "1",
    ROOMCTL_CONFIRM: "app",
    ROOMCTL_LOCK_WAIT: "9s",
    ROOMCTL_SCOPE: "rooms,chat",
    ROOMCTL_NO_COLOR: "1",
    ROOMCTL_NO_BACKUP: "1",
    ROOMCTL_JSON: "0",
  };
  expect(parseFlags(wipe, ["--lock-wait", "1s"], environment).flags).toEqual({
    dryRun: true,
    lockWait: "1s",
    scope: ["rooms", "chat"],
    color: false,
  });
  expect(() => parseFlags(wipe, [], { ROOMCTL_DRY_RUN: "maybe" })).toThrow(/ROOMCTL_DRY_RUN is neither true nor false/);
});

test("consent takes a name with and without an equals sign", async () => {
  const wipe = await commandEntries.find(({ name }) => name === "wipe")?.load();
  if (!wipe) throw new Error("no wipe");
  expect(parseFlags(wipe, ["--confirm"], {}).flags["confirm"]).toBe(true);
  expect(parseFlags(wipe, ["--confirm=app"], {}).flags["confirm"]).toBe("app");
  expect(parseFlags(wipe, ["--confirm", "app"], {}).flags["confirm"]).toBe("app");
});

test("every error code leads to an exit that has a meaning", () => {
  for (const exit of Object.values(errorExits)) expect(exitMeanings[exit]).toBeTruthy();
  expect(new Set(Object.values(exitCodes)).size).toBe(Object.keys(exitCodes).length);
  for (const code of Object.keys(errorExits)) expect(topicPage("errors")).toContain(code);
});

test("the README's exit codes are the program's", () => {
  expect(tableUnder("## Exit codes")).toEqual(exitRows());
});

test("the README's environment variables are the program's", () => {
  const rows = tableUnder("## Environment").map((row) => row.map((cell) => cell.replaceAll("`", "")));
  expect(rows).toEqual(environmentRows());
});

/** The cells of the first table below a heading of the README, without its two header lines. */
function tableUnder(heading: string): string[][] {
  const lines = readme.slice(readme.indexOf(`${heading}\n`)).split("\n");
  const first = lines.findIndex((line) => line.startsWith("|"));
  const rows = lines.slice(first).findIndex((line) => !line.startsWith("|"));
  return lines.slice(first + 2, first + rows).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
