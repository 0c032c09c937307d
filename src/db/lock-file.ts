import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { currentOwner, hasEnded, isCertainlyRunning, type ProcessOwner, placeOf } from "./process-owner.js";
import { codeOf } from "./sqlstate.js";

interface WrittenOwner extends ProcessOwner {
  readonly takenAt?: string;
}

/** What a lock file says: this process, and a word of its own, so that no two locks are alike. */
export function newContent(): string {
  return JSON.stringify({
    ...currentOwner(),
    takenAt: new Date().toISOString(),
    token: randomBytes(6).toString("hex"),
  });
}

/** Undefined when its owner has just let go of it; nothing when it is not for us to read, and only its age can tell. */
export function readContent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return codeOf(error) === "ENOENT" ? undefined : "";
  }
}

/**
 * Silence that means the end of a process we cannot ask about. One of this host's name, before its last boot or in another
 * container, would have been heard; but names repeat, so it is given time for three signs of life.
 */
const silenceMs = { here: 30 * 60_000, thisHost: 50_000, otherHost: 30 * 60_000 };

/** True when nobody who lives holds that lock. `nowMs` is the file system's present. */
export function isAbandoned(path: string, content: string, nowMs: number): boolean {
  const owner = parseOwner(content);
  const place = owner ? placeOf(owner) : "otherHost";
  if (owner && place === "here") {
    if (hasEnded(owner)) return true;
    if (isCertainlyRunning(owner)) return false;
  }
  const writtenMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
  // A time far ahead is a clock that was set back since: who lives would have touched it again.
  return Math.abs(nowMs - writtenMs) > silenceMs[place];
}

/** Undefined for what we did not write: its age decides. */
function parseOwner(content: string): WrittenOwner | undefined {
  try {
    const value: unknown = JSON.parse(content);
    // Earlier versions wrote the number alone.
    if (typeof value === "number") return { host: currentOwner().host, pid: value, startedAtMs: 0 };
    const isOwner = typeof value === "object" && value !== null && "host" in value && "pid" in value;
    return isOwner ? (value as WrittenOwner) : undefined;
  } catch {
    // No JSON: half written, or somebody else's.
    return undefined;
  }
}

/** For people: `process 12 on web1 since 2026-…`. */
export function describeHolder(path: string): string {
  const content = readContent(path);
  if (content === undefined) return "another run";
  const owner = parseOwner(content);
  if (!owner) return "a run that does not say its process";
  return `process ${owner.pid} on ${owner.host}${owner.takenAt === undefined ? "" : ` since ${owner.takenAt}`}`;
}
