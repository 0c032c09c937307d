import { errorExits, exitCodes } from "../core/errors.js";
import { type ApplyResult, applyMigrations } from "../migrate/apply.js";
import { readMigrationFiles } from "../migrate/files.js";
import { readHistory } from "../migrate/history.js";
import { type MigrationPlan, planMigrations } from "../migrate/plan.js";
import { type CommandContext, defineCommand, type ParsedInput } from "./command.js";
import { findingLines, planLines, runLines } from "./migrate-lines.js";
import { directoryFlag, parseRange, type RangeOptions } from "./migrate-options.js";

interface UpOptions extends RangeOptions {
  readonly isDryRun: boolean;
  readonly allowOutOfOrder: boolean;
}

type UpResult = ({ readonly applied: true } & ApplyResult) | { readonly applied: false; readonly plan: MigrationPlan };

export const migrateUp = defineCommand<UpOptions, UpResult>({
  name: "migrate up",
  summary: "Apply the migrations that the database does not have yet",
  description: [
    "Each migration runs in a transaction of its own, in the order of the numbers. One that fails is rolled back; those before it stay.",
    "Any number of migrators may start at once: one works, the others wait for it (--lock-wait) and find nothing left to do.",
    "A migration that does not get its table locks in time (--lock-timeout) is tried again, up to five times.",
    "An empty database is marked with the environment it belongs to; one that already holds tables is not.",
  ],
  flags: [
    { flags: "--to <migration>", description: "Stop after this one: a name, its number or its beginning" },
    { flags: "--count <n>", description: "Apply so many at most" },
    { flags: "--dry-run", description: "Show what would run, and change nothing" },
    { flags: "--allow-out-of-order", description: "Apply a migration although one after it is already applied" },
    directoryFlag,
  ],
  examples: [
    { command: "roomctl migrate", explanation: "bring the database up to the files" },
    { command: "roomctl migrate up --dry-run", explanation: "show what that would run" },
    { command: "roomctl migrate up --to 3", explanation: "stop after number 3" },
  ],
  parse: parseUp,
  run: runUp,
  render: (result, style) =>
    result.applied
      ? [...runLines(result, style), ...noteLines(result), ...findingLines(result.findings, style)]
      : planLines(result.plan, style),
  exitCode: (result) => (result.applied && result.failure ? exitCodes[errorExits[result.failure.code]] : exitCodes.ok),
});

function parseUp(input: ParsedInput): UpOptions {
  const { dryRun, allowOutOfOrder } = input.flags;
  return { ...parseRange(input), isDryRun: dryRun === true, allowOutOfOrder: allowOutOfOrder === true };
}

async function runUp(options: UpOptions, context: CommandContext): Promise<UpResult> {
  const { settings, signal, onProgress } = context;
  const directory = settings.migrationsDirectory.value;
  const files = readMigrationFiles(directory);
  await using database = await context.openDatabase();
  if (options.isDryRun) return { applied: false, plan: planMigrations(files, await readHistory(database), options) };
  const result = await applyMigrations(database, {
    ...options,
    directory,
    environment: settings.environment.value,
    lockWaitMs: settings.lockWaitMs.value,
    signal,
    onProgress,
  });
  return { applied: true, ...result };
}

function noteLines({ markedAs, notes }: ApplyResult): readonly string[] {
  return [...(markedAs ? [`this database is now marked ${markedAs}`] : []), ...notes.map((note) => `note: ${note}`)];
}
