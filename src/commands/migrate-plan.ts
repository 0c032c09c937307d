import { exitCodes } from "../core/errors.js";
import { readMigrationFiles, requireFile } from "../migrate/files.js";
import { planUp, type UpPlan } from "../migrate/plan.js";
import { planExit } from "./migrate-exit.js";
import { upPlanLines } from "./migrate-lines.js";
import { directoryFlag, outOfOrderFlag, parseUpRange, type UpRangeOptions } from "./migrate-options.js";
import { defineParsingCommand } from "./migrate-parsing.js";

interface PlanOptions extends UpRangeOptions {
  readonly isCheck: boolean;
  readonly showsSql: boolean;
}

type PlanResult = UpPlan & Pick<PlanOptions, "isCheck"> & { readonly sql: readonly string[] | null };

export const migratePlan = defineParsingCommand<PlanOptions, PlanResult>({
  name: "migrate plan",
  summary: "Show what migrate would run, and change nothing",
  description: [
    "The same as roomctl migrate up --dry-run. It writes nothing, not even to a database it never saw.",
    "Where migrate would refuse to run (a file that was edited or is empty, a migration out of order), it says so and exits as migrate would.",
  ],
  flags: [
    { flags: "--to <migration>", description: "As if migrate stopped after this one" },
    { flags: "--count <n>", description: "As if migrate applied so many at most" },
    { flags: "--sql", description: "Show the statements too" },
    { flags: "--check", description: "Exit with 3 when anything is pending" },
    outOfOrderFlag,
    directoryFlag,
  ],
  examples: [
    { command: "roomctl migrate plan", explanation: "list what is pending, in order" },
    { command: "roomctl migrate plan --json", explanation: "the same for a script, in .steps" },
  ],
  parse: (input) => ({
    ...parseUpRange(input),
    isCheck: input.flags["check"] === true,
    showsSql: input.flags["sql"] === true,
  }),
  async run({ isCheck, showsSql, ...range }, context) {
    const files = readMigrationFiles(context.settings.migrationsDirectory.value);
    await using database = await context.openDatabase();
    const plan = await planUp(database, files, range);
    const sql = showsSql ? plan.steps.map(({ name }) => requireFile(files, name).up.sql.trim()) : null;
    return { ...plan, isCheck, sql };
  },
  render: (result, style) => [
    ...upPlanLines(result, style),
    ...(result.sql ?? []).flatMap((sql, index) => [
      "",
      style.faint(`-- ${result.steps[index]?.name}`),
      ...sql.split("\n"),
    ]),
  ],
  exitCode: (result) => (result.isCheck && result.steps.length > 0 ? exitCodes.findings : planExit(result)),
});
