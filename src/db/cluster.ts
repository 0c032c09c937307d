import { createHash, randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import { makeFolder } from "../core/make-folder.js";
import { isReachable, type ServerBinaries, type ServerUser, sharedDirectory } from "./binaries.js";
import { isAlive } from "./process-owner.js";
import { runProgram } from "./program.js";

/** What a folder knows of its embedded server: the file `server.json`, mode 600. */
export interface Cluster {
  readonly dataDirectory: string;
  readonly port: number;
  readonly password: string;
  readonly version: string;
}

// Not "roomctl": the default search_path begins with the schema of the role's name, and that is our own.
export const superuser = "postgres";

/** Makes an empty data directory with a password of its own. Safe to kill: only a finished one gets its final name. */
export async function createCluster(
  directory: string,
  binaries: ServerBinaries,
  user: ServerUser | undefined,
): Promise<Cluster> {
  const base = user === undefined || isReachable(directory, user) ? directory : sharedFolder(directory);
  const dataDirectory = join(base, "data");
  // A run that was killed in here leaves only the partial folder, which the next one removes.
  const partial = `${dataDirectory}.partial`;
  if (existsSync(dataDirectory)) throw orphanedData(directory, dataDirectory);
  rmSync(partial, { recursive: true, force: true });
  makeFolder(partial, 0o700);
  const password = randomBytes(24).toString("base64url");
  const passwordFile = join(partial, "..", "initial-password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user) for (const path of [partial, passwordFile]) chownSync(path, user.uid, user.gid);
  try {
    const options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"];
    await runProgram(
      binaries.initdb,
      [`--pgdata=${partial}`, `--username=${superuser}`, `--pwfile=${passwordFile}`, ...options],
      user,
    );
  } finally {
    rmSync(passwordFile, { force: true });
  }
  const cluster: Cluster = { dataDirectory, port: 0, password, version: binaries.version };
  // The password is kept before there is data that needs it: killed in between, the next start begins anew.
  writeCluster(directory, cluster);
  renameSync(partial, dataDirectory);
  return cluster;
}

/** Data is never removed to make room for an empty database. */
function orphanedData(directory: string, dataDirectory: string): RoomctlError {
  return new RoomctlError("E_EMBEDDED", `${dataDirectory} holds a database, but its ${statePath(directory)} is gone`, {
    hint: "put server.json back, or move the data away to begin with an empty database",
  });
}

/** Root's folders are closed to the server's user (0700 homes, mktemp): its data then lives under a path open to it. */
function sharedFolder(directory: string): string {
  const folder = join(sharedDirectory, createHash("sha256").update(directory).digest("hex").slice(0, 16));
  makeFolder(folder, 0o755);
  chmodSync(sharedDirectory, 0o755);
  return folder;
}

function statePath(directory: string): string {
  return join(directory, "server.json");
}

/** What the folder knows, or undefined when no server was made in it yet. Throws E_EMBEDDED when that cannot be read. */
export function readCluster(directory: string): Cluster | undefined {
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

function writeCluster(directory: string, cluster: Cluster): void {
  const path = statePath(directory);
  writeFileSync(`${path}.partial`, JSON.stringify(cluster), { mode: 0o600 });
  renameSync(`${path}.partial`, path);
  const pgpass = `127.0.0.1:${cluster.port}:*:${superuser}:${cluster.password}\n`;
  writeFileSync(join(directory, "pgpass"), pgpass, { mode: 0o600 });
}

/**
 * Whether the server is up: its pid file says ready, that process lives, and its port is taken. The last is what tells
 * our server from a stranger that got its number after a crash, as happens after every restart of a container.
 */
export async function isRunning(cluster: Cluster): Promise<boolean> {
  const pidFile = join(cluster.dataDirectory, "postmaster.pid");
  if (!existsSync(pidFile)) return false;
  // The file's lines are PostgreSQL's own: process id first, port fourth, state eighth.
  const lines = readFileSync(pidFile, "utf8").split("\n");
  if (Number(lines[3]) !== cluster.port || lines[7]?.trim() !== "ready" || !isAlive(Number(lines[0]))) return false;
  return !(await canListen(cluster.port));
}

/** The cluster with a port that is free: the one of last time if it can be had, so that other clients find it again. */
export async function choosePort(directory: string, cluster: Cluster): Promise<Cluster> {
  const port = cluster.port > 0 && (await canListen(cluster.port)) ? cluster.port : await freePort();
  if (port === cluster.port) return cluster;
  const chosen = { ...cluster, port };
  writeCluster(directory, chosen);
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
