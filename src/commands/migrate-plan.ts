import { readMigrationFiles } from "../migrate/files.js";
import { planUp, type UpPlan } from "../migrate/plan.js";
import { defineCommand } from "./command.js";
import { planExit } from "./migrate-exit.js";
import { upPlanLines } from "./migrate-lines.js";
import { directoryFlag, outOfOrderFlag, parseUpRange, type UpRangeOptions } from "./migrate-options.js";

export const migratePlan = defineCommand<UpRangeOptions, UpPlan>({
  name: "migrate plan",
  summary: "Show what migrate would run, and change nothing",
  description: [
    "The same as roomctl migrate up --dry-run. It writes nothing, not even to a database it never saw.",
    "Where migrate would refuse to run (a file that was edited or is empty, a migration out of order), it says so and exits as migrate would.",
  ],
  flags: [
    { flags: "--to <migration>", description: "As if migrate stopped after this one" },
    { flags: "--count <n>", description: "As if migrate applied so many at most" },
    outOfOrderFlag,
    directoryFlag,
  ],
  examples: [
    { command: "roomctl migrate plan", explanation: "list what is pending, in order" },
    { command: "roomctl migrate plan --json", explanation: "the same for a script, in .steps" },
  ],
  parse: parseUpRange,
  async run(options, context) {
    const files = readMigrationFiles(context.settings.migrationsDirectory.value);
    await using database = await context.openDatabase();
    return await planUp(database, files, options);
  },
  render: upPlanLines,
  exitCode: planExit,
});
