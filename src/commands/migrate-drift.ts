import { exitCodes } from "../core/errors.js";
import { type DriftReport, findDrift } from "../drift/drift.js";
import type { CommandContext, ParsedInput } from "./command.js";
import { driftLines } from "./migrate-drift-lines.js";
import { directoryFlag } from "./migrate-options.js";
import { defineParsingCommand } from "./migrate-parsing.js";
import { openScratchServer, parseScratch, type ScratchChoice, scratchFlag } from "./scratch-options.js";

interface DriftInput extends ScratchChoice {
  readonly ignore: readonly string[];
}

export const migrateDrift = defineParsingCommand<DriftInput, DriftReport>({
  name: "migrate drift",
  summary: "Find what in the database is not as its migrations built it",
  description: [
    "Builds the applied migrations on a scratch server and compares object by object: tables, columns, indexes, constraints,",
    "functions, triggers, policies, owners, privileges, settings, comments and more. Writes nothing to the database.",
    "+ is only in the database, - only in the files, ~ in both and not the same. Exits with 3 when there is any.",
  ],
  flags: [
    {
      flags: "--ignore <pattern>",
      description: "Leave out objects, with * and ?: 'table public.events_p*', 'privileges on *'",
      isRepeatable: true,
    },
    directoryFlag,
    scratchFlag,
  ],
  examples: [
    { command: "roomctl migrate drift", explanation: "compare the database with its own migrations" },
    {
      command: "roomctl migrate drift --ignore 'comment*' --json",
      explanation: "the same for a program, and without comments",
    },
  ],
  parse: (input) => ({ ...parseScratch(input), ignore: parseIgnore(input) }),
  run: runDrift,
  render: driftLines,
  exitCode: ({ findings }) => (findings.length > 0 ? exitCodes.findings : exitCodes.ok),
});

function parseIgnore({ flags }: ParsedInput): readonly string[] {
  const { ignore } = flags;
  if (Array.isArray(ignore)) return ignore;
  return typeof ignore === "string" ? [ignore] : [];
}

async function runDrift({ ignore, ...scratch }: DriftInput, context: CommandContext): Promise<DriftReport> {
  await using database = await context.openDatabase();
  const report = await findDrift(database, {
    directory: context.settings.migrationsDirectory.value,
    openScratch: (majorVersion) => openScratchServer(scratch, context, majorVersion),
    mayCreateRoles: scratch.scratchUrl === undefined,
    ignore,
    onProgress: context.onProgress,
    signal: context.signal,
  });
  for (const note of report.notes) context.warn(note);
  if (report.unread.length > 0)
    context.warn(`not compared, since this role may not read them: ${report.unread.join(", ")}`);
  return report;
}
