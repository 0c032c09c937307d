import type { AnyCommand, ParsedInput } from "../commands/command.js";
import { systemClock } from "../core/clock.js";
import { exitCodes, RoomctlError } from "../core/errors.js";
import { jsonAnswer } from "../report/json.js";
import { createStyle } from "../report/style.js";
import { readConfig } from "./config.js";
import { createContext } from "./context.js";
import { parseFlags } from "./flags.js";
import { resolveCommand } from "./resolve.js";
import { resolveSettings } from "./settings.js";
import { abortOnSignals } from "./signals.js";

/** Finds the command in what was typed and runs it. `onCommand` learns its name as soon as it is known. */
export async function runArguments(
  argv: readonly string[],
  process: NodeJS.Process,
  onCommand: (name: string) => void,
): Promise<number> {
  const resolved = resolveCommand(argv);
  if (resolved === undefined) throw new RoomctlError("E_USAGE", "no command was given", { hint: "roomctl --help" });
  onCommand(resolved.entry.name);
  const definition = await resolved.entry.load();
  return runCommand(definition, parseFlags(definition, resolved.rest, process.env), process);
}

async function runCommand(definition: AnyCommand, input: ParsedInput, process: NodeJS.Process): Promise<number> {
  const startedMs = systemClock.monotonicMs();
  const { flags } = input;
  const named = typeof flags["config"] === "string" ? flags["config"] : undefined;
  const config = await readConfig(named, process.cwd());
  const settings = resolveSettings({ flags, environment: process.env, config, workingDirectory: process.cwd() });
  const options = definition.parse(input);
  const { signal, release } = abortOnSignals(process);
  const { context, warnings, clearProgress } = createContext({
    command: definition.name,
    flags,
    settings,
    config,
    process,
    signal,
  });
  try {
    const result = await definition.run(options, context);
    clearProgress();
    const exitCode = definition.exitCode?.(result) ?? exitCodes.ok;
    if (flags["json"]) {
      const durationMs = systemClock.monotonicMs() - startedMs;
      const ok = exitCode === exitCodes.ok;
      process.stdout.write(`${jsonAnswer({ command: definition.name, ok, result, warnings, durationMs })}\n`);
    } else {
      const style = await createStyle({
        stream: process.stdout,
        environment: process.env,
        noColor: flags["color"] === false,
      });
      for (const line of definition.render(result, style)) process.stdout.write(`${line}\n`);
    }
    return exitCode;
  } catch (error) {
    // Whatever an interrupted statement threw, the interruption is the reason.
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearProgress();
    release();
  }
}
