import { type ExitCode, exitCodes, RoomctlError } from "../core/errors.js";
import { loadParser } from "../db/parse.js";
import type { Database } from "../db/pool.js";
import { chooseMigrations, type MigrationChoice } from "../migrate/choice.js";
import { readMigrationFiles } from "../migrate/files.js";
import { readHistory } from "../migrate/history.js";
import { readSizes, withSizes } from "../trace/sizes.js";
import { assertRollsBack, traceOnTarget } from "../trace/target.js";
import { traceOnScratch } from "../trace/trace.js";
import type { CommandContext } from "./command.js";
import { directoryFlag } from "./migrate-options.js";
import { defineParsingCommand } from "./migrate-parsing.js";
import { judge } from "./migrate-trace-gate.js";
import { traceLines } from "./migrate-trace-lines.js";
import { parseTrace, type TraceOptions, type TraceResult } from "./migrate-trace-options.js";
import { openScratchServer, scratchFlag } from "./scratch-options.js";

export const migrateTrace = defineParsingCommand<TraceOptions, TraceResult>({
  name: "migrate trace",
  summary: "Run pending migrations on a scratch server and show what each statement locks",
  description: [
    "The scratch server is built from the migrations that are applied; then each pending statement really runs there. Told are: the strongest lock on each relation that was there before, whom it blocks and until when, tables that are written anew and why, indexes that are built, tables that are read from end to end.",
    "With a database, its table sizes say what that means there; it is only read. Estimates are marked, and rest on 100 MB a second.",
    "Tables get made-up rows first, so that scans read something; where a migration refuses them it runs on empty tables, and that is said.",
    "What cannot run in a transaction (CREATE INDEX CONCURRENTLY) runs outside of one while another session looks at its locks.",
  ],
  flags: [
    { flags: "--since <migration>", description: "Trace all after this one, whatever a database has applied" },
    { flags: "--all", description: "Trace every migration, beginning with an empty database" },
    { flags: "--rows <n>", description: "Rows to make up in each table of the scratch database (default: 1000)" },
    {
      flags: "--fail-on <what>",
      description:
        "Exit with 3 when something blocks writers (write-lock) or a table is written anew (rewrite); default: none",
    },
    {
      flags: "--on-target",
      description:
        "Run them on the database itself, in one transaction that is rolled back: real locks, for 5 seconds at most",
    },
    {
      flags: "--confirm [database]",
      description:
        "Consent to --on-target: asks for the database's name on a terminal; give the name where there is none",
      isConsent: true,
    },
    scratchFlag,
    directoryFlag,
  ],
  examples: [
    { command: "roomctl migrate trace", explanation: "show what the pending migrations would lock" },
    { command: "roomctl migrate trace --all", explanation: "show it for every migration, from nothing" },
    {
      command: "roomctl migrate trace --since 5 --fail-on rewrite --json",
      explanation: "fail a pipeline that would write a table anew",
    },
  ],
  parse: parseTrace,
  run: runTrace,
  render: traceLines,
  exitCode: ({ failures }): ExitCode => (failures.length > 0 ? exitCodes.findings : exitCodes.ok),
});

async function runTrace(options: TraceOptions, context: CommandContext): Promise<TraceResult> {
  if (options.isOnTarget) return runOnTarget(options, context);
  if (options.range === "pending" || (await hasDatabase(context))) {
    await using database = await openTarget(context);
    const { migrations, ...rest } = await runOnScratch(options, context, database);
    const sizes = await readSizes(database, migrations);
    if (sizes === undefined) context.warn("the target's tables could not be measured: somebody holds a lock on one");
    const result = finish(options, {
      ...rest,
      migrations: withSizes(migrations, sizes ?? new Map()),
      isSized: sizes !== undefined,
    });
    return result;
  }
  return finish(options, { ...(await runOnScratch(options, context)), isSized: false });
}

/** Throws E_NO_DATABASE with the ways that need none. */
async function openTarget(context: CommandContext): Promise<Database> {
  try {
    return await context.openDatabase();
  } catch (error) {
    if (!(error instanceof RoomctlError) || error.code !== "E_NO_DATABASE") throw error;
    const hint = `trace without one: roomctl migrate trace --all, or --since MIGRATION; or ${error.hint}`;
    throw new RoomctlError(error.code, error.message, { hint, cause: error.cause });
  }
}

/** --all and --since need none; where one is configured, its sizes are of use. */
async function hasDatabase({ resolveTarget }: CommandContext): Promise<boolean> {
  try {
    await resolveTarget();
    return true;
  } catch (error) {
    if (error instanceof RoomctlError && error.code === "E_NO_DATABASE") return false;
    throw error;
  }
}

type Unjudged = Omit<TraceResult, "failures" | "failOn">;

function finish({ failOn }: TraceOptions, result: Unjudged): TraceResult {
  return { ...result, failOn, failures: judge(result, failOn) };
}

async function runOnScratch(
  options: TraceOptions,
  context: CommandContext,
  database?: Database,
): Promise<Omit<Unjudged, "isSized">> {
  const parser = await loadParser();
  const { applied, pending, warnings } = await choose(options, context, { parser, database });
  for (const warning of warnings) context.warn(warning);
  if (pending.length === 0) return { ...nothing, where: "scratch", server: null };
  const targetMajor = database && Math.floor(database.serverVersion / 10_000);
  await using server = await openScratchServer(options, context, targetMajor);
  const isSharedServer = options.scratchUrl !== undefined;
  const { rows } = options;
  const { onProgress } = context;
  const record = await traceOnScratch({ server, parser, applied, pending, rows, isSharedServer, onProgress });
  return { where: "scratch", server: server.description, rowsWanted: rows, ...record };
}

const nothing = { hasReasons: false, rowsWanted: 0, migrations: [], tables: [] } as const;

interface Sources {
  readonly parser: Awaited<ReturnType<typeof loadParser>>;
  readonly database: Database | undefined;
}

async function choose(
  { range, since }: TraceOptions,
  { settings }: CommandContext,
  { parser, database }: Sources,
): Promise<MigrationChoice> {
  const files = readMigrationFiles(settings.migrationsDirectory.value);
  if (since !== undefined) return chooseMigrations(files, { kind: "since", migration: since }, parser);
  if (range === "all" || database === undefined) return chooseMigrations(files, { kind: "all" }, parser);
  return chooseMigrations(files, { kind: "pending", history: await readHistory(database) }, parser);
}

/** One statement may wait so long for a lock, and the whole transaction take so long. */
const targetLimits = { lockTimeoutMs: 1000, timeoutMs: 5000 };

async function runOnTarget(options: TraceOptions, context: CommandContext): Promise<TraceResult> {
  await using database = await context.openDatabase();
  const { pending } = await choose(options, context, { parser: await loadParser(), database });
  assertRollsBack(pending);
  const none = finish(options, { ...nothing, where: "target", server: null, isSized: false });
  if (pending.length === 0) return none;
  await context.confirm({
    database,
    given: options.confirm,
    command: "roomctl migrate trace --on-target",
    lines: [
      ...pending.map(({ file }) => `would run ${file.name} and roll it back`),
      "its locks are real: sessions that need the same tables wait for up to 5 seconds",
    ],
  });
  const lockTimeoutMs = Math.min(context.settings.lockTimeoutMs.value, targetLimits.lockTimeoutMs);
  const migrations = await traceOnTarget(database, pending, { ...targetLimits, lockTimeoutMs });
  const sizes = await readSizes(database, migrations);
  const server = `PostgreSQL ${Math.floor(database.serverVersion / 10_000)}.${database.serverVersion % 10_000}`;
  const result = finish(options, {
    ...nothing,
    where: "target",
    server,
    migrations: withSizes(migrations, sizes ?? new Map()),
    isSized: sizes !== undefined,
  });
  return result;
}
