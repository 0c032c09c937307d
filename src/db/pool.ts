import { Socket } from "node:net";
import type { Client, Pool, PoolClient, PoolConfig } from "pg";
import { RoomctlError } from "../core/errors.js";
import { connectionFailure, isTlsRefusal } from "./failure.js";
import { noteOwnSession } from "./own-sessions.js";
import { readPgpass } from "./pgpass.js";
import { resetSession, type SessionSettings, sessionSettings } from "./session.js";
import { createSocket } from "./socket.js";
import { type DatabaseTarget, formatTarget } from "./target.js";
import { type TlsAttempt, tlsAttempts } from "./tls.js";

/** Anything that runs one statement. Values are parameters ($1 …); int8 and numeric arrive as text, times as Date. */
export interface Queryable {
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Runs a statement (or, without values, several) and says how many rows the last one touched. */
  execute(sql: string, values?: readonly unknown[]): Promise<number>;
}

/** One session of the server, the caller's own until it is released. */
export interface Connection extends Queryable, AsyncDisposable {
  /** The driver's client. Only for `db/`: COPY streams, cancellation, the pooler test. */
  readonly client: PoolClient;
  /** Runs several statements, given as one text, in one round trip, and returns the rows of each. Values are literals. */
  queryEach(sql: string): Promise<readonly (readonly object[])[]>;
  /**
   * Takes back what was set or made temporary in the session; its advisory locks stay. Settings of the session are ours
   * again, with those given here over them: `{ search_path: "app" }`.
   */
  reset(settings?: Readonly<Record<string, string>>): Promise<void>;
  /** Ends the session instead of giving it back: its locks and temporary state go with it. */
  discard(): void;
}

export interface Database extends Queryable, AsyncDisposable {
  readonly target: DatabaseTarget;
  /** For people: `postgresql://user@host:port/database`, never the password. */
  readonly url: string;
  /** As in `server_version_num`: 150018 for 15.18. */
  readonly serverVersion: number;
  /** Borrows a session. Use with `await using`. */
  connect(): Promise<Connection>;
}

export interface OpenOptions extends SessionSettings {
  /** When it aborts, running statements are cancelled on the server and no new ones start. */
  readonly signal?: AbortSignal;
  /** Called with each statement's text (never its values) and its duration. */
  readonly onStatement?: (sql: string, durationMs: number) => void;
  /** How many sessions at most, each opened when it is needed; 40 unless told: the most `--jobs`, and who holds the locks. */
  readonly maxConnections?: number;
}

/**
 * Connects once to be sure that the target answers, then hands out sessions on demand.
 * Throws E_CONNECT, E_AUTHENTICATION, E_NO_SUCH_DATABASE or E_CONFIG.
 */
export async function openDatabase(target: DatabaseTarget, options: OpenOptions = {}): Promise<Database> {
  const { pool, serverVersion } = await openPool(target, options);
  const busy = new Set<PoolClient>();

  const cancelBusy = () => void cancelSessions(target, options, [...busy]);
  options.signal?.addEventListener("abort", cancelBusy, { once: true });

  let isClosed = false;
  const connect = async (): Promise<Connection> => {
    options.signal?.throwIfAborted();
    if (isClosed) throw new RoomctlError("E_INTERNAL", "the database was closed before the work with it ended");
    const borrowed = await pool.connect().catch((error: unknown) => {
      throw connectionFailure(error, target);
    });
    busy.add(borrowed);
    return wrapClient(borrowed, options, () => busy.delete(borrowed));
  };

  const borrow = async <T>(work: (connection: Connection) => Promise<T>): Promise<T> => {
    await using connection = await connect();
    return await work(connection);
  };

  return {
    target,
    url: formatTarget(target),
    serverVersion,
    connect,
    query: (sql, values) => borrow((connection) => connection.query(sql, values)),
    execute: (sql, values) => borrow((connection) => connection.execute(sql, values)),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      options.signal?.removeEventListener("abort", cancelBusy);
      await pool.end();
    },
  };
}

interface OpenedPool {
  readonly pool: Pool;
  readonly serverVersion: number;
}

async function openPool(target: DatabaseTarget, options: OpenOptions): Promise<OpenedPool> {
  const { default: pg } = await import("pg");
  const attempts = tlsAttempts(target);
  for (const [index, ssl] of attempts.entries()) {
    const sockets: Socket[] = [];
    const openSocket = () => {
      const socket = ssl === false ? createSocket() : new Socket();
      sockets.push(socket);
      return socket;
    };
    const pool = new pg.Pool({ ...poolConfig(target, options, ssl), stream: openSocket });
    // An idle session that the server ends is no failure by itself: the next statement gets a new one, or says why not.
    pool.on("error", () => {});
    try {
      options.signal?.throwIfAborted();
      return { pool, serverVersion: await unlessAborted(readServerVersion(pool), options.signal) };
    } catch (error) {
      // The driver leaves the socket of a failed login open, and a silent server would keep us until its timeout.
      for (const socket of sockets) socket.destroy();
      void pool.end();
      options.signal?.throwIfAborted();
      const isLast = index === attempts.length - 1;
      if (isLast || !isTlsRefusal(error, ssl !== false)) throw connectionFailure(error, target);
    }
  }
  throw new RoomctlError("E_INTERNAL", "no way to connect was tried");
}

async function readServerVersion(pool: Pool): Promise<number> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query("SHOW server_version_num");
    return Number(rows[0].server_version_num);
  } finally {
    client.release();
  }
}

/** The promise's outcome, or the signal's reason as soon as it aborts. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function poolConfig(target: DatabaseTarget, options: OpenOptions, ssl: TlsAttempt): PoolConfig {
  return {
    host: target.host,
    port: target.port,
    database: target.database,
    user: target.user,
    password: async () => target.password ?? (await readPgpass(target)) ?? "",
    ssl,
    options: target.options,
    connectionTimeoutMillis: target.connectTimeoutMs,
    max: options.maxConnections ?? 40,
    idleTimeoutMillis: 0,
    onConnect(client) {
      noteOwnSession(target, client);
      return sessionSettings(client, options);
    },
  };
}

function wrapClient(client: PoolClient, options: OpenOptions, onEnd: () => void): Connection {
  let ended = false;
  let broken = false;
  const noteBreak = () => {
    broken = true;
  };
  client.on("error", noteBreak);
  const end = (destroy: boolean) => {
    if (ended) return;
    ended = true;
    const isEnding = destroy || broken;
    // A session that is ended may still report its own death, and an error without a listener would end the process.
    if (!isEnding) client.off("error", noteBreak);
    onEnd();
    client.release(isEnding);
  };
  const run = async (sql: string, values?: readonly unknown[]) => {
    try {
      return await runStatement(client, options, { sql, values });
    } catch (error) {
      // The server's goodbye arrives before the socket closes: such a session must not be lent again.
      if (isFatal(error)) broken = true;
      throw error;
    }
  };
  return {
    client,
    async query(sql, values) {
      const result = await run(sql, values);
      return result.rows;
    },
    async queryEach(sql) {
      const result = await run(sql);
      return [result].flat().map(({ rows }) => rows);
    },
    async execute(sql, values) {
      const result = await run(sql, values);
      const last = Array.isArray(result) ? result.at(-1) : result;
      return last?.rowCount ?? 0;
    },
    async reset(settings = {}) {
      options.signal?.throwIfAborted();
      await resetSession(client, options, settings);
    },
    discard: () => end(true),
    async [Symbol.asyncDispose]() {
      end(false);
    },
  };
}

interface Statement {
  readonly sql: string;
  readonly values?: readonly unknown[];
}

async function runStatement(client: PoolClient, { signal, onStatement }: OpenOptions, { sql, values }: Statement) {
  signal?.throwIfAborted();
  const startedMs = performance.now();
  const result = await client.query(sql, values === undefined ? undefined : [...values]);
  onStatement?.(sql, performance.now() - startedMs);
  return result;
}

function isFatal(error: unknown): boolean {
  const severity = typeof error === "object" && error !== null && "severity" in error ? error.severity : undefined;
  return severity === "FATAL" || severity === "PANIC";
}

/** Ctrl-C must not leave a statement running: ask the server to cancel each, over a connection of its own. */
async function cancelSessions(target: DatabaseTarget, options: OpenOptions, clients: readonly Client[]): Promise<void> {
  const processIds = clients.map((client) => Number(Reflect.get(client, "processID"))).filter(Boolean);
  if (processIds.length === 0) return;
  try {
    const { pool } = await openPool(target, { applicationName: options.applicationName });
    await pool.query("SELECT pg_cancel_backend(pid) FROM unnest($1::int[]) AS pid", [processIds]);
    await pool.end();
  } catch {
    // The server is gone or refuses us: the sessions end with this process, and it rolls them back.
  }
}
