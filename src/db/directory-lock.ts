import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { RoomctlError } from "../core/errors.js";
import { codeOf } from "./sqlstate.js";

const patienceMs = 90_000;

/** Runs `work` while the lock file at `path` is ours. A lock whose process is dead is taken over. Throws E_LOCKED. */
export async function withDirectoryLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const deadlineMs = performance.now() + patienceMs;
  while (!tryLock(path)) {
    if (performance.now() > deadlineMs) {
      throw new RoomctlError("E_LOCKED", `${path} is held by process ${readOwner(path)}`, {
        hint: "wait for the other run to end",
      });
    }
    await sleep(100, undefined, { signal });
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** The file appears under its name with its owner already in it: killed at any moment, nobody finds it empty. */
function tryLock(path: string): boolean {
  const own = uniqueName(path);
  writeFileSync(own, String(process.pid), { mode: 0o600 });
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    dropDeadLock(path);
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Moves a dead owner's lock out of the way. If another run was faster, what we moved is alive: it goes back. */
function dropDeadLock(path: string): void {
  const owner = readOwner(path);
  if (owner === undefined || isAlive(owner)) return;
  const moved = uniqueName(path);
  try {
    renameSync(path, moved);
    if (readOwner(moved) !== owner) linkSync(moved, path);
  } catch (error) {
    // Somebody else removed it, or already holds it again.
    if (codeOf(error) !== "ENOENT" && codeOf(error) !== "EEXIST") throw error;
  } finally {
    rmSync(moved, { force: true });
  }
}

function uniqueName(path: string): string {
  return `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
}

function readOwner(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8")) || undefined;
  } catch {
    // Its owner has just let go of it.
    return undefined;
  }
}

/** True when a process of that number runs on this host. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}
