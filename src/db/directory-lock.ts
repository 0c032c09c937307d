import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { RoomctlError } from "../core/errors.js";
import { codeOf } from "./sqlstate.js";

const patienceMs = 90_000;

/** Runs `work` while the lock file at `path` is ours. A lock whose process is dead is taken over. Throws E_LOCKED. */
export async function withDirectoryLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + patienceMs;
  while (!tryLock(path)) {
    if (performance.now() > deadlineMs) {
      throw new RoomctlError("E_LOCKED", `${path} is held by process ${readOwner(path)}`, {
        hint: "wait for the other run to end",
      });
    }
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryLock(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    const owner = readOwner(path);
    if (owner !== undefined && !isAlive(owner)) rmSync(path, { force: true });
    return false;
  }
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
