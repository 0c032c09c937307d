import { type ExitCode, exitCodes, RoomctlError } from "../core/errors.js";
import { loadParser } from "../db/parse.js";
import { type ChoiceRange, chooseMigrations } from "../migrate/choice.js";
import { readMigrationFiles } from "../migrate/files.js";
import { readHistory } from "../migrate/history.js";
import type { PrefixMode, ProveOptions, ProveReport } from "../prove/model.js";
import { proveMigrations } from "../prove/prove.js";
import type { CommandContext, ParsedInput } from "./command.js";
import { directoryFlag } from "./migrate-options.js";
import { defineParsingCommand } from "./migrate-parsing.js";
import { proveLines } from "./migrate-prove-lines.js";
import { openScratchServer, parseScratch, type ScratchChoice, scratchFlag } from "./scratch-options.js";

interface ProveChoice extends ScratchChoice {
  readonly isPending: boolean;
  readonly since?: string;
  readonly proof: Pick<ProveOptions, "prefixes" | "rows">;
}

export const migrateProve = defineParsingCommand<ProveChoice, ProveReport>({
  name: "migrate prove",
  summary: "Prove on a scratch server that migrations can be run again, cut off and undone",
  description: [
    "Each migration is run on the schema that those before it build, and compared by the whole catalog: run a second time it must change nothing; cut off after any statement and run again it must come to the same; a concurrent index build must end valid over an invalid index; down must lead back, and up again.",
    "It needs no database and writes to none. Tables hold the rows that migrations write; a file that touches rows is also run twice over a few made-up ones.",
  ],
  flags: [
    { flags: "--since <migration>", description: "Prove all after this one; it and those before are only built" },
    { flags: "--pending", description: "Prove what the database has not applied yet; it is only read" },
    {
      flags: "--prefixes <which>",
      description:
        "Interruptions to try: all, none, or auto, which samples long files in one transaction (default: auto)",
    },
    {
      flags: "--rows <count>",
      description:
        "Rows to make up in each table that a file names, for its second run to find; 0 for none (default: 3)",
    },
    scratchFlag,
    directoryFlag,
  ],
  examples: [
    { command: "roomctl migrate prove", explanation: "prove every migration, beginning with an empty database" },
    { command: "roomctl migrate prove --since 6 --json", explanation: "prove the newest for a pipeline" },
    { command: "roomctl migrate prove --pending", explanation: "prove what the next migrate would run" },
  ],
  parse: parseProve,
  async run(options, context) {
    const parser = await loadParser();
    const files = readMigrationFiles(context.settings.migrationsDirectory.value);
    const { range, majorVersion } = await chooseRange(options, context);
    const { applied, pending, warnings } = chooseMigrations(files, range, parser);
    for (const warning of warnings) context.warn(warning);
    await using server = await openScratchServer(options, context, majorVersion);
    const { signal, onProgress } = context;
    const isSharedServer = options.scratchUrl !== undefined;
    const set = { built: applied, proved: pending };
    return await proveMigrations(server, set, { ...options.proof, isSharedServer, signal, onProgress });
  },
  render: proveLines,
  exitCode: ({ isProven }): ExitCode => (isProven ? exitCodes.ok : exitCodes.findings),
});

function parseProve(input: ParsedInput): ProveChoice {
  const { since, pending, prefixes, rows } = input.flags;
  if (since !== undefined && pending === true) {
    throw new RoomctlError("E_USAGE", "--since and --pending cannot be given together", {
      hint: "roomctl migrate prove --pending",
    });
  }
  return {
    ...parseScratch(input),
    isPending: pending === true,
    ...(typeof since === "string" ? { since } : {}),
    proof: { prefixes: parsePrefixes(prefixes), ...(rows === undefined ? {} : { rows: parseRows(rows) }) },
  };
}

function parsePrefixes(text: ParsedInput["flags"][string]): PrefixMode {
  if (text === undefined) return "auto";
  if (text === "all" || text === "none" || text === "auto") return text;
  throw new RoomctlError("E_USAGE", `--prefixes is none of all, auto, none: ${JSON.stringify(text)}`, {
    hint: "roomctl migrate prove --prefixes all",
  });
}

const mostRows = 1000;

function parseRows(text: ParsedInput["flags"][string]): number {
  const count = Number(text);
  if (typeof text === "string" && /^\d+$/.test(text) && count <= mostRows) return count;
  throw new RoomctlError("E_USAGE", `--rows is no number from 0 to ${mostRows}: ${JSON.stringify(text)}`, {
    hint: "roomctl migrate prove --rows 3",
  });
}

interface Chosen {
  readonly range: ChoiceRange;
  /** Of the database, whose major version the scratch server should have. */
  readonly majorVersion?: number;
}

async function chooseRange({ isPending, since }: ProveChoice, context: CommandContext): Promise<Chosen> {
  if (since !== undefined) return { range: { kind: "since", migration: since } };
  if (!isPending) return { range: { kind: "all" } };
  await using database = await context.openDatabase();
  const history = await readHistory(database);
  return { range: { kind: "pending", history }, majorVersion: Math.floor(database.serverVersion / 10_000) };
}
