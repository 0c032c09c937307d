import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { codeOf } from "./sqlstate.js";

/** Which process something on disk belongs to. What its system does not tell is left out. */
export interface ProcessOwner {
  readonly host: string;
  readonly pid: number;
  /** Epoch milliseconds of the process's start: tells a process from an earlier one with the same number. */
  readonly startedAtMs: number;
  /** Start as the kernel counts it (clock ticks since boot), which others can look up too. */
  readonly startTicks?: string;
  /** Differs after every boot of the host. */
  readonly bootId?: string;
  /** Where its number counts: containers on one host have their own numbers. */
  readonly pidNamespace?: string;
}

export function currentOwner(): ProcessOwner {
  const { startTicks } = readProcess(process.pid) ?? {};
  return {
    host: hostname(),
    pid: process.pid,
    startedAtMs: Math.round(performance.timeOrigin),
    ...(startTicks === undefined ? {} : { startTicks }),
    ...ownPlace(),
  };
}

/** True when that process has certainly ended; undefined when it ran on another host, where we cannot look. */
export function hasEnded(owner: ProcessOwner): boolean | undefined {
  const self = currentOwner();
  if (owner.host !== self.host || isOther(owner.pidNamespace, self.pidNamespace)) return undefined;
  if (isOther(owner.bootId, self.bootId)) return true;
  // In a container the next run often has the number of the one before.
  if (owner.pid === self.pid) return owner.startedAtMs !== self.startedAtMs;
  if (!isAlive(owner.pid)) return true;
  const found = readProcess(owner.pid);
  return found !== undefined && (found.isZombie || isOther(owner.startTicks, found.startTicks));
}

/** True when that process certainly runs, however long it has been silent: its number alone could be somebody else's. */
export function isCertainlyRunning(owner: ProcessOwner): boolean {
  if (hasEnded(owner) !== false) return false;
  return owner.pid === process.pid || (owner.startTicks !== undefined && readProcess(owner.pid) !== undefined);
}

/** Where an owner ran: `thisHost` is the same host by name, before its last boot or in another container. */
export function placeOf(owner: ProcessOwner): "here" | "thisHost" | "otherHost" {
  const self = currentOwner();
  if (owner.host !== self.host) return "otherHost";
  const isHere = !isOther(owner.bootId, self.bootId) && !isOther(owner.pidNamespace, self.pidNamespace);
  return isHere ? "here" : "thisHost";
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

function isOther(one: string | undefined, another: string | undefined): boolean {
  return one !== undefined && another !== undefined && one !== another;
}

function ownPlace(): Pick<ProcessOwner, "bootId" | "pidNamespace"> {
  const bootId = attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const pidNamespace = attempt(() => readlinkSync("/proc/self/ns/pid"));
  return { ...(bootId === undefined ? {} : { bootId }), ...(pidNamespace === undefined ? {} : { pidNamespace }) };
}

interface KernelProcess {
  readonly startTicks: string;
  /** Ended, and kept only until its parent asks how. */
  readonly isZombie: boolean;
}

/** See proc_pid_stat(5): the name stands in parentheses and may hold anything, so fields are counted behind the last one. */
function readProcess(pid: number): KernelProcess | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  const startTicks = fields?.[19];
  return startTicks === undefined ? undefined : { startTicks, isZombie: /^[ZXx]/.test(fields?.[0] ?? "") };
}

/** Undefined where the system has no such file, or does not show it to us. */
function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    // Not Linux, or not for us to see.
    return undefined;
  }
}
