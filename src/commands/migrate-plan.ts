import { readMigrationFiles } from "../migrate/files.js";
import { readHistory } from "../migrate/history.js";
import { type MigrationPlan, planMigrations } from "../migrate/plan.js";
import { defineCommand } from "./command.js";
import { planLines } from "./migrate-lines.js";
import { directoryFlag, parseRange, type RangeOptions } from "./migrate-options.js";

export const migratePlan = defineCommand<RangeOptions, MigrationPlan>({
  name: "migrate plan",
  summary: "Show what migrate would run, and change nothing",
  description: ["The same as roomctl migrate up --dry-run. It writes nothing, not even to a database it never saw."],
  flags: [
    { flags: "--to <migration>", description: "As if migrate stopped after this one" },
    { flags: "--count <n>", description: "As if migrate applied so many at most" },
    directoryFlag,
  ],
  examples: [
    { command: "roomctl migrate plan", explanation: "list what is pending, in order" },
    { command: "roomctl migrate plan --json", explanation: "the same for a script, in .steps" },
  ],
  parse: parseRange,
  async run(options, context) {
    const files = readMigrationFiles(context.settings.migrationsDirectory.value);
    await using database = await context.openDatabase();
    const history = await readHistory(database);
    return planMigrations(files, history, options);
  },
  render: planLines,
});
