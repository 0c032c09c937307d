import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { pino } from "pino";
import { noFailpoints } from "../../src/core/failpoint.js";
import { packageRoot } from "../../src/core/package-root.js";
import type { Database } from "../../src/db/pool.js";
import { loadStatement } from "../../src/db/statement.js";
import { type Access, createAccess } from "../../src/server/access.js";
import type { Kick } from "../../src/server/bans.js";
import type { DatabaseLink, ServerContext } from "../../src/server/context.js";
import { createControl } from "../../src/server/control.js";
import type { ServerPhase } from "../../src/server/health.js";
import { createHttp } from "../../src/server/http.js";
import { type Ice, noIce } from "../../src/server/ice.js";
import { createMetrics } from "../../src/server/metrics.js";
import type { Room } from "../../src/server/model.js";
import { defaultSettings, type ServerSettings } from "../../src/server/settings.js";
import { createState } from "../../src/server/state.js";
import type { ServerName } from "./postgres.js";
import { createRoomDatabase } from "./recovery.js";

interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body by what it compares it with
  readonly body: any;
}

interface Asked {
  readonly token?: string;
  readonly body?: unknown;
  /** As it is, instead of `body` as JSON. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestGuest {
  readonly userId: string;
  readonly token: string;
}

/** The HTTP half of a server on a port of its own, with everything in reach that a test wants to turn or see. */
export interface HttpTest extends AsyncDisposable {
  readonly url: string;
  readonly database: Database;
  readonly context: ServerContext;
  readonly access: Access;
  /** What users were told, by `send`. */
  readonly sent: { readonly userId: string; readonly event: string; readonly payload: object }[];
  readonly mails: { readonly to: string; readonly code: string }[];
  readonly kicked: { readonly userId: string; readonly code: string; readonly session?: string | undefined }[];
  readonly logLines: string[];
  /** What the link says of the database, whatever is true. */
  setLink(status: DatabaseLink["status"], database?: Database): void;
  setPhase(phase: ServerPhase): void;
  /** Makes every mail fail, or work again. */
  breakMail(isBroken: boolean): void;
  /** Moves the server's clock; the database's stays. */
  advance(ms: number): void;
  ask(method: string, path: string, asked?: Asked): Promise<HttpAnswer>;
  askControl(method: string, path: string, body?: unknown): Promise<HttpAnswer>;
  guest(name?: string): Promise<TestGuest>;
}

export interface HttpTestOptions {
  readonly settings?: Partial<ServerSettings>;
  readonly maxSessions?: number;
  readonly ice?: Ice;
  /** PostgreSQL 18 unless told. */
  readonly server?: ServerName;
  /** Without a configured database; there is one all the same, for the test to look into. */
  readonly isMemoryOnly?: boolean;
}

/** No limit is in the way unless a test asks for one. */
const wideLimits = Object.fromEntries(
  Object.entries(defaultSettings.limits).map(([name, limit]) => [name, { ...limit, count: 100_000 }]),
) as ServerSettings["limits"];

interface Turnable {
  offsetMs: number;
  phase: ServerPhase;
  mailIsBroken: boolean;
}

export async function startHttp(options: HttpTestOptions = {}): Promise<HttpTest> {
  const scratch = await createRoomDatabase({ server: options.server ?? "postgres18" });
  const database = await scratch.open();
  const turn: Turnable = { offsetMs: 0, phase: "ready", mailIsBroken: false };
  const link = turnableLink(options.isMemoryOnly ? "none" : "up", database);
  const seen: Seen = { sent: [], mails: [], kicked: [], logLines: [] };
  const context = createContext(options, { turn, link, seen });
  if (!options.isMemoryOnly) await own(context, database);
  const access = createAccess(context, options.maxSessions === undefined ? {} : { maxSessions: options.maxSessions });
  const servers = await serve(context, access, { turn, seen, ice: options.ice ?? noIce });
  return {
    ...seen,
    url: servers.url,
    database,
    context,
    access,
    setLink: link.set,
    setPhase: (phase) => void Object.assign(turn, { phase }),
    breakMail: (mailIsBroken) => void Object.assign(turn, { mailIsBroken }),
    advance: (ms) => {
      turn.offsetMs += ms;
    },
    ask: (method, path, asked) => ask(`${servers.url}${path}`, method, asked),
    askControl: (method, path, body) => ask(`${servers.controlUrl}${path}`, method, body === undefined ? {} : { body }),
    guest: async (name = "Ava") => (await ask(`${servers.url}/api/guests`, "POST", { body: { name } })).body,
    async [Symbol.asyncDispose]() {
      await servers.close();
      await context.state.store.detach();
      await database[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

/** What the server did beside answering. */
interface Seen {
  readonly sent: HttpTest["sent"][number][];
  readonly mails: HttpTest["mails"][number][];
  readonly kicked: HttpTest["kicked"][number][];
  readonly logLines: string[];
}

interface Surroundings {
  readonly turn: Turnable;
  readonly seen: Seen;
}

function createContext(
  options: HttpTestOptions,
  { turn, link, seen }: Surroundings & { readonly link: DatabaseLink },
): ServerContext {
  const settings = { ...defaultSettings, limits: wideLimits, ...options.settings };
  const clock = { now: () => new Date(Date.now() + turn.offsetMs), monotonicMs: () => performance.now() };
  const hasDatabase = !options.isMemoryOnly;
  return {
    settings,
    clock,
    newId: () => crypto.randomUUID(),
    state: createState({ settings, clock, failpoints: noFailpoints, freeze: true, hasDatabase, onEvent: () => {} }),
    link,
    send: (userId, event, payload) => seen.sent.push({ userId, event, payload }) > 0,
    log: pino({ level: "trace" }, { write: (line: string) => void seen.logLines.push(line) }),
  };
}

/** The public and the control side, each on a port of its own. */
async function serve(
  context: ServerContext,
  access: Access,
  { turn, seen, ice }: Surroundings & { readonly ice: Ice },
) {
  const kick: Kick = (userId, code, session) => void seen.kicked.push({ userId, code, session });
  const health = { phase: () => turn.phase, connections: () => context.state.presence.size };
  const metrics = createMetrics(context, { ...health, recovered: () => ({ recovered: 3, ended: 2, skipped: 1 }) });
  const mail = async (to: string, code: string) => {
    if (turn.mailIsBroken) throw new Error("the mail server does not answer");
    seen.mails.push({ to, code });
  };
  const clientDirectory = join(packageRoot, "client");
  const server = createServer(createHttp(context, { access, mail, ice, kick, health, metrics, clientDirectory }));
  const control = createServer(
    getRequestListener(createControl(context, { access, kick }).fetch, { overrideGlobalObjects: false }),
  );
  return {
    url: await listen(server),
    controlUrl: await listen(control),
    async close() {
      metrics.stop();
      for (const one of [server, control]) {
        one.closeAllConnections();
        await new Promise((resolve) => one.close(resolve));
      }
    },
  };
}

/** The row that lets this process write behind, and the store's connection to it. */
async function own({ state }: ServerContext, database: Database): Promise<void> {
  await database.execute("INSERT INTO server_instances (epoch, host, pid) VALUES (7, 'rooms-1', 1)");
  state.store.attach(database, { epoch: "7", owner: loadStatement("server/owner") });
}

function turnableLink(first: DatabaseLink["status"], database: Database) {
  const is = { status: first, database };
  return {
    get status() {
      return is.status;
    },
    database: () => (is.status === "up" ? is.database : undefined),
    epoch: () => (first === "none" ? undefined : "7"),
    set(status: DatabaseLink["status"], other: Database = database) {
      is.status = status;
      is.database = other;
    },
  };
}

function listen(server: ReturnType<typeof createServer>): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // A connection that is closed for idleness while a request is on its way would fail a test that did nothing wrong.
    server.keepAliveTimeout = 0;
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

async function ask(url: string, method: string, { token, body, text, headers = {} }: Asked = {}): Promise<HttpAnswer> {
  const payload = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(url, {
    method,
    headers: {
      ...(payload === undefined ? {} : { "Content-Type": "application/json" }),
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(payload === undefined ? {} : { body: payload }),
  });
  const answer = await response.text();
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && answer !== "" ? JSON.parse(answer) : answer,
  };
}

/** A room in the server's memory. */
export function addLiveRoom(
  { context }: HttpTest,
  [user1, user2]: readonly [string, string],
  changes: Partial<Room> = {},
): Room {
  const room: Room = {
    roomId: crypto.randomUUID(),
    user1,
    user2,
    startedAt: context.clock.now().getTime() - 60_000,
    chatMode: "video",
    status: "active",
    user1Connected: true,
    user2Connected: true,
    graceExpiresAt: null,
    endedAt: null,
    ...changes,
  };
  context.state.rooms.set(room.roomId, room);
  context.state.roomOf.set(user1, room.roomId);
  context.state.roomOf.set(user2, room.roomId);
  return room;
}
