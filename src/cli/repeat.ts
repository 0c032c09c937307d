import { shellWord } from "../core/shell.js";
import type { CommandLine } from "./flags.js";

/** Flags that choose what a command works on, and the commands that take them; undefined means every command. */
const carried: readonly (readonly [name: string, flag: string, commands?: RegExp])[] = [
  ["databaseUrl", "--database-url"],
  ["directUrl", "--direct-url"],
  ["embedded", "--embedded"],
  ["config", "--config"],
  ["repo", "--repo", /^roomctl (wipe|backup)\b/],
  ["dir", "--dir", /^roomctl migrate\b/],
];

/**
 * Completes a command to type next with what was typed now to choose database, configuration and folders. A hint that
 * is no command of ours stays as it is.
 */
export function repeatCommand(command: string, { flags, typed }: Pick<CommandLine, "flags" | "typed">): string {
  if (!command.startsWith("roomctl ")) return command;
  const additions = carried
    .filter(([name, flag, commands]) => typed.has(name) && !command.includes(flag) && (commands?.test(command) ?? true))
    .map(([name, flag]) => {
      const value = flags[name];
      return typeof value === "string" ? `${flag} ${shellWord(withoutPassword(value))}` : flag;
    });
  return [command, ...additions].join(" ");
}

/** A URL without its password: it comes from PGPASSWORD or ~/.pgpass the next time. */
function withoutPassword(value: string): string {
  return value.replace(/(:\/\/[^:@/?#]*):[^@/?#]*@/, "$1@").replace(/([?&])password=[^&]*&?/, "$1");
}
