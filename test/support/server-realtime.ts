import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import pino from "pino";
import type { Clock } from "../../src/core/clock.js";
import { noFailpoints } from "../../src/core/failpoint.js";
import type { Database } from "../../src/db/pool.js";
import type { DatabaseLink, ServerContext } from "../../src/server/context.js";
import type { Identity } from "../../src/server/model.js";
import { createRealtime, type Realtime } from "../../src/server/realtime.js";
import { type Refusal, refuse } from "../../src/server/refusal.js";
import { defaultSettings, type ServerSettings } from "../../src/server/settings.js";
import { createSockets, type Sockets } from "../../src/server/sockets.js";
import { createState } from "../../src/server/state.js";
import { connectClient, type ServerClient } from "./server-client.js";

/** A clock that stands still until it is told to go on. */
export interface TestClock extends Clock {
  at: number;
}

export function createTestClock(at = Date.UTC(2026, 0, 1)): TestClock {
  const clock: TestClock = { at, now: () => new Date(clock.at), monotonicMs: () => clock.at };
  return clock;
}

/** A link that a test switches. Without a database it is `none`. */
export interface TestLink extends DatabaseLink {
  status: "none" | "up" | "down";
}

export function createTestLink(database?: Database): TestLink {
  const link: TestLink = {
    status: database === undefined ? "none" : "up",
    database: () => (link.status === "up" ? database : undefined),
    epoch: () => (database === undefined ? undefined : "1"),
  };
  return link;
}

export interface ContextOptions {
  readonly settings?: Partial<ServerSettings>;
  readonly clock: Clock;
  readonly link?: DatabaseLink;
  readonly send: ServerContext["send"];
  /** Lines of the log, as they are written. */
  readonly onLog?: (line: string) => void;
}

/** The context of a server in memory. */
function createTestContext({ settings, clock, link, send, onLog }: ContextOptions): ServerContext {
  const all = { ...defaultSettings, ...settings };
  const ownLink = link ?? createTestLink();
  const log = pino({ level: onLog ? "warn" : "silent" }, { write: (line: string) => onLog?.(line) });
  const state = createState({
    settings: all,
    clock,
    failpoints: noFailpoints,
    freeze: true,
    hasDatabase: ownLink.status !== "none",
    onEvent: (event) => log.warn(event, "store"),
  });
  return { settings: all, clock, newId: randomUUID, state, link: ownLink, send, log };
}

/** What a user was told, in order. */
type Told = readonly [event: string, payload: Record<string, unknown>];

/** Rooms without sockets, on a clock of the test's. */
export interface RealtimeFixture extends Disposable {
  readonly realtime: Realtime;
  readonly clock: TestClock;
  /** What the user was told since the last call. */
  told(userId: string): readonly Told[];
  /** Lets time pass in steps of a second, so that what is due is done when it is due. */
  pass(ms: number): void;
}

export function createRealtimeFixture(options: Partial<ContextOptions> = {}): RealtimeFixture {
  const clock = createTestClock();
  const inboxes = new Map<string, Told[]>();
  const send: ServerContext["send"] = (userId, event, payload) => {
    if (!realtime.state.presence.has(userId)) return false;
    inboxes.set(userId, [...(inboxes.get(userId) ?? []), [event, { ...payload }]]);
    return true;
  };
  const realtime = createRealtime(createTestContext({ clock, send, ...options }));
  return {
    realtime,
    clock,
    told(userId) {
      const told = inboxes.get(userId) ?? [];
      inboxes.delete(userId);
      return told;
    },
    pass(ms) {
      for (let left = ms; left > 0; left -= 1000) {
        clock.at += Math.min(left, 1000);
        realtime.deadlines.runDue();
      }
    },
    [Symbol.dispose]: () => realtime.stop(),
  };
}

export interface SocketFixture extends AsyncDisposable {
  readonly url: string;
  readonly realtime: Realtime;
  readonly sockets: Sockets;
  /** Connects a user; a new one unless told who. */
  connect(user?: { readonly userId?: string; readonly name?: string }): Promise<ServerClient>;
}

export interface SocketOptions extends Partial<ContextOptions> {
  /** Tokens are `userId name` unless a test says otherwise. */
  readonly authenticate?: (token: string, ip: string) => Promise<Identity | Refusal>;
}

/** Real sockets on a port of their own, with tokens that say who the user is. */
export async function startSockets(options: SocketOptions = {}): Promise<SocketFixture> {
  const http = createServer();
  const late: { sockets?: Sockets } = {};
  const clock: Clock = options.clock ?? { now: () => new Date(), monotonicMs: () => performance.now() };
  const send: ServerContext["send"] = (...args) => late.sockets?.send(...args) ?? false;
  // Who comes back comes in time, however slow the machine is.
  const settings = { graceMs: 600_000, ...options.settings };
  const realtime = createRealtime(createTestContext({ ...options, settings, clock, send }));
  const sockets = createSockets(http, { realtime, authenticate: options.authenticate ?? readTestToken });
  late.sockets = sockets;
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : address}`;
  return {
    url,
    realtime,
    sockets,
    connect: ({ userId = randomUUID(), name = "Ava" } = {}) => connectClient(url, `${userId} ${name}`),
    async [Symbol.asyncDispose]() {
      await sockets.close();
      realtime.stop();
      await new Promise<void>((resolve) => http.close(() => resolve()));
    },
  };
}

async function readTestToken(token: string): Promise<Identity | Refusal> {
  const [userId = "", name = ""] = token.split(" ");
  return userId.length === 36 ? { userId, name, accountType: "guest" } : refuse("unauthorized", "no such session");
}
