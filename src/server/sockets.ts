/**
 * The only file that knows Socket.IO: connections and their limits, one socket per user. What an event means is in the
 * files of its noun; `sockets-events.ts` says which.
 */
import type { Server as HttpServer, IncomingMessage } from "node:http";
import { type DefaultEventsMap, Server, type Socket } from "socket.io";
import { messageOf } from "../core/errors.js";
import type { Connected } from "./access.js";
import type { Kick } from "./bans.js";
import type { Send } from "./context.js";
import { createBucket, isFlooding, takeToken } from "./flood.js";
import { clientAddress, isAllowedOrigin } from "./http-address.js";
import type { Identity } from "./model.js";
import { arrive, countPresence, depart } from "./presence.js";
import type { Realtime } from "./realtime.js";
import { type Refusal, refuse } from "./refusal.js";
import { endRoomLater } from "./rooms-end.js";
import { hashToken } from "./sessions.js";
import { type Admission, createAdmission } from "./sockets-admission.js";
import { type BackloggedConnection, watchBacklog } from "./sockets-backlog.js";
import type { Caller } from "./sockets-events.js";
import { createReceiver } from "./sockets-receive.js";

export interface SocketParts {
  readonly realtime: Realtime;
  /** Who a token belongs to; looks for bans of the user and of the address too. */
  readonly authenticate: (token: string, ip: string) => Promise<Identity | Refusal>;
}

export interface Sockets {
  readonly send: Send;
  /** How many users are connected. */
  connections(): number;
  /** Everybody who is connected. */
  connected(): readonly Connected[];
  /** Says why as well. Who is banned leaves no room behind. */
  readonly kick: Kick;
  /**
   * Tells everyone that the server stops, and ends all connections. Rooms stay as they are for the next server. The HTTP
   * server is left to whoever made it.
   */
  close(retryAfterMs?: number): Promise<void>;
}

/** What is known of a socket that was let in. */
interface Admitted {
  readonly caller: Caller;
  /** The hash of the token that it came with. */
  readonly session: string;
}

type UserSocket = Socket<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Admitted>;

interface Hall extends SocketParts {
  readonly io: Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Admitted>;
  readonly admission: Admission;
  /** The one socket of each user. */
  readonly sockets: Map<string, UserSocket>;
  isStopping: boolean;
}

/** A dead connection is noticed within the sum of both. */
const pingIntervalMs = 10_000;
const pingTimeoutMs = 8_000;
/** A connection that shows no valid token by then is closed. */
const connectTimeoutMs = 10_000;
const presenceMs = 1_000;
/** So many messages of the greatest size may wait for a client that does not read. */
const mostBacklog = 128;

/** Answers Socket.IO on an HTTP server. `realtime` must send through the `send` that is returned. */
export function createSockets(httpServer: HttpServer, parts: SocketParts): Sockets {
  const { settings } = parts.realtime;
  const hall: Hall = {
    ...parts,
    io: new Server(httpServer, {
      transports: ["websocket"],
      maxHttpBufferSize: settings.maxMessageBytes,
      pingInterval: pingIntervalMs,
      pingTimeout: pingTimeoutMs,
      connectTimeout: connectTimeoutMs,
      allowRequest: (request, answer) => {
        const { origin, host } = request.headers;
        const isAllowed = isAllowedOrigin(origin, host, settings.origins);
        answer(null, isAllowed && !hall.admission.isFlooded(addressOf(request, parts.realtime)));
      },
    }),
    admission: createAdmission(settings),
    sockets: new Map(),
    isStopping: false,
  };
  hall.io.engine.on("connection", (raw: RawConnection) => countConnection(hall, raw));
  hall.io.use((socket, next) => void admit(hall, socket).then((refusal) => next(refusal && toConnectError(refusal))));
  hall.io.on("connection", (socket) => welcome(hall, socket));
  const stopPresence = tellPresence(hall);
  return {
    send: (userId, event, payload) => hall.sockets.get(userId)?.emit(event, payload) ?? false,
    connections: () => hall.sockets.size,
    connected: () =>
      [...hall.sockets.values()].map(({ data: { caller, session } }) => ({
        userId: caller.userId,
        session,
        ip: caller.ip,
      })),
    kick: (...which) => kick(hall, ...which),
    async close(retryAfterMs = 2_000) {
      hall.isStopping = true;
      stopPresence();
      hall.io.emit("server:stopping", { retryAfterMs });
      hall.io.disconnectSockets(true);
      hall.io.engine.close();
    },
  };
}

type RawConnection = BackloggedConnection & {
  readonly request: IncomingMessage;
  once(event: "close", listener: () => void): void;
  on(event: "packet", listener: () => void): unknown;
  close(isAtOnce: boolean): void;
};

/** From the first moment on, with or without a user: what is neither an event nor a valid token costs something too. */
function countConnection({ admission, realtime }: Hall, raw: RawConnection): void {
  const { settings, clock, log } = realtime;
  const ip = addressOf(raw.request, realtime);
  admission.opened(ip);
  raw.once("close", () => admission.closed(ip));
  watchBacklog(raw, mostBacklog * settings.maxMessageBytes, () => {
    log.warn({}, "a client does not take what it is sent; hanging up");
    raw.close(true);
  });
  // Far above the limit of events, which answers them.
  const pace = { eventBurst: 10 * settings.eventBurst, eventsPerSecond: 10 * settings.eventsPerSecond };
  const bucket = createBucket(pace, clock.monotonicMs());
  raw.on("packet", () => {
    if (takeToken(bucket, pace, clock.monotonicMs()) > 0 && isFlooding(bucket, pace)) raw.close(true);
  });
}

function addressOf({ socket, headers }: IncomingMessage, { settings }: Realtime): string {
  return clientAddress(socket.remoteAddress, headers["x-forwarded-for"], settings.trustedProxies);
}

/** Undefined when the connection may come in. */
async function admit(hall: Hall, socket: UserSocket): Promise<Refusal | undefined> {
  try {
    const ip = addressOf(socket.request, hall.realtime);
    if (hall.isStopping) return refuse("unavailable", "the server stops", 2_000);
    const refusal = hall.admission.check(ip, socket.conn);
    if (refusal !== undefined) return refusal;
    const token: unknown = socket.handshake.auth["token"];
    if (typeof token !== "string") return refuse("unauthorized", "auth.token is missing");
    const identity = await hall.authenticate(token, ip);
    if ("ok" in identity) return identity;
    const { userId, name, accountType } = identity;
    socket.data = { caller: { userId, name, accountType, ip }, session: hashToken(token) };
    return undefined;
  } catch (error) {
    hall.realtime.log.error({ error: messageOf(error) }, "a connection could not be authenticated");
    return refuse("internal", "something went wrong here; it has been noted");
  }
}

/** What `connect_error` carries in its `data`. */
function toConnectError({ code, message, retryAfterMs }: Refusal): Error {
  return Object.assign(new Error(message), { data: { code, message, retryAfterMs } });
}

/** One socket per user: the newer one wins, and what the older one held is left as if its connection had broken. */
function welcome(hall: Hall, socket: UserSocket): void {
  const { realtime, sockets } = hall;
  const { caller } = socket.data;
  const older = sockets.get(caller.userId);
  if (older !== undefined) depart(realtime, caller.userId);
  sockets.set(caller.userId, socket);
  if (older !== undefined) {
    older.emit("session:replaced", {});
    older.disconnect(true);
  }
  const receive = createReceiver(realtime, {
    caller,
    isCurrent: () => sockets.get(caller.userId) === socket,
    hangUp: () => socket.disconnect(true),
  });
  socket.onAny(receive);
  socket.on("disconnect", () => {
    if (sockets.get(caller.userId) !== socket) return;
    sockets.delete(caller.userId);
    if (!hall.isStopping) depart(realtime, caller.userId);
  });
  socket.emit("session", arrive(realtime, caller, socket.id));
  socket.emit("presence", countPresence(realtime));
}

function kick({ realtime, sockets }: Hall, ...[userId, code, session]: Parameters<Kick>): void {
  const socket = sockets.get(userId);
  if (session !== undefined && socket?.data.session !== session) return;
  const roomId = realtime.state.roomOf.get(userId);
  if (code === "banned" && roomId !== undefined) endRoomLater(realtime, roomId, "banned");
  socket?.emit("session:ended", { code });
  socket?.disconnect(true);
}

/** Counts for everyone, at most once a second and only when they changed. */
function tellPresence({ io, realtime }: Hall): () => void {
  let told = "";
  const timer = setInterval(() => {
    const counts = countPresence(realtime);
    const text = `${counts.online} ${counts.queued}`;
    if (text !== told) io.emit("presence", counts);
    told = text;
  }, presenceMs).unref();
  return () => clearInterval(timer);
}
