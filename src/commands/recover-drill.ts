import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { RecoveryDefinition } from "../core/catalogue.js";
import { type ExitCode, exitCodes, RoomctlError } from "../core/errors.js";
import { packageRoot } from "../core/package-root.js";
import { openDatabase } from "../db/pool.js";
import type { DatabaseTarget } from "../db/target.js";
import { applyMigrations } from "../migrate/apply.js";
import { runDrill } from "../recover/drill.js";
import { type GroundWish, removeHistory, withGround } from "../recover/drill-ground.js";
import { type DrillPostgres, openDrillPostgres } from "../recover/drill-postgres.js";
import { type SelftestResult, selftest } from "../recover/drill-selftest.js";
import type { ServerProgram } from "../recover/drill-server.js";
import type { DrillVerdict } from "../recover/drill-verdict.js";
import { plantedBugs } from "../server/planted.js";
import type { CommandContext } from "./command.js";
import type { RecoverDrillOptions } from "./recover-drill-options.js";

export interface RecoverDrillResult {
  readonly kind: "drill" | "selftest";
  /** Of the PostgreSQL that it ran on. */
  readonly server: string;
  readonly seed: number;
  readonly verdict?: DrillVerdict;
  readonly selftest?: readonly SelftestResult[];
  /** The whole record of a drill that found something. */
  readonly historyPath?: string;
}

/** Starts a throw-away PostgreSQL with the app's schema and drills the reference server on it. */
export async function runRecoverDrill(
  options: RecoverDrillOptions,
  context: CommandContext,
): Promise<RecoverDrillResult> {
  const { signal, clock, onProgress, settings, app } = context;
  const definition = requireDefinition(app.recovery);
  const bugs = chooseBugs(options);
  onProgress({ message: "starting a PostgreSQL of the drill's own" });
  const stateDirectory = settings.stateDirectory.value;
  await using postgres = await openDrillPostgres(stateDirectory, signal);
  const template = await prepareTemplate(postgres, context);
  const directory = options.historyDirectory ?? join(stateDirectory, "drills");
  const wish = {
    postgres,
    template,
    program: serverProgram(directory),
    definition,
    seed: options.seed,
    clock,
    newId: randomUUID,
    signal,
    directory,
    keepsHistory: options.historyDirectory !== undefined,
  };
  const { description: server } = postgres;
  const { seed } = options;
  const drillOptions = { ...options, clock, onProgress };
  if (!options.isSelftest) return { kind: "drill", server, seed, ...(await drillOnce(wish, drillOptions)) };
  return { kind: "selftest", server, seed, selftest: await selftest(wish, bugs, drillOptions) };
}

/** 3 when something was found that must not be; of a selftest, when a planted bug was not found. */
export function drillExitCode({ verdict, selftest: found = [] }: RecoverDrillResult): ExitCode {
  const isFine = verdict?.ok !== false && found.every(({ foundAt }) => foundAt !== null);
  return isFine ? exitCodes.ok : exitCodes.findings;
}

async function drillOnce(
  wish: GroundWish,
  options: Parameters<typeof runDrill>[1],
): Promise<Pick<RecoverDrillResult, "verdict" | "historyPath">> {
  return await withGround(wish, async (ground) => {
    const verdict = await runDrill(ground, options);
    const { path } = ground.history;
    if (!verdict.ok || wish.keepsHistory) return { verdict, historyPath: path };
    removeHistory(path);
    return { verdict };
  });
}

function requireDefinition(definition: RecoveryDefinition | undefined): RecoveryDefinition {
  if (definition) return definition;
  throw new RoomctlError("E_CONFIG", "a drill is of the reference server, and this configuration is of another app", {
    hint: "run it where no roomctl.config names another app",
  });
}

function chooseBugs({ bugs }: RecoverDrillOptions): readonly string[] {
  const unknown = bugs?.find((name) => !plantedBugs.some((bug) => bug === name));
  if (unknown === undefined) return bugs ?? plantedBugs;
  throw new RoomctlError("E_USAGE", `no such planted bug: ${JSON.stringify(unknown)}`, {
    hint: `one of ${plantedBugs.join(", ")}`,
  });
}

async function prepareTemplate(postgres: DrillPostgres, context: CommandContext): Promise<DatabaseTarget> {
  const { signal, app } = context;
  const target = await postgres.createDatabase();
  await using database = await openDatabase(target, { applicationName: "roomctl/drill", signal });
  const { failure } = await applyMigrations(database, {
    directory: app.migrationsDirectory,
    environment: "development",
    lockWaitMs: 0,
    signal,
  });
  if (failure) throw new RoomctlError(failure.code, `${failure.message}: ${failure.why}`, { hint: failure.hint });
  return target;
}

/** This program with this Node, and nothing of this environment but what a program needs to run. */
function serverProgram(workingDirectory: string): ServerProgram {
  const { PATH = "", HOME = "", NODE_ENV } = process.env;
  return {
    command: process.execPath,
    words: [join(packageRoot, "bin", "roomctl.js")],
    environment: { PATH, HOME, LANG: "C.UTF-8", ...(NODE_ENV === undefined ? {} : { NODE_ENV }) },
    workingDirectory,
  };
}
