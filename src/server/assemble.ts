import { randomUUID } from "node:crypto";
import { createServer, type Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Clock } from "../core/clock.js";
import type { Failpoints } from "../core/failpoint.js";
import { packageRoot } from "../core/package-root.js";
import { referenceRecovery } from "../core/reference-recovery.js";
import type { Database } from "../db/pool.js";
import type { StoreEvent } from "../store/event.js";
import { createAccess } from "./access.js";
import type { Kick } from "./bans.js";
import { followClock } from "./clock-difference.js";
import type { ServerContext } from "./context.js";
import { createControl } from "./control.js";
import type { ServerPhase } from "./health.js";
import { createHttp, httpTimeouts, mostHttpConnections } from "./http.js";
import { noIce } from "./ice.js";
import { createLink, type SupervisedLink } from "./link.js";
import { createMetrics, type MetricsParts } from "./metrics.js";
import { plantedDatabase, plantedStatements, plantInLog } from "./planted.js";
import { createRealtime, type Realtime } from "./realtime.js";
import { recoverState } from "./recovery.js";
import { armRooms } from "./rooms-arm.js";
import type { ServerOptions } from "./server.js";
import { authenticate } from "./sessions.js";
import { startRecheck } from "./sessions-recheck.js";
import { createSockets, type Sockets } from "./sockets.js";
import { createState, type State } from "./state.js";
import { takeOver } from "./takeover.js";

export interface AssembledServer extends Doors {
  readonly state: State;
  readonly link: SupervisedLink;
  readonly realtime: Realtime;
  readonly fenced: Promise<void>;
  readonly setPhase: (phase: ServerPhase) => void;
}

/** The ways in. */
interface Doors {
  readonly http: HttpServer;
  readonly control: ReturnType<typeof createControl>;
  readonly sockets: Sockets;
  /** Ends whatever would go on by itself; timer totals are settled once more. */
  readonly stopTimers: () => void;
  /** Ends connections that their clients keep open, upgrades that came too late among them: they would keep the process. */
  readonly closeConnections: () => void;
}

type Parts = ServerOptions & { readonly failpoints: Failpoints; readonly clock: Clock };

/** Puts the parts of a server together; nothing listens and nothing is connected yet. */
export function assembleServer(parts: Parts): AssembledServer {
  const { settings, clock, log } = parts;
  const phase: { is: ServerPhase } = { is: "recovering" };
  const fencing = createSignal();
  const state = createOwnState(parts, fencing.fire);
  // The link recovers into memory that realtime serves, and realtime needs the link.
  const late: { realtime?: Realtime; sockets?: Sockets } = {};
  const link = createOwnLink(parts, {
    state,
    onFenced: fencing.fire,
    onOwned: () => {
      if (late.realtime && phase.is === "ready") void armRooms(late.realtime);
    },
  });
  const context: ServerContext = {
    settings,
    clock,
    newId: randomUUID,
    state,
    link,
    send: (userId, event, payload) => late.sockets?.send(userId, event, payload) ?? false,
    log,
  };
  const realtime = createRealtime(context);
  const doors = createDoors(realtime, parts, { phase: () => phase.is, recovered: () => countsOf(link) });
  late.realtime = realtime;
  late.sockets = doors.sockets;
  const setPhase = (next: ServerPhase) => {
    phase.is = next;
  };
  return { ...doors, state, link, realtime, fenced: fencing.fired, setPhase };
}

function countsOf(link: SupervisedLink) {
  const rooms = link.recovery()?.rooms;
  return rooms && { recovered: rooms.recovered, ended: rooms.ended, skipped: rooms.skipped };
}

function createDoors(
  realtime: Realtime,
  { settings, mail, pid, ice = noIce }: Parts,
  facts: Pick<MetricsParts, "phase" | "recovered">,
): Doors {
  const access = createAccess(realtime, { connected: () => sockets.connected() });
  const kick: Kick = (...which) => sockets.kick(...which);
  const health = { ...facts, connections: () => sockets.connections() };
  const metrics = createMetrics(realtime, health);
  const recheck = startRecheck(access, kick);
  const clientDirectory = join(packageRoot, "client");
  const http = createServer(
    httpTimeouts,
    createHttp(realtime, { access, mail, ice, kick, health, metrics, clientDirectory }),
  );
  http.maxConnections = mostHttpConnections(settings);
  const connections = new Set<Socket>();
  http.on("connection", (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  const sockets = createSockets(http, { realtime, authenticate: (token, ip) => authenticate(access, token, ip) });
  return {
    http,
    sockets,
    control: createControl(realtime, { access, kick, pid }),
    closeConnections() {
      for (const socket of connections) socket.destroy();
    },
    stopTimers() {
      recheck.stop();
      metrics.stop();
      realtime.stop();
    },
  };
}

function createOwnState({ settings, clock, failpoints, freeze, log, open, plantedBug }: Parts, onFenced: () => void) {
  const onEvent = ({ message, ...event }: StoreEvent) => {
    log.warn({ ...event, reason: message }, `${event.map}: ${event.kind}`);
    if (event.kind === "fenced") onFenced();
  };
  const statement = plantedStatements(plantedBug);
  const state = createState({
    settings,
    clock,
    failpoints,
    freeze,
    hasDatabase: open !== undefined,
    onEvent,
    statement,
  });
  if (plantedBug === "acknowledge-before-commit") {
    plantInLog(state.messages, (message, sequence) => ({ ...message, sequence }));
  }
  return state;
}

interface LinkNeeds {
  readonly state: State;
  readonly onOwned: () => void;
  readonly onFenced: () => void;
}

function createOwnLink(parts: Parts, { state, onOwned, onFenced }: LinkNeeds): SupervisedLink {
  const { settings, clock, failpoints, log, open, pid, plantedBug } = parts;
  const statement = plantedStatements(plantedBug);
  const now = () => clock.now().getTime();
  const { aliveSeconds } = referenceRecovery;
  return createLink({
    ...(open === undefined ? {} : { open }),
    heartbeatMs: settings.heartbeatMs,
    log,
    clock,
    onTime: (answer) => followClock(state, answer),
    takeOver: (database) => takeOver(database, { instance: settings.instance, pid, aliveSeconds, statement }),
    recover: (database) =>
      recoverState(database, { state, settings, definition: referenceRecovery, failpoints, now, statement }),
    onOwned: (database: Database, epoch) => {
      state.store.attach(plantedDatabase(database, plantedBug), { epoch, owner: statement("server/owner") });
      onOwned();
    },
    onFenced,
  });
}

/** Something that happens once. */
function createSignal(): { readonly fired: Promise<void>; readonly fire: () => void } {
  let fire = () => {};
  const fired = new Promise<void>((resolve) => {
    fire = resolve;
  });
  return { fired, fire: () => fire() };
}
