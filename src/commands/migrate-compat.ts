import { type CompatReport, checkCompatibility } from "../compat/compat.js";
import { type QuerySet, readQueryFiles } from "../compat/queries.js";
import { readStatementQueries } from "../compat/statements.js";
import { chooseStates, readSearchPath, resolveSearchPath, type StateRange } from "../compat/states.js";
import { exitCodes, RoomctlError } from "../core/errors.js";
import { explainingLocks } from "../db/locked-read.js";
import { loadParser, type Parser } from "../db/parse.js";
import type { Database } from "../db/pool.js";
import type { ScratchServer } from "../db/scratch.js";
import { parseMigration } from "../migrate/build.js";
import { readMigrationFiles } from "../migrate/files.js";
import { readHistory } from "../migrate/history.js";
import type { CommandContext, ParsedInput } from "./command.js";
import { compatLines } from "./migrate-compat-lines.js";
import { directoryFlag } from "./migrate-options.js";
import { defineParsingCommand } from "./migrate-parsing.js";
import { openScratchServer, parseScratch, type ScratchChoice, scratchFlag } from "./scratch-options.js";

interface CompatCommandOptions extends StateRange, ScratchChoice {
  /** Files and folders; none means pg_stat_statements. */
  readonly queries: readonly string[];
  readonly limit: number;
  readonly searchPath?: string;
  readonly role?: string;
}

export type CompatResult = CompatReport & {
  /** The server that it was tried on. */
  readonly server: string;
  readonly searchPath: string;
};

/** EXPLAIN (GENERIC_PLAN) came with it. */
const oldestMajor = 16;

export const migrateCompat = defineParsingCommand<CompatCommandOptions, CompatResult>({
  name: "migrate compat",
  summary: "Prove that the previous release's queries still work on the new schema",
  description: [
    "Builds the schema that the previous release knows on a scratch server, prepares and plans each of its queries there, then applies the migrations after it one by one and looks again: what fails now, what has another parameter or result type, which columns come and go, which INSERT leaves out what a table asks for. No query is run, and the database is only read.",
    "The old schema is what the database has applied, or ends with --from; then no database is needed. Queries come from SQL files (with $1, $2 …; sqlc's and pgtyped's name comments are understood), or from the database's pg_stat_statements. Exits with 3 when a query would break.",
  ],
  flags: [
    {
      flags: "--queries <path>",
      description: "SQL file with the old release's queries, or a folder of them (default: pg_stat_statements)",
      isRepeatable: true,
    },
    { flags: "--from <migration>", description: "Last migration that the old release knows (default: all applied)" },
    { flags: "--to <migration>", description: "Last migration of the new schema (default: the newest)" },
    { flags: "--limit <n>", description: "How many statements of pg_stat_statements, the most frequent first (500)" },
    { flags: "--search-path <path>", description: "search_path of the queries (default: the database's, or public)" },
    {
      flags: "--role <name>",
      description: "Role whose rights the queries need, where migrations grant them (default: rights are not checked)",
    },
    directoryFlag,
    scratchFlag,
  ],
  examples: [
    {
      command: "roomctl migrate compat --from 3 --queries queries.sql",
      explanation: "do the queries of the release that knew migration 3 work on the newest schema?",
    },
    {
      command: "roomctl migrate compat --queries queries.sql --json",
      explanation: "against what the database has applied, for a script",
    },
  ],
  parse: parseCompat,
  run: runCompat,
  render: compatLines,
  exitCode: ({ counts }) => (counts.error > 0 ? exitCodes.findings : exitCodes.ok),
});

function parseCompat(input: ParsedInput): CompatCommandOptions {
  const { queries, from, to, limit, searchPath, role } = input.flags;
  return {
    ...parseScratch(input),
    queries: Array.isArray(queries) ? queries : [],
    ...(typeof from === "string" ? { from } : {}),
    ...(typeof to === "string" ? { to } : {}),
    limit: typeof limit === "string" ? parseLimit(limit) : 500,
    ...(typeof searchPath === "string" ? { searchPath } : {}),
    ...(typeof role === "string" ? { role } : {}),
  };
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit > 0 && Number.isSafeInteger(limit)) return limit;
  throw new RoomctlError("E_USAGE", `--limit is not a number of statements: ${JSON.stringify(text)}`, {
    hint: "write it like --limit 500",
  });
}

async function runCompat(options: CompatCommandOptions, context: CommandContext): Promise<CompatResult> {
  const files = readMigrationFiles(context.settings.migrationsDirectory.value);
  const parser = await loadParser();
  const inFiles = options.queries.length > 0 ? readQueryFiles(parser, options.queries) : undefined;
  const isWanted = options.from === undefined || inFiles === undefined || (await hasTarget(context));
  await using database = isWanted ? await context.openDatabase() : undefined;
  const states = await readStates(database, files, options);
  for (const warning of states.warnings) context.warn(warning);
  if (states.after.length === 0) {
    context.warn(
      "no migration lies between the old schema and the new one: name where the old release stands with --from",
    );
  }
  const set = inFiles ?? (await readStatements(parser, database, options.limit));
  const migrationPath = database ? await readSearchPath(database) : "public";
  const searchPath = await queryPath(options.searchPath, database, migrationPath);
  await using server = await openServer(options, context, database);
  const [before, after] = [states.before, states.after].map((part) => part.map((file) => parseMigration(parser, file)));
  const { signal, onProgress } = context;
  const input = {
    before: before ?? [],
    after: after ?? [],
    set,
    migrationPath,
    queryPath: searchPath,
    role: options.role,
  };
  const report = await checkCompatibility(server, input, { signal, onProgress });
  return { server: server.description, searchPath, ...report };
}

/** With --from and --queries a database adds its version and search_path, where one is configured at all. */
async function hasTarget(context: CommandContext): Promise<boolean> {
  try {
    await context.resolveTarget();
    return true;
  } catch (error) {
    if (error instanceof RoomctlError && error.code === "E_NO_DATABASE") return false;
    throw error;
  }
}

async function readStates(
  database: Database | undefined,
  files: ReturnType<typeof readMigrationFiles>,
  range: StateRange,
) {
  const history =
    database && range.from === undefined ? await readingFrom(database, () => readHistory(database)) : undefined;
  return chooseStates(files, range, history);
}

function readingFrom<T>(database: Database, read: () => Promise<T>): Promise<T> {
  return explainingLocks(database, "roomctl migrate compat", read);
}

async function readStatements(parser: Parser, database: Database | undefined, limit: number): Promise<QuerySet> {
  if (database) return await readingFrom(database, () => readStatementQueries(parser, database, limit));
  throw new RoomctlError("E_INTERNAL", "pg_stat_statements was asked for without a database");
}

async function queryPath(typed: string | undefined, database: Database | undefined, fallback: string): Promise<string> {
  return typed === undefined ? fallback : resolveSearchPath(typed, database?.target.user);
}

/** Of the target's major version where that one can plan without values. */
async function openServer(
  choice: ScratchChoice,
  context: CommandContext,
  database: Database | undefined,
): Promise<ScratchServer> {
  const major = database && Math.floor(database.serverVersion / 10_000);
  const isOld = major !== undefined && major < oldestMajor;
  const server = await openScratchServer(choice, context, isOld ? undefined : major);
  if (isOld) {
    context.warn(`the target is PostgreSQL ${major}, which cannot plan without values: tried on ${server.description}`);
  }
  if (server.majorVersion >= oldestMajor) return server;
  await server[Symbol.asyncDispose]();
  throw new RoomctlError(
    "E_USAGE",
    `the scratch server is ${server.description}, and compat needs ${oldestMajor} or newer`,
    {
      hint: "leave --scratch-url out, or name a newer server",
    },
  );
}
