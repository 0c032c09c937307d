import { setTimeout as sleep } from "node:timers/promises";
import { RoomctlError } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import type { History } from "./drill-history.js";
import { readHealth } from "./drill-http.js";
import type { CyclePlan } from "./drill-plan.js";
import type { DrillPostgres } from "./drill-postgres.js";
import type { DrillProxy } from "./drill-proxy.js";
import { endSessions } from "./drill-rows.js";
import type { DrillServer } from "./drill-server.js";

/** What a strike can get hold of. */
export interface Arena {
  readonly plan: CyclePlan;
  readonly history: History;
  readonly server: DrillServer;
  readonly port: number;
  readonly postgres: DrillPostgres;
  readonly proxy: DrillProxy;
  readonly database: Database;
  /** Ends the users' work. */
  readonly stopLoad: () => void;
  readonly signal: AbortSignal;
}

/** How a server ended, and what may be lost by that. */
export interface Strike {
  readonly deadAt: number;
  readonly safeAt?: number;
  readonly outageFrom?: number;
  readonly drainExit?: number | null;
  readonly stuck?: number;
  /** It is stopped, not dead: it will wake up when its successor is at work. */
  readonly isAsleep?: boolean;
  /** Longer than a batch takes by itself. */
  readonly slowedMs: number;
}

/** Waits for the moment of the plan, strikes, and returns once the server is dead (or asleep). Load goes on meanwhile. */
export async function strike(arena: Arena): Promise<Strike> {
  const { plan, server, history, signal } = arena;
  const isArmed = plan.nemesis === "kill-at-failpoint";
  await Promise.race([sleep(plan.loadMs + (isArmed ? failpointMs : 0), undefined, { signal }), server.exited]);
  history.note("strike", { nemesis: plan.nemesis, failpoint: plan.failpoint });
  const struck = server.hasExited() ? await alreadyDead(arena) : await strikes[plan.nemesis](arena);
  arena.stopLoad();
  history.note("struck", struck);
  return struck;
}

/** How much longer users work where a failpoint is to end the server. */
const failpointMs = 700;
/** A drain may take 10 s, and the end of the process a moment more. */
const drainPatienceMs = 15_000;
const quietPatienceMs = 60_000;

const strikes: Record<CyclePlan["nemesis"], (arena: Arena) => Promise<Strike>> = {
  kill,
  "kill-at-failpoint": kill,
  "kill-in-recovery": kill,
  "long-downtime": kill,
  "delay-at-failpoint": async (arena) => ({ ...(await kill(arena)), slowedMs: delaysOf(arena.plan.failpoint) }),
  "kill-in-drain": killInDrain,
  drain,
  zombie: putToSleep,
  "postgres-stop": stopPostgres,
  "postgres-stop-kill": stopPostgresAndKill,
  backends: (arena) => harm(arena, async () => void (await endSessions(arena.database))),
  cut: (arena) => harm(arena, async () => void arena.proxy.cut()),
  delay: killWhileSlow,
  late: (arena) => harm(arena, () => cutLate(arena)),
};

/** By a failpoint, which is a SIGKILL. Throws E_INTERNAL with what it logged when it ended by itself. */
async function alreadyDead({ server }: Arena): Promise<Strike> {
  const { at, code, signal } = await server.exited;
  if (signal === "SIGKILL") return { deadAt: at, slowedMs: 0 };
  throw new RoomctlError("E_INTERNAL", `the server ended by itself with ${signal ?? code}: ${server.tail()}`);
}

async function kill({ server, history }: Arena): Promise<Strike> {
  const deadAt = history.now();
  server.signal("SIGKILL");
  await server.exited;
  return { deadAt, slowedMs: 0 };
}

async function killInDrain(arena: Arena): Promise<Strike> {
  const { server, plan, signal } = arena;
  server.signal("SIGTERM");
  const isArmed = plan.failpoint !== undefined;
  const waitMs = isArmed ? drainPatienceMs : plan.aftermathMs / 8;
  await Promise.race([server.exited, sleep(waitMs, undefined, { signal })]);
  if (!server.hasExited()) return await kill(arena);
  const { at, code } = await server.exited;
  // It was quicker than the kill: then it ended in order.
  return { deadAt: at, slowedMs: 0, ...(code === 0 ? { safeAt: at } : {}) };
}

async function drain({ server, history, signal }: Arena): Promise<Strike> {
  server.signal("SIGTERM");
  await Promise.race([server.exited, sleep(drainPatienceMs, undefined, { signal })]);
  server.signal("SIGKILL");
  const { at, code } = await server.exited;
  if (code !== 0) history.note("not in order", { code, log: server.tail() });
  return { deadAt: at, safeAt: at, drainExit: code, slowedMs: 0 };
}

/** Its batches are held up before: when it wakes, it has changes that only it knows, and writes them if nothing stops it. */
async function putToSleep({ server, history, proxy, plan, signal }: Arena): Promise<Strike> {
  proxy.delay(plan.latencyMs);
  await sleep(plan.aftermathMs + 2 * plan.latencyMs, undefined, { signal });
  const deadAt = history.now();
  server.signal("SIGSTOP");
  proxy.delay(0);
  return { deadAt, isAsleep: true, slowedMs: slowedBy(plan) };
}

async function stopPostgres(arena: Arena): Promise<Strike> {
  await arena.postgres.stopAtOnce();
  arena.history.note("PostgreSQL stopped");
  await sleep(arena.plan.aftermathMs, undefined, { signal: arena.signal });
  await arena.postgres.restart();
  arena.history.note("PostgreSQL started");
  return killWhenQuiet(arena);
}

async function stopPostgresAndKill(arena: Arena): Promise<Strike> {
  const outageFrom = arena.history.now();
  await arena.postgres.stopAtOnce();
  await sleep(arena.plan.aftermathMs, undefined, { signal: arena.signal });
  const struck = await kill(arena);
  arena.stopLoad();
  await arena.postgres.restart();
  return { ...struck, outageFrom };
}

/** Breaks something that the server has to get over by itself, under load, and then expects all of it to be written. */
async function harm(arena: Arena, break_: () => Promise<void>): Promise<Strike> {
  await break_();
  await sleep(arena.plan.aftermathMs, undefined, { signal: arena.signal });
  return killWhenQuiet(arena);
}

async function cutLate({ proxy, plan, signal }: Arena): Promise<void> {
  proxy.delay(plan.latencyMs * 2);
  await sleep(plan.latencyMs, undefined, { signal });
  proxy.cutLate();
}

async function killWhileSlow(arena: Arena): Promise<Strike> {
  const { proxy, plan, signal } = arena;
  proxy.delay(plan.latencyMs);
  await sleep(plan.aftermathMs + 2 * plan.latencyMs, undefined, { signal });
  const struck = await kill(arena);
  proxy.delay(0);
  return { ...struck, slowedMs: slowedBy(plan) };
}

/** A change may wait for a batch before its own, and each takes a way there and back. */
function slowedBy({ latencyMs }: CyclePlan): number {
  return 6 * latencyMs;
}

/** Lets users rest until the server says that everything is written: then a kill may lose nothing that came before. */
async function killWhenQuiet(arena: Arena): Promise<Strike> {
  const { history, port, server, stopLoad, signal } = arena;
  stopLoad();
  const giveUpAt = history.now() + quietPatienceMs;
  // Twice in a row: the end of a room waits for its last messages before it counts as a change.
  let quietSince: number | undefined;
  for (;;) {
    const askedAt = history.now();
    const health = server.hasExited() ? undefined : await readHealth(port);
    const isQuiet = health?.database === "up" && health.dirty === 0;
    if (isQuiet && quietSince !== undefined) return { ...(await kill(arena)), safeAt: quietSince };
    quietSince = isQuiet ? askedAt : undefined;
    if (server.hasExited() || askedAt > giveUpAt) {
      const struck = await kill(arena);
      return health === undefined ? struck : { ...struck, stuck: Math.max(1, health.dirty) };
    }
    await sleep(40, undefined, { signal });
  }
}

function delaysOf(failpoint = ""): number {
  return [...failpoint.matchAll(/delay=(\d+)/g)].reduce((sum, [, ms]) => sum + Number(ms), 0);
}
