import { type Ground, type Running, urlOf } from "./drill-cycle.js";
import { type CyclePlan, needsProxy } from "./drill-plan.js";
import { awaitServer, type DrillServer, spawnServer } from "./drill-server.js";

export interface StartWish {
  /** The cycle in which the server will be struck. */
  readonly plan: CyclePlan;
  readonly failpoint?: string;
}

/** Starts a server for a cycle and waits until it listens. Throws E_INTERNAL when it does not. */
export async function startServer(ground: Ground, wish: StartWish): Promise<Running> {
  const { plan } = wish;
  const server = spawn(ground, wish);
  const listening = await awaitServer(server);
  ground.history.note("listening", { pid: server.pid, ...listening, graceMs: plan.graceMs });
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

/** Ends a server in order and starts one with failpoints armed: its count begins with a recovery and no users. */
export async function restartArmed(ground: Ground, running: Running, plan: CyclePlan): Promise<Running> {
  running.server.signal("SIGTERM");
  const { code } = await running.server.exited;
  ground.history.note("restarted", { failpoint: plan.failpoint, code });
  return startServer(ground, { plan, failpoint: plan.failpoint });
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
