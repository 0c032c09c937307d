import { createHash, randomBytes } from "node:crypto";
import { chmodSync, readdirSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, RoomctlError } from "../core/errors.js";
import { makeFolder } from "../core/make-folder.js";
import { findEmbeddedBinaries, isReachable, serverUser, sharedDirectory } from "./binaries.js";
import { readCluster } from "./cluster.js";
import { withDirectoryLock } from "./directory-lock.js";
import { destroyEmbedded, readEmbedded } from "./embedded.js";
import { quoteIdentifier } from "./identifier.js";
import type { Connection } from "./pool.js";
import { currentOwner, hasEnded } from "./process-owner.js";
import { runProgram } from "./program.js";
import { codeOf } from "./sqlstate.js";

/**
 * Where the scratch servers of a state folder live: below it, or, for root with a folder that is closed to the server's
 * user, below a shared one. So all that a killed run leaves, however early, is found in one place.
 */
export function scratchRoot(stateDirectory: string): string {
  const root = join(stateDirectory, "scratch");
  const user = serverUser();
  if (user === undefined || isReachable(root, user)) return root;
  makeFolder(sharedDirectory, 0o755);
  chmodSync(sharedDirectory, 0o755);
  return join(sharedDirectory, `scratch-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`);
}

/** A new name for the folder of a scratch server, which tells whose it is: process, its start, its host. */
export function scratchFolderName(): string {
  const { pid, startedAtMs, host } = currentOwner();
  return `${pid}-${startedAtMs}-${hostMark(host)}-${randomBytes(3).toString("hex")}`;
}

/** Makes the folder of a scratch server. Another run that ends may remove the one above it just now, as it is empty. */
export function makeScratchFolder(folder: string): void {
  for (let tried = 1; ; tried += 1) {
    try {
      makeFolder(folder, 0o755);
      return;
    } catch (error) {
      if (codeOf(error) !== "ENOENT" || tried === 5) throw unusable(folder, error);
    }
  }
}

function unusable(folder: string, cause: unknown): RoomctlError {
  return new RoomctlError("E_FILE", `cannot make the folder ${folder}: ${messageOf(cause)}`, {
    hint: "choose another one with ROOMCTL_STATE_DIR",
    cause,
  });
}

/** Removes folders that are empty; one that is not, or is gone, stays as it is. */
export function removeEmptyFolders(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(codeOf(error) ?? "")) throw error;
    }
  }
}

/** No run takes longer: of a process on another host, nothing else can be known. */
const longestRunMs = 24 * 3_600_000;

/** Stops and removes the servers of runs that were killed. Several runs may do so at once. */
export async function removeAbandonedServers(root: string, signal: AbortSignal | undefined): Promise<void> {
  if (abandonedFolders(root).length === 0) return;
  await withDirectoryLock(join(root, "cleaning"), signal, async () => {
    for (const directory of abandonedFolders(root)) await removeServer(directory);
  });
}

function abandonedFolders(root: string): readonly string[] {
  return listFolder(root)
    .filter((name) => isAbandoned(root, name))
    .map((name) => join(root, name));
}

function isAbandoned(root: string, name: string): boolean {
  const [, pid, startedAtMs, mark] = /^(\d+)-(\d+)-([0-9a-f]{8})-[0-9a-f]{6}$/.exec(name) ?? [];
  if (mark === undefined) return false;
  const { host } = currentOwner();
  if (mark === hostMark(host)) return hasEnded({ host, pid: Number(pid), startedAtMs: Number(startedAtMs) }) === true;
  return Date.now() - (statSync(join(root, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > longestRunMs;
}

function hostMark(host: string): string {
  return createHash("sha256").update(host).digest("hex").slice(0, 8);
}

/** Stops the server of a scratch folder, in whatever state it is, and removes its data. */
export async function removeServer(directory: string): Promise<void> {
  const cluster = readCluster(directory);
  // Killed while its server was starting, a run leaves one that does not answer yet, and would not be found running.
  if (cluster && !(await readEmbedded(directory))) await stopAtOnce(cluster.dataDirectory);
  await destroyInsistently(directory);
}

const removalTries = 50;

/** The initdb of a run that was killed goes on, and puts files where others are being removed, until it misses one. */
async function destroyInsistently(directory: string): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await destroyEmbedded({ directory });
    } catch (error) {
      if (codeOf(error) !== "ENOTEMPTY" || tried === removalTries) throw error;
      await sleep(200);
    }
  }
}

async function stopAtOnce(dataDirectory: string): Promise<void> {
  const user = serverUser();
  const { pgCtl } = await findEmbeddedBinaries(user);
  try {
    await runProgram(pgCtl, ["stop", "-D", dataDirectory, "-m", "immediate", "-w", "-t", "20"], user);
  } catch {
    // It was not running after all, which pg_ctl tells by failing; its folder can go.
  }
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Not there yet.
    return [];
  }
}

/** First half of the keys of our claims, so that they are nobody else's: "room" in ASCII. */
const claimClass = 0x726f6f6d;

/** Claims the name of a database that this session is about to make: while the session lives, no other run drops it. */
export async function claimDatabase(session: Connection, name: string): Promise<void> {
  await session.query("SELECT pg_advisory_lock($1, hashtext($2))", [claimClass, name]);
}

/** Drops a scratch database. What it could not, and why, is told rather than thrown: it must not hide what was found there. */
export async function dropScratchDatabase(session: Connection, name: string, warn: Warn): Promise<void> {
  try {
    await session.execute(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
  } catch (error) {
    warn(`the scratch database ${name} could not be dropped and stays: ${messageOf(error)}`);
  }
}

type Warn = (message: string) => void;

/** Drops the databases that killed runs left on a server of the operator's own, as far as it can. */
export async function dropAbandonedDatabases(session: Connection, warn: Warn): Promise<void> {
  // Locks of all databases are listed, so it does not matter through which one the other runs came.
  const rows = await session.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database
      WHERE datname ~ '^roomctl_scratch_[0-9a-f]{12}$' AND pg_has_role(datdba, 'MEMBER')
        AND NOT EXISTS (SELECT FROM pg_locks
                         WHERE locktype = 'advisory' AND objsubid = 2 AND classid::int8 = $1
                           AND objid::int8 = hashtext(datname)::int8 & 4294967295)`,
    [claimClass],
  );
  for (const { name } of rows) {
    // Another run may be at it just now; what it dropped already is gone from the catalog when we ask.
    const [claim] = await session.query<{ isOurs: boolean }>(
      'SELECT pg_try_advisory_lock($1, hashtext($2)) AS "isOurs"',
      [claimClass, name],
    );
    if (!claim?.isOurs) continue;
    await dropScratchDatabase(session, name, warn);
    await session.query("SELECT pg_advisory_unlock($1, hashtext($2))", [claimClass, name]);
  }
}
