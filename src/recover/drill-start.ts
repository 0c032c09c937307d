import { type Ground, type Running, urlOf } from "./drill-cycle.js";
import { type CyclePlan, needsProxy } from "./drill-plan.js";
import {
  awaitServer,
  awaitServerOrEnd,
  type DrillServer,
  type Listening,
  notStarted,
  spawnServer,
} from "./drill-server.js";

export interface StartWish {
  /** The cycle in which the server will be struck. */
  readonly plan: CyclePlan;
  readonly failpoint?: string;
}

/** Starts a server for a cycle and waits until it listens. Throws E_INTERNAL when it does not. */
export async function startServer(ground: Ground, wish: StartWish): Promise<Running> {
  const server = spawn(ground, wish);
  return noteListening(ground, { server, listening: await awaitServer(server), plan: wish.plan });
}

function noteListening(
  { history }: Ground,
  {
    server,
    listening,
    plan,
  }: { readonly server: DrillServer; readonly listening: Listening; readonly plan: CyclePlan },
): Running {
  history.note("listening", { pid: server.pid, ...listening, graceMs: plan.graceMs });
  return { server, listening, graceMs: plan.graceMs, isProxied: needsProxy(plan) };
}

/** Starts a server that is to die while it recovers; one that was quicker is killed. */
export async function startAndDie(ground: Ground, wish: StartWish): Promise<void> {
  const server = spawn(ground, wish);
  const listening = await server.listening;
  ground.history.note("killed in recovery", { pid: server.pid, tooLate: listening !== undefined });
  server.signal("SIGKILL");
  await server.exited;
}

/**
 * Ends a server in order and starts one with failpoints armed: its count begins with a recovery and no users. What it
 * brings back or ends may be enough to reach the count: that is a kill in the recovery, and the next one starts without.
 */
export async function restartArmed(ground: Ground, running: Running, plan: CyclePlan): Promise<Running> {
  const { history } = ground;
  running.server.signal("SIGTERM");
  const { code } = await running.server.exited;
  history.note("restarted", { failpoint: plan.failpoint, code });
  const server = spawn(ground, { plan, failpoint: plan.failpoint });
  const listening = await awaitServerOrEnd(server);
  if (listening !== undefined) return noteListening(ground, { server, listening, plan });
  const { signal } = await server.exited;
  if (signal !== "SIGKILL") throw notStarted(server);
  history.note("killed in recovery", { pid: server.pid, failpoint: plan.failpoint });
  return startServer(ground, { plan });
}

function spawn(ground: Ground, { plan, failpoint }: StartWish): DrillServer {
  const { history, program, target, proxy, plantedBug, signal, spawned } = ground;
  const { graceMs } = plan;
  signal.throwIfAborted();
  const place = needsProxy(plan) ? { ...target, host: "127.0.0.1", port: proxy.port } : target;
  history.note("start", { graceMs, failpoint });
  const wish = { databaseUrl: urlOf(place), graceMs };
  const options = { ...(failpoint ? { failpoint } : {}), ...(plantedBug ? { plantedBug } : {}) };
  const server = spawnServer(program, { ...wish, ...options }, history.now);
  spawned.add(server);
  return server;
}
