import { type ExitCode, exitCodes } from "../core/errors.js";
import { applyRedo, planRedo, type RedoPlan, type RedoResult } from "../migrate/redo.js";
import { plainStyle, type Style } from "../report/style.js";
import type { CommandContext, ParsedInput } from "./command.js";
import { isInterruption, runExit } from "./migrate-exit.js";
import { lossLines, runLines } from "./migrate-lines.js";
import { directoryFlag, parseRange, type RangeOptions, rangeWords } from "./migrate-options.js";
import { defineParsingCommand } from "./migrate-parsing.js";

interface RedoOptions extends RangeOptions {
  readonly isDryRun: boolean;
  /** `true` for a bare --confirm, else the name that was typed. */
  readonly confirm: string | true | undefined;
}

type RedoAnswer = ({ readonly applied: true } & RedoResult) | { readonly applied: false; readonly plan: RedoPlan };

export const migrateRedo = defineParsingCommand<RedoOptions, RedoAnswer>({
  name: "migrate redo",
  summary: "Undo the newest migration and apply it again, as its files are now",
  description: [
    "For a migration that is still being written: exactly those that are undone are applied again, under one lock.",
    "Both ways are rehearsed first in a transaction that is rolled back, so that an up file that would fail leaves everything as it is. It asks before data would be lost, as roomctl migrate down does.",
  ],
  flags: [
    { flags: "--count <n>", description: "Redo so many (default: 1)" },
    { flags: "--to <migration>", description: "Redo all after this one; it stays" },
    {
      flags: "--confirm [database]",
      description:
        "Consent to losing data: asks for the database's name on a terminal; give the name where there is none",
      isConsent: true,
    },
    { flags: "--dry-run", description: "Show what would go, and change nothing" },
    directoryFlag,
  ],
  examples: [
    { command: "roomctl migrate redo --dry-run", explanation: "show what would be undone and applied again" },
    { command: "roomctl migrate redo --confirm", explanation: "do it, with what data it takes" },
  ],
  parse(input: ParsedInput) {
    const { dryRun, confirm } = input.flags;
    const given = typeof confirm === "string" || confirm === true ? confirm : undefined;
    return { ...parseRange(input), isDryRun: dryRun === true, confirm: given };
  },
  run: runRedo,
  render: (result, style) => (result.applied ? redoLines(result, style) : planLines(result.plan, style)),
  exitCode: (result) => (result.applied ? redoExit(result) : exitCodes.ok),
});

async function runRedo(options: RedoOptions, context: CommandContext): Promise<RedoAnswer> {
  const { settings, signal, onProgress } = context;
  const directory = settings.migrationsDirectory.value;
  await using database = await context.openDatabase();
  const plan = await planRedo(database, directory, options);
  if (options.isDryRun || plan.steps.length === 0) return { applied: false, plan };
  if (plan.losses.length > 0) {
    await context.confirm({
      database,
      given: options.confirm,
      command: `roomctl migrate redo${rangeWords(options, context)}`,
      lines: planLines(plan, plainStyle),
    });
  }
  const lockWaitMs = settings.lockWaitMs.value;
  return {
    applied: true,
    ...(await applyRedo(database, plan, { ...options, directory, lockWaitMs, signal, onProgress })),
  };
}

/** What was undone and not applied again is a job half done. */
function redoExit({ down, up }: RedoResult): ExitCode {
  if (up === null) return runExit(down);
  if (up.failure === null) return exitCodes.ok;
  return isInterruption(up.failure) ? runExit(up) : exitCodes.partial;
}

function planLines({ steps, again, losses }: RedoPlan, style: Style): string[] {
  if (steps.length === 0) return ["nothing to redo"];
  const lost = losses.length === 0 ? [] : [style.warning("data that would be lost:"), ...lossLines(losses)];
  return [
    ...steps.map(({ name }) => `would undo ${name}`),
    ...again.map(({ name }) => `would apply ${name} again`),
    ...lost,
  ];
}

function redoLines({ down, up }: RedoResult, style: Style): string[] {
  return [
    ...runLines({ direction: "down", ...down }, style),
    ...(up ? runLines({ direction: "up", ...up }, style) : []),
    ...(up?.failure ? ["what was undone stays so until: roomctl migrate up"] : []),
  ];
}
