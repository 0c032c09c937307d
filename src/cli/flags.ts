import { Command, CommanderError, Option } from "commander";
import type { AnyCommand, Flag, ParsedInput } from "../commands/command.js";
import { RoomctlError } from "../core/errors.js";
import { flagVariable, globalFlags } from "./global-flags.js";

/** What was typed, with what the environment adds. */
export interface CommandLine extends ParsedInput {
  /** Names of the flags that were really typed; the others in `flags` come from the environment. */
  readonly typed: ReadonlySet<string>;
}

/** Reads the words of one command. Throws E_USAGE; `ROOMCTL_*` fills in what was not typed, consent excepted. */
export function parseFlags(
  definition: AnyCommand,
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): CommandLine {
  const command = new Command(`roomctl ${definition.name}`)
    .exitOverride()
    .helpOption(false)
    .configureOutput({ writeErr: () => {}, writeOut: () => {} });
  for (const word of definition.words ?? []) command.argument(word.syntax, word.description);
  const flags = [...definition.flags, ...globalFlags];
  for (const flag of flags) command.addOption(toOption(flag));
  try {
    command.parse([...words], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) throw usageError(error.message, definition.name);
    throw error;
  }
  const typed = dropUnset(command);
  return {
    words: command.args,
    flags: { ...inherit(flags, environment), ...typed },
    typed: new Set(Object.keys(typed)),
  };
}

/** E_USAGE with the way to the right page of help. */
export function usageError(message: string, command: string): RoomctlError {
  const [first, ...rest] = message.replace(/^error: /, "").split("\n");
  const suggestion = rest.join(" ").replace(/^\(|\)$/g, "");
  return new RoomctlError("E_USAGE", [first, suggestion].filter(Boolean).join(" — "), {
    hint: `roomctl ${command} --help`.replace("  ", " "),
  });
}

function toOption(flag: Flag): Option {
  const option = new Option(flag.flags, flag.description);
  if (flag.isRepeatable) {
    option.argParser((value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value]);
  }
  return option;
}

/** What the environment says: `ROOMCTL_SCOPE=rooms,chat` is a list, `ROOMCTL_NO_COLOR=1` is `--no-color`. */
function inherit(
  flags: readonly Flag[],
  environment: Readonly<Record<string, string | undefined>>,
): ParsedInput["flags"] {
  const inherited: Record<string, string | boolean | readonly string[]> = {};
  for (const flag of flags) {
    const variable = flagVariable(flag);
    const text = variable === undefined ? undefined : environment[variable];
    if (variable === undefined || !text) continue;
    const option = toOption(flag);
    const name = option.attributeName();
    if (flag.isRepeatable) inherited[name] = text.split(",");
    else if (option.required || option.optional) inherited[name] = text;
    else if (isTruthy(variable, text)) inherited[name] = !option.negate;
  }
  return inherited;
}

function isTruthy(variable: string, text: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new RoomctlError("E_USAGE", `${variable} is neither true nor false: ${JSON.stringify(text)}`, {
    hint: `set it to 1 or 0, or unset it`,
  });
}

/** commander gives `--no-x` a default of `true`; that is no one's word, so it is left out. */
function dropUnset(command: Command): ParsedInput["flags"] {
  const given = Object.entries(command.opts()).filter(([name]) => {
    const source = command.getOptionValueSource(name);
    return source === "cli";
  });
  return Object.fromEntries(given);
}
