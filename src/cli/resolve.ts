import { Command, CommanderError } from "commander";
import { type CommandEntry, commandEntries, defaultCommands } from "../commands/index.js";
import { usageError } from "./flags.js";
import { findFirstWord } from "./global-flags.js";

export interface ResolvedCommand {
  readonly entry: CommandEntry;
  /** What was typed, without the command's own words. */
  readonly rest: readonly string[];
}

/**
 * Finds the command in what was typed: its first word, and the word directly behind it when the two make a command.
 * Global flags may stand before it. Undefined when no word is there. Throws E_USAGE with a suggestion for a typo.
 */
export function resolveCommand(argv: readonly string[]): ResolvedCommand | undefined {
  const at = findFirstWord(argv);
  if (at < 0) return undefined;
  const first = argv[at] ?? "";
  const second = argv[at + 1];
  const pair = find(`${first} ${second}`);
  if (pair) return { entry: pair, rest: [...argv.slice(0, at), ...argv.slice(at + 2)] };
  const single = find(defaultCommands[first] ?? first);
  const children = commandEntries.filter((entry) => entry.name.startsWith(`${first} `));
  // A word behind a command of its own (wipe) is for that command to judge; behind any other it must be a command.
  const isWord = second !== undefined && !second.startsWith("-");
  if (children.length > 0 && isWord && !find(first)) throw unknownCommand(second, first);
  if (single) return { entry: single, rest: [...argv.slice(0, at), ...argv.slice(at + 1)] };
  if (children.length > 0) {
    const names = children.map((entry) => entry.name.slice(first.length + 1)).join(", ");
    throw usageError(`${first} needs one of: ${names}`, first);
  }
  throw unknownCommand(first, "");
}

function find(name: string): CommandEntry | undefined {
  return commandEntries.find((entry) => entry.name === name);
}

/** commander knows best which name was meant: ask it, on a program of nothing but names. */
function unknownCommand(typed: string, parent: string): Error {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  const prefix = parent === "" ? "" : `${parent} `;
  const names = commandEntries.filter((entry) => entry.name.startsWith(prefix));
  for (const name of new Set(names.map((entry) => entry.name.slice(prefix.length).split(" ")[0] ?? ""))) {
    if (name) program.command(name).action(() => {});
  }
  try {
    program.parse([typed], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return usageError(error.message, parent);
  }
  return usageError(`unknown command '${typed}'`, parent);
}
