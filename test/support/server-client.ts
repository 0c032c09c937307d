import { io, type Socket } from "socket.io-client";

/** What an event is answered with. */
export interface Ack {
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: unknown;
  readonly retryAfterMs?: number;
  readonly messages?: unknown;
  readonly [field: string]: unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a payload by what it compares it with
type Payload = any;

interface Received {
  readonly event: string;
  readonly payload: Payload;
}

/** One user's connection, with everything that it received so far. */
export interface ServerClient extends Disposable {
  readonly socket: Socket;
  /** The payload of the `session` event. */
  readonly session: Payload;
  readonly received: readonly Received[];
  /** Sends an event and waits for its answer. */
  ask(event: string, payload?: unknown): Promise<Ack>;
  /** The first event of that name, received already or to come, whose payload fits. Each is given once. */
  next(event: string, fits?: (payload: Payload) => boolean): Promise<Payload>;
  /** Resolves once the connection is gone. */
  closed(): Promise<void>;
  close(): void;
}

/** A connection that was refused: what `connect_error` said. */
interface Refused {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

const patienceMs = 120_000;

/** Connects with a token, and waits for the session. Rejects with the refusal. */
export async function connectClient(url: string, token: string): Promise<ServerClient> {
  const socket = io(url, { auth: { token }, transports: ["websocket"], forceNew: true, reconnection: false });
  const received: Received[] = [];
  const given = new Set<Received>();
  const listeners = new Set<() => void>();
  socket.onAny((event: string, payload: Payload) => {
    received.push({ event, payload });
    for (const listener of [...listeners]) listener();
  });
  const next = (event: string, fits: (payload: Payload) => boolean = () => true) =>
    waitFor(listeners, `${event} (received: ${[...new Set(received.map((one) => one.event))].join(", ")})`, () => {
      const found = received.find((one) => one.event === event && !given.has(one) && fits(one.payload));
      if (found !== undefined) given.add(found);
      return found;
    }).then(({ payload }) => payload);
  const closed = new Promise<void>((resolve) => socket.once("disconnect", () => resolve()));
  await refusedOrConnected(socket);
  return {
    socket,
    session: await next("session"),
    received,
    ask: (event, payload = {}) => socket.timeout(patienceMs).emitWithAck(event, payload),
    next,
    closed: () => closed,
    close: () => void socket.disconnect(),
    [Symbol.dispose]: () => void socket.disconnect(),
  };
}

function refusedOrConnected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", (error: Error & { data?: Refused }) => {
      socket.disconnect();
      reject(error.data ?? error);
    });
  });
}

function waitFor<T>(listeners: Set<() => void>, what: string, find: () => T | undefined): Promise<T> {
  const found = find();
  if (found !== undefined) return Promise.resolve(found);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      listeners.delete(look);
      reject(new Error(`no ${what} within ${patienceMs} ms`));
    }, patienceMs);
    const look = () => {
      const late = find();
      if (late === undefined) return;
      clearTimeout(timer);
      listeners.delete(look);
      resolve(late);
    };
    listeners.add(look);
  });
}
