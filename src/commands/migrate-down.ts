import { exitCodes } from "../core/errors.js";
import { applyDown, type DownPlan, type DownResult, planDown } from "../migrate/down.js";
import { planFakeDown } from "../migrate/fake.js";
import { plainStyle, type Style } from "../report/style.js";
import type { CommandContext, ParsedInput } from "./command.js";
import { runExit } from "./migrate-exit.js";
import { type FakeAnswer, runFake } from "./migrate-fake.js";
import { fakeLines, lossLines, planLines, runLines } from "./migrate-lines.js";
import { directoryFlag, fakeFlag, parseRange, type RangeOptions, rangeWords } from "./migrate-options.js";
import { defineParsingCommand } from "./migrate-parsing.js";

interface DownOptions extends RangeOptions {
  readonly isDryRun: boolean;
  readonly isFake: boolean;
  /** `true` for a bare --confirm, else the name that was typed. */
  readonly confirm: string | true | undefined;
}

type DownAnswer =
  | ({ readonly applied: true } & DownResult)
  | { readonly applied: false; readonly plan: DownPlan }
  | FakeAnswer;

export const migrateDown = defineParsingCommand<DownOptions, DownAnswer>({
  name: "migrate down",
  summary: "Undo the newest migration, asking before data would be lost",
  description: [
    "The down files are rehearsed first, with --dry-run too, in a transaction that is rolled back: so it is known what would go, whatever the files decide at run time.",
    "The rehearsal takes the same table locks as the real run, waits for each no longer than --lock-timeout, and gives them back as soon as the files have run.",
    "Where tables or columns that hold data would go, rows be deleted or updated, or values be given another type, it needs consent.",
  ],
  flags: [
    { flags: "--count <n>", description: "Undo so many (default: 1)" },
    { flags: "--to <migration>", description: "Undo all after this one; it stays" },
    {
      flags: "--confirm [database]",
      description:
        "Consent to losing data: asks for the database's name on a terminal; give the name where there is none",
      isConsent: true,
    },
    { flags: "--dry-run", description: "Show what would go, and change nothing" },
    fakeFlag,
    directoryFlag,
  ],
  examples: [
    { command: "roomctl migrate down --dry-run", explanation: "show what undoing the newest would take away" },
    { command: "roomctl migrate down --confirm", explanation: "undo it, data included, after asking" },
    { command: "roomctl migrate down --to 3 --dry-run", explanation: "show it for everything after number 3" },
  ],
  parse: parseDown,
  run: runDown,
  render: downLines,
  exitCode: (result) => (result.applied && !("fake" in result) ? runExit(result) : exitCodes.ok),
});

function downLines(result: DownAnswer, style: Style): readonly string[] {
  if ("fake" in result) return fakeLines(result.fake, result.applied);
  if (!result.applied) return downPlanLines(result.plan, style);
  return [...runLines(result, style), ...lostLines(result, style)];
}

function parseDown(input: ParsedInput): DownOptions {
  const { dryRun, confirm, fake } = input.flags;
  const given = typeof confirm === "string" || confirm === true ? confirm : undefined;
  return { ...parseRange(input), isDryRun: dryRun === true, isFake: fake === true, confirm: given };
}

async function runDown(options: DownOptions, context: CommandContext): Promise<DownAnswer> {
  const { settings, signal, onProgress } = context;
  const directory = settings.migrationsDirectory.value;
  await using database = await context.openDatabase();
  if (options.isFake)
    return await runFake(database, context, { ...options, plan: () => planFakeDown(database, directory, options) });
  const plan = await planDown(database, directory, options);
  if (options.isDryRun) return { applied: false, plan };
  if (plan.losses.length > 0) {
    await context.confirm({
      database,
      given: options.confirm,
      command: `roomctl migrate down${rangeWords(options, context)}`,
      lines: downPlanLines(plan, plainStyle),
    });
  }
  const lockWaitMs = settings.lockWaitMs.value;
  const result = await applyDown(database, plan, { ...options, directory, lockWaitMs, signal, onProgress });
  return { applied: true, ...result };
}

function downPlanLines(plan: DownPlan, style: Style): string[] {
  const losses = plan.losses.length === 0 ? [] : [style.warning("data that would be lost:"), ...lossLines(plan.losses)];
  return [...planLines(plan, style), ...losses];
}

function lostLines({ losses, failure }: DownResult, style: Style): string[] {
  return failure || losses.length === 0 ? [] : [style.warning("data that is gone:"), ...lossLines(losses)];
}
