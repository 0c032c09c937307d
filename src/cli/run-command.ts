import type { AnyCommand, CommandContext } from "../commands/command.js";
import { systemClock } from "../core/clock.js";
import { type ExitCode, exitCodes, RoomctlError } from "../core/errors.js";
import { statementFailure } from "../db/failure.js";
import { jsonAnswer } from "../report/json.js";
import { createStyle } from "../report/style.js";
import { readConfig } from "./config.js";
import { createContext } from "./context.js";
import { createConversation } from "./conversation.js";
import { type CommandLine, parseFlags } from "./flags.js";
import { resolveCommand } from "./resolve.js";
import { resolveSettings } from "./settings.js";
import { abortOnSignals } from "./signals.js";

/** What whoever reports a failure needs to know of the run, as far as it came. */
export interface RunNotes {
  command: string;
  warnings: readonly string[];
}

/** Finds the command in what was typed and runs it; fills in `notes` on the way. */
export async function runArguments(argv: readonly string[], process: NodeJS.Process, notes: RunNotes): Promise<number> {
  const resolved = resolveCommand(argv);
  if (resolved === undefined) throw new RoomctlError("E_USAGE", "no command was given", { hint: "roomctl --help" });
  notes.command = resolved.entry.name;
  const definition = await resolved.entry.load();
  return runCommand({ definition, input: parseFlags(definition, resolved.rest, process.env), process }, notes);
}

interface Run {
  readonly definition: AnyCommand;
  readonly input: CommandLine;
  readonly process: NodeJS.Process;
}

async function runCommand({ definition, input, process }: Run, notes: RunNotes): Promise<number> {
  const startedMs = systemClock.monotonicMs();
  const { flags } = input;
  const named = typeof flags["config"] === "string" ? flags["config"] : undefined;
  const config = await readConfig(named, process.cwd());
  const settings = resolveSettings({ input, environment: process.env, config, workingDirectory: process.cwd() });
  const options = definition.parse(input);
  const { signal, release } = abortOnSignals(process);
  const conversation = createConversation({
    stream: process.stderr,
    clock: systemClock,
    isQuiet: flags["quiet"] === true,
    isJson: flags["json"] === true,
  });
  notes.warnings = conversation.warnings;
  const command = definition.name;
  const context = createContext({ command, input, settings, config, conversation, process, signal });
  try {
    const result = await definition.run(options, context);
    conversation.clearProgress();
    const durationMs = systemClock.monotonicMs() - startedMs;
    return await printResult({ definition, input, process }, { result, warnings: conversation.warnings, durationMs });
  } catch (error) {
    // Whatever an interrupted statement threw, the interruption is the reason.
    throw withRepeatedHint(signal.aborted ? signal.reason : error, context);
  } finally {
    conversation.clearProgress();
    release();
  }
}

interface Answer {
  readonly result: object;
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

/** Prints what a command returned, as one object or as lines, and says which exit code it means. */
async function printResult({ definition, input, process }: Run, answer: Answer): Promise<ExitCode> {
  const exitCode = definition.exitCode?.(answer.result) ?? exitCodes.ok;
  if (input.flags["json"]) {
    const ok = exitCode === exitCodes.ok;
    process.stdout.write(`${jsonAnswer({ command: definition.name, ok, ...answer })}\n`);
    return exitCode;
  }
  if (input.flags["quiet"]) return exitCode;
  const noColor = input.flags["color"] === false;
  const style = await createStyle({ stream: process.stdout, environment: process.env, noColor });
  for (const line of definition.render(answer.result, style)) process.stdout.write(`${line}\n`);
  return exitCode;
}

/** A hint that is a command must, pasted, work on the same database as the command that failed. */
function withRepeatedHint(thrown: unknown, context: CommandContext): RoomctlError {
  const error = statementFailure(thrown);
  const { code, message, hint, cause } = error;
  if (hint === undefined) return error;
  return new RoomctlError(code, message, { hint: context.repeat(hint), cause });
}
