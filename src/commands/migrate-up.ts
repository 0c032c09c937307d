import { exitCodes } from "../core/errors.js";
import { type ApplyResult, applyMigrations } from "../migrate/apply.js";
import { planFakeUp } from "../migrate/fake.js";
import { readMigrationFiles } from "../migrate/files.js";
import { markOptions } from "../migrate/mark.js";
import { planUp, type UpPlan } from "../migrate/plan.js";
import type { Style } from "../report/style.js";
import type { CommandContext, ParsedInput } from "./command.js";
import { planExit, runExit } from "./migrate-exit.js";
import { type FakeAnswer, runFake } from "./migrate-fake.js";
import { fakeLines, findingLines, runLines, upPlanLines } from "./migrate-lines.js";
import { directoryFlag, fakeFlag, outOfOrderFlag, parseUpRange, type UpRangeOptions } from "./migrate-options.js";
import { defineParsingCommand } from "./migrate-parsing.js";

interface UpOptions extends UpRangeOptions {
  readonly isDryRun: boolean;
  readonly isFake: boolean;
}

type UpResult =
  | ({ readonly applied: true } & ApplyResult)
  | { readonly applied: false; readonly plan: UpPlan }
  | FakeAnswer;

export const migrateUp = defineParsingCommand<UpOptions, UpResult>({
  name: "migrate up",
  summary: "Apply the migrations that the database does not have yet",
  description: [
    "Each migration runs in a transaction of its own, in the order of the numbers. One that fails is rolled back; those before it stay, and the exit code is then 5.",
    "One that cannot run in a transaction (CREATE INDEX CONCURRENTLY, VACUUM …) runs statement by statement. Interrupted or failed, it goes on at the right statement with the next run; an invalid index that a build left is dropped and built anew.",
    "Any number of migrators may start at once: one works, the others wait for it (--lock-wait) and find nothing left to do.",
    "A migration that does not get its table locks in time (--lock-timeout) is tried again, up to five times.",
    "An empty database is marked with the environment it belongs to, by ROOMCTL_ENV, NODE_ENV or the configuration, else development. One that already holds tables is not: roomctl config mark says what it is.",
  ],
  flags: [
    { flags: "--to <migration>", description: "Stop after this one: a name, its number or its beginning" },
    { flags: "--count <n>", description: "Apply so many at most" },
    { flags: "--dry-run", description: "Show what would run, and change nothing" },
    fakeFlag,
    outOfOrderFlag,
    directoryFlag,
  ],
  examples: [
    { command: "roomctl migrate", explanation: "bring the database up to the files" },
    { command: "roomctl migrate up --dry-run", explanation: "show what that would run" },
    { command: "roomctl migrate up --to 3", explanation: "stop after number 3" },
  ],
  parse: parseUp,
  run: runUp,
  render: upLines,
  exitCode: (result) => ("fake" in result ? exitCodes.ok : result.applied ? runExit(result) : planExit(result.plan)),
});

function upLines(result: UpResult, style: Style): readonly string[] {
  if ("fake" in result) return fakeLines(result.fake, result.applied);
  if (!result.applied) return upPlanLines(result.plan, style);
  return [...runLines(result, style), ...noteLines(result), ...findingLines(result.findings, style)];
}

function parseUp(input: ParsedInput): UpOptions {
  return { ...parseUpRange(input), isDryRun: input.flags["dryRun"] === true, isFake: input.flags["fake"] === true };
}

async function runUp(options: UpOptions, context: CommandContext): Promise<UpResult> {
  const { settings, signal, onProgress } = context;
  const directory = settings.migrationsDirectory.value;
  const files = readMigrationFiles(directory);
  await using database = await context.openDatabase();
  if (options.isFake)
    return await runFake(database, context, { ...options, plan: () => planFakeUp(database, directory, options) });
  if (options.isDryRun) return { applied: false, plan: await planUp(database, files, options) };
  const result = await applyMigrations(database, {
    ...options,
    directory,
    ...markOptions(settings.environment),
    lockWaitMs: settings.lockWaitMs.value,
    signal,
    onProgress,
  });
  return { applied: true, ...result };
}

function noteLines({ markedAs, notes }: ApplyResult): readonly string[] {
  return [...(markedAs ? [`this database is now marked ${markedAs}`] : []), ...notes.map((note) => `note: ${note}`)];
}
