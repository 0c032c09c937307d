import { exitCodes, RoomctlError } from "../core/errors.js";
import { type FailLevel, parseFailLevel, reachesLevel } from "../core/fail-level.js";
import type { Database } from "../db/pool.js";
import { joinReports } from "../lint/lint.js";
import type { LintRule } from "../lint/rule.js";
import { rulePage } from "../lint/rule-page.js";
import { lintRules } from "../lint/rules.js";
import { type LintResult, type LintSelection, lintFiles, lintLooseFiles } from "../lint/run.js";
import { readMigrationFiles } from "../migrate/files.js";
import type { CommandContext, ParsedInput } from "./command.js";
import { type LintAnswer, type LintFormat, lintFormats, lintLines, ruleLines } from "./migrate-lint-lines.js";
import { readLintWords } from "./migrate-lint-words.js";
import { directoryFlag } from "./migrate-options.js";
import { defineParsingCommand } from "./migrate-parsing.js";

type LintCommandOptions = { readonly kind: "rules" } | { readonly kind: "explain"; readonly rule: LintRule } | LintRun;

interface LintRun extends Pick<LintSelection, "since" | "all"> {
  readonly kind: "lint";
  /** Migrations and paths of SQL files; none for all that is to be linted. */
  readonly words: readonly string[];
  readonly failOn: FailLevel;
  readonly format: LintFormat;
  readonly listsIgnored: boolean;
}

type LintCommandResult =
  | { readonly rules: readonly LintRule[] }
  | { readonly rule: LintRule }
  | (Omit<LintAnswer, "rules"> & { readonly format: LintFormat });

export const migrateLint = defineParsingCommand<LintCommandOptions, LintCommandResult>({
  name: "migrate lint",
  summary: "Find what is dangerous in migrations before they run",
  description: [
    "With a database: the pending migrations, against its schema and the real sizes of its tables. It writes nothing.",
    "Without one: every file by itself, knowing the files before it. It looks inside DO blocks and function bodies, and says where it could not look.",
    'A finding that is meant is ignored where it stands: -- roomctl-ignore <rule> reason="…" before the statement. --verbose lists these too.',
  ],
  words: [
    {
      syntax: "[migration...]",
      description: "Tell only of these migrations, or of these .sql files, as editors and commit hooks name them",
    },
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
      command: "roomctl migrate lint 2 3 --verbose",
      explanation: "two migrations, with what is ignored there and why",
    },
    {
      command: "roomctl migrate lint --explain ignore-unused",
      explanation: "why a rule is there, and what to do instead",
    },
  ],
  parse: parseLintOptions,
  async run(options, context) {
    if (options.kind === "rules") return { rules: lintRules };
    if (options.kind === "explain") return { rule: options.rule };
    const result = await lintWords(options, context);
    const { failOn, format, listsIgnored } = options;
    const fails = result.findings.some(
      ({ severity, ignoredBecause }) => ignoredBecause === null && reachesLevel(severity, failOn),
    );
    return { ...result, failOn, fails, format, listsIgnored };
  },
  render(result, style) {
    if ("rules" in result) return ruleLines(result.rules, style);
    if ("rule" in result) return rulePage(result.rule);
    return lintLines({ ...result, rules: lintRules }, result.format, style);
  },
  exitCode: (result) => ("fails" in result && result.fails ? exitCodes.findings : exitCodes.ok),
});

/** The migrations of the folder, the files outside of it, or both. The folder is read only where it is asked for. */
async function lintWords({ words, ...selection }: LintRun, context: CommandContext): Promise<LintResult> {
  const directory = context.settings.migrationsDirectory.value;
  const { names, loose, downs } = readLintWords(words, directory);
  for (const path of downs) context.warn(`${path} is not linted: what undoes a migration is meant to drop`);
  await using opened = await openIfConfigured(context);
  const ofFiles = await lintLooseFiles(loose, opened.database);
  if (words.length > 0 && names.length === 0) return ofFiles;
  const only = words.length > 0 ? { only: names } : {};
  const ofFolder = await lintFiles(readMigrationFiles(directory), { ...selection, ...only }, opened.database);
  return {
    ...ofFolder,
    ...joinReports([ofFolder, ofFiles]),
    migrations: [...ofFolder.migrations, ...ofFiles.migrations],
  };
}

function parseLintOptions({ words, flags }: ParsedInput): LintCommandOptions {
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
  const listsIgnored = flags["verbose"] === true;
  return { kind: "lint", words, ...selection, failOn: parseFailLevel(flags["failOn"]), format, listsIgnored };
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
