import { createServer, type Server } from "node:net";
import type { Logger } from "pino";
import { type Clock, createSteadyClock } from "../core/clock.js";
import { messageOf, RoomctlError } from "../core/errors.js";
import { type Failpoints, noFailpoints } from "../core/failpoint.js";
import type { Database } from "../db/pool.js";
import { codeOf } from "../db/sqlstate.js";
import { assembleServer } from "./assemble.js";
import { openControlSocket } from "./control-socket.js";
import type { Mail } from "./email.js";
import type { Ice } from "./ice.js";
import type { SupervisedLink } from "./link.js";
import type { PlantedBug } from "./planted.js";
import { armRooms } from "./rooms-arm.js";
import type { ServerSettings } from "./settings.js";

export interface ServerOptions {
  readonly settings: ServerSettings;
  readonly log: Logger;
  readonly pid: number;
  /** Opens the database; absent for a server that is memory only. */
  readonly open?: () => Promise<Database>;
  /** Throws when a value is changed in place; for development. */
  readonly freeze: boolean;
  readonly mail: Mail;
  /** STUN and TURN servers for the users' browsers; none unless told. */
  readonly ice?: Ice;
  /** Path of the private socket for introspection and bans; none unless told. */
  readonly controlPath?: string;
  readonly failpoints?: Failpoints;
  readonly plantedBug?: PlantedBug;
  readonly clock?: Clock;
}

export interface RoomServer {
  readonly port: number;
  readonly url: string;
  readonly link: SupervisedLink;
  /** Resolves when another server took over: this one must stop. */
  readonly fenced: Promise<void>;
  /** Stops accepting, tells clients, writes what is left, and says how many changes could not be written. */
  stop(): Promise<{ readonly unflushed: number }>;
}

/**
 * The reference room server. It recovers before it listens; when the database is down it listens all the same, empty, and
 * recovers when it can. Throws when the port or the control socket cannot be had.
 */
export async function startServer(options: ServerOptions): Promise<RoomServer> {
  const { settings, log, failpoints = noFailpoints, clock = createSteadyClock() } = options;
  const server = assembleServer({ ...options, failpoints, clock });
  const { link, http, realtime, sockets, state } = server;
  // First of all: a server that cannot listen must not have taken the rooms from the one that does.
  await assertFree(settings);
  const control =
    options.controlPath === undefined ? undefined : await openControlSocket(server.control, options.controlPath);
  try {
    await link.start();
    await listen(http, settings);
  } catch (error) {
    await control?.close();
    await link.stop();
    throw error;
  }
  const port = portOf(http);
  const url = `http://${settings.host.includes(":") ? `[${settings.host}]` : settings.host}:${port}`;
  await armRooms(realtime);
  server.setPhase("ready");
  const recovery = link.recovery() ?? null;
  log.info({ event: "listening", port, url, epoch: link.epoch() ?? null, recovery }, `listening on ${url}`);
  return {
    port,
    url,
    link,
    fenced: server.fenced,
    async stop() {
      server.setPhase("stopping");
      http.close();
      await sockets.close();
      await control?.close();
      await Promise.allSettled(realtime.endings);
      server.stopTimers();
      await failpoints.hit("in-sigterm-flush");
      const { left } = await state.store.drain(settings.drainMs);
      await state.store.detach();
      const isKept = link.status !== "none";
      await link.stop();
      server.closeConnections();
      return { unflushed: isKept ? left : 0 };
    },
  };
}

/** Throws E_LISTEN when another program listens there. */
async function assertFree(settings: ServerSettings): Promise<void> {
  if (settings.port === 0) return;
  const probe = createServer();
  await listen(probe, settings);
  await new Promise((resolve) => probe.close(resolve));
}

function listen(server: Server, { host, port }: ServerSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(listenFailure(error, host, port));
    server.once("error", onError);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off("error", onError);
      resolve();
    });
  });
}

function listenFailure(cause: Error, host: string, port: number): RoomctlError {
  const why = codeOf(cause) === "EADDRINUSE" ? "another program does" : messageOf(cause);
  return new RoomctlError("E_LISTEN", `cannot listen on ${host}:${port}: ${why}`, {
    cause,
    hint: "choose another port, or 0 for a free one: roomctl serve --port 0",
  });
}

function portOf(http: Server): number {
  const address = http.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
