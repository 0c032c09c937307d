import { exitCodes, RoomctlError } from "../core/errors.js";
import { type FailLevel, parseFailLevel, reachesLevel } from "../core/fail-level.js";
import type { Database } from "../db/pool.js";
import { rulePage } from "../lint/page.js";
import type { LintRule } from "../lint/rule.js";
import { lintRules } from "../lint/rules.js";
import { type LintSelection, lintFiles } from "../lint/run.js";
import { readMigrationFiles } from "../migrate/files.js";
import { type CommandContext, defineCommand, type ParsedInput } from "./command.js";
import { type LintAnswer, type LintFormat, lintFormats, lintLines, ruleLines } from "./migrate-lint-lines.js";
import { directoryFlag } from "./migrate-options.js";

type LintCommandOptions =
  | { readonly kind: "rules" }
  | { readonly kind: "explain"; readonly rule: LintRule }
  | (LintSelection & { readonly kind: "lint"; readonly failOn: FailLevel; readonly format: LintFormat });

type LintCommandResult =
  | { readonly rules: readonly LintRule[] }
  | { readonly rule: LintRule }
  | (Omit<LintAnswer, "rules"> & { readonly format: LintFormat });

export const migrateLint = defineCommand<LintCommandOptions, LintCommandResult>({
  name: "migrate lint",
  summary: "Find what is dangerous in migrations before they run",
  description: [
    "With a database: the pending migrations, against its schema and the real sizes of its tables. It writes nothing.",
    "Without one: every file by itself, knowing the files before it. It looks inside DO blocks and function bodies, and says where it could not look.",
    'A finding that is meant is ignored where it stands: -- roomctl-ignore <rule> reason="…" before the statement.',
  ],
  flags: [
    { flags: "--since <migration>", description: "Lint the migrations behind this one, whether applied or not" },
    { flags: "--all", description: "Lint every file, whether applied or not, each by itself" },
    {
      flags: "--fail-on <level>",
      description: "Exit 3 on findings of this level or above: error, warning, info or none (default: error)",
    },
    {
      flags: "--format <format>",
      description: "text, sarif (for code scanning) or github (annotations of a workflow) (default: text)",
    },
    { flags: "--rules", description: "List all rules instead" },
    { flags: "--explain <rule>", description: "Print the page of one rule instead" },
    directoryFlag,
  ],
  examples: [
    { command: "roomctl migrate lint", explanation: "what is pending; exit 3 when something is dangerous" },
    {
      command: "roomctl migrate lint --since 3 --fail-on none --format github",
      explanation: "annotate the newer files of a pull request",
    },
    { command: "roomctl migrate lint --all --fail-on none --format sarif", explanation: "a log for code scanning" },
    {
      command: "roomctl migrate lint --explain ignore-unused",
      explanation: "why a rule is there, and what to do instead",
    },
  ],
  parse: parseLintOptions,
  async run(options, context) {
    if (options.kind === "rules") return { rules: lintRules };
    if (options.kind === "explain") return { rule: options.rule };
    const files = readMigrationFiles(context.settings.migrationsDirectory.value);
    await using opened = await openIfConfigured(context);
    const result = await lintFiles(files, options, opened.database);
    const { failOn, format } = options;
    const fails = result.findings.some(
      ({ severity, ignoredBecause }) => ignoredBecause === null && reachesLevel(severity, failOn),
    );
    return { ...result, failOn, fails, format };
  },
  render(result, style) {
    if ("rules" in result) return ruleLines(result.rules, style);
    if ("rule" in result) return rulePage(result.rule);
    return lintLines({ ...result, rules: lintRules }, result.format, style);
  },
  exitCode: (result) => ("fails" in result && result.fails ? exitCodes.findings : exitCodes.ok),
});

function parseLintOptions({ flags }: ParsedInput): LintCommandOptions {
  if (flags["rules"] === true) return { kind: "rules" };
  if (typeof flags["explain"] === "string") return { kind: "explain", rule: requireRule(flags["explain"]) };
  const { since, all, format: typed = "text" } = flags;
  const format = lintFormats.find((one) => one === typed);
  if (format === undefined) {
    throw new RoomctlError("E_USAGE", `--format takes no ${JSON.stringify(typed)}`, {
      hint: `use one of ${lintFormats.join(", ")}`,
    });
  }
  if (typeof since === "string" && all === true) {
    throw new RoomctlError("E_USAGE", "--since and --all contradict each other", { hint: "give one of them" });
  }
  const selection = { all: all === true, ...(typeof since === "string" ? { since } : {}) };
  return { kind: "lint", ...selection, failOn: parseFailLevel(flags["failOn"]), format };
}

function requireRule(id: string): LintRule {
  const rule = lintRules.find((one) => one.id === id);
  if (rule) return rule;
  throw new RoomctlError("E_USAGE", `there is no rule ${JSON.stringify(id)}`, {
    hint: "list them with: roomctl migrate lint --rules",
  });
}

interface Opened extends AsyncDisposable {
  readonly database?: Database;
}

/** Files can be linted without a database. One that is configured and does not answer is an error all the same. */
async function openIfConfigured(context: CommandContext): Promise<Opened> {
  try {
    const database = await context.openDatabase();
    return { database, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
  } catch (error) {
    if (!(error instanceof RoomctlError && error.code === "E_NO_DATABASE")) throw error;
    return { [Symbol.asyncDispose]: async () => {} };
  }
}
