import { hostname } from "node:os";
import { isAlive } from "./directory-lock.js";

/** Which process something on disk belongs to. */
export interface ProcessOwner {
  readonly host: string;
  readonly pid: number;
  /** Epoch milliseconds of the process's start: tells a process from an earlier one with the same number. */
  readonly startedAtMs: number;
}

export function currentOwner(): ProcessOwner {
  return { host: hostname(), pid: process.pid, startedAtMs: Math.round(performance.timeOrigin) };
}

/** True when that process has certainly ended; undefined when it ran on another host, where we cannot look. */
export function hasEnded(owner: ProcessOwner): boolean | undefined {
  const self = currentOwner();
  if (owner.host !== self.host) return undefined;
  // In a container the next run often has the number of the one before.
  if (owner.pid === self.pid) return owner.startedAtMs !== self.startedAtMs;
  return !isAlive(owner.pid);
}
