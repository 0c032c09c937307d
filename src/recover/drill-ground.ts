import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { RecoveryDefinition } from "../core/catalogue.js";
import type { Clock } from "../core/clock.js";
import { type Database, openDatabase } from "../db/pool.js";
import { removeEmptyFolders } from "../db/scratch-leftovers.js";
import type { DatabaseTarget } from "../db/target.js";
import type { Ground } from "./drill-cycle.js";
import { type History, openHistory } from "./drill-history.js";
import type { DrillPostgres } from "./drill-postgres.js";
import { openProxy } from "./drill-proxy.js";
import { createRandom } from "./drill-random.js";
import type { DrillServer, ServerProgram } from "./drill-server.js";
import { planRecovery } from "./plan.js";

/** What a drill is run on. */
export interface GroundWish {
  readonly postgres: DrillPostgres;
  /** A database with the app's schema, which is copied: a drill has its own. */
  readonly template: DatabaseTarget;
  readonly program: ServerProgram;
  readonly definition: RecoveryDefinition;
  readonly seed: number;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly signal: AbortSignal;
  readonly plantedBug?: string;
  /** Folder for the history of the drill. */
  readonly directory: string;
  /** Keep the history of a drill that found nothing, too. */
  readonly keepsHistory: boolean;
}

/** Makes a database, a proxy and a history for one drill, lets `work` run on them, and closes them. */
export async function withGround<T>(wish: GroundWish, work: (ground: Ground) => Promise<T>): Promise<T> {
  const { postgres, template, program, definition, seed, newId, signal } = wish;
  const target = await postgres.createDatabase(template.database);
  using stalls = watchStalls();
  using history = createHistory(wish);
  await using proxy = await openProxy(target);
  await using database = await openDatabase(target, { applicationName: "roomctl/drill", maxConnections: 4, signal });
  await using servers = keepServers(signal);
  history.note("drill", { seed, plantedBug: wish.plantedBug, postgres: postgres.description });
  const ground = {
    history,
    random: createRandom(seed),
    newId,
    program,
    spawned: servers.spawned,
    plantedBug: wish.plantedBug,
    postgres,
    proxy,
    target,
    database,
    planRooms: (graceMs: number) => planRooms(database, { ...definition, graceSeconds: graceMs / 1000 }),
    stallMs: stalls.takeMs,
    signal,
  };
  try {
    return await work(ground);
  } catch (error) {
    if (!wish.keepsHistory) removeHistory(history.path);
    throw error;
  }
}

/** Removes the history of a drill that found nothing. */
export function removeHistory(path: string): void {
  rmSync(path, { force: true });
  removeEmptyFolders([dirname(path)]);
}

/** Servers die with the drill, at once when it is interrupted: whoever waits for their answers then goes on. */
function keepServers(signal: AbortSignal): AsyncDisposable & { readonly spawned: Set<DrillServer> } {
  const spawned = new Set<DrillServer>();
  const killAll = () => {
    for (const server of spawned) server.signal("SIGKILL");
  };
  signal.addEventListener("abort", killAll, { once: true });
  return {
    spawned,
    async [Symbol.asyncDispose]() {
      signal.removeEventListener("abort", killAll);
      killAll();
      for (const { exited } of spawned) await exited;
    },
  };
}

interface Stalls extends Disposable {
  /** The longest since this was asked last. */
  takeMs(): number;
}

function watchStalls(): Stalls {
  const delays = monitorEventLoopDelay({ resolution: 10 });
  delays.enable();
  return {
    takeMs() {
      const longestMs = delays.max / 1e6;
      delays.reset();
      return longestMs;
    },
    [Symbol.dispose]: () => void delays.disable(),
  };
}

function createHistory({ directory, seed, plantedBug, clock, newId }: GroundWish): History {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const name = [seed, plantedBug, newId().slice(0, 8)].filter((part) => part !== undefined).join("-");
  return openHistory(join(directory, `${name}.jsonl`), clock);
}

async function planRooms(database: Database, definition: RecoveryDefinition): Promise<readonly string[]> {
  const { rooms } = await planRecovery(database, definition, { instance: drillInstance });
  return rooms.filter(({ verdict }) => verdict === "recover").map(({ roomId }) => roomId);
}

/** Of every server that a drill starts. */
const drillInstance = "drill";
