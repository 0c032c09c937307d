import { randomBytes } from "node:crypto";
import {
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, systemClock } from "../core/clock.js";
import { sha256 } from "../core/digest.js";
import { RoomctlError } from "../core/errors.js";
import { describeHolder, isAbandoned, newContent, readContent } from "./lock-file.js";
import { codeOf } from "./sqlstate.js";

export interface FileLockOptions {
  /** How long to wait for the one that holds it; 0 to fail at once. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Called once, when the lock is found taken. */
  readonly onWait?: (holder: string) => void;
}

export interface HeldFileLock {
  /** Throws E_LOCKED when another run took the lock over, because this process stood still for too long. */
  assertHeld(): void;
}

/**
 * Runs `work` while the lock file at `path` is ours. It says which process holds it, and is touched as long as that one
 * lives. Taken over is only the lock of a process that has certainly ended, or that nobody here can ask about and that
 * has been silent for long. Throws E_LOCKED, naming the holder, after `waitMs`.
 */
export async function withFileLock<T>(
  path: string,
  options: FileLockOptions,
  work: (lock: HeldFileLock) => Promise<T>,
): Promise<T> {
  const content = await takeFileLock(path, options);
  const isOurs = () => readContent(path) === content;
  const stop = keepTouching(path, content);
  try {
    return await work({
      assertHeld() {
        if (!isOurs()) throw lostError(path);
      },
    });
  } finally {
    stop();
    release(path, content);
  }
}

function release(path: string, content: string): void {
  try {
    removeLock(path, content);
  } catch {
    // A full disk takes no further lock, but lets go of this one; the work's own result is what counts.
    if (readContent(path) === content) rmSync(path, { force: true });
  }
}

const patienceMs = 90_000;

/** Runs `work` while the lock file at `path` is ours, waiting up to 90 s. Throws E_LOCKED. */
export async function withDirectoryLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  return withFileLock(path, { waitMs: patienceMs, signal }, work);
}

async function takeFileLock(path: string, options: FileLockOptions): Promise<string> {
  const clock = options.clock ?? systemClock;
  const deadlineMs = clock.monotonicMs() + options.waitMs;
  const content = newContent();
  for (let told = false; ; told = true) {
    options.signal?.throwIfAborted();
    // Twice: the first try may have found a dead one's lock and removed it.
    if (tryLock(path, content) || tryLock(path, content)) {
      removeStrays(path);
      return content;
    }
    const holder = describeHolder(path);
    if (clock.monotonicMs() >= deadlineMs) throw lockedError(path, holder);
    if (!told) options.onWait?.(holder);
    await sleep(100, undefined, { signal: options.signal });
  }
}

/** Its owner stands in the file when it appears under its name: killed at any moment, nobody finds it empty. */
function tryLock(path: string, content: string): boolean {
  const own = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(own, content, { mode: 0o644, flag: "wx" });
    linkSync(own, path);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code !== "EEXIST") {
      if (!noLinks.has(code)) throw error;
      if (writeInPlace(path, content)) return true;
    }
    dropAbandoned(path, statSync(own).mtimeMs);
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/** What file systems without hard links say. */
const noLinks = new Set<string | undefined>(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

function writeInPlace(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { mode: 0o644, flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/**
 * Removes the lock of one that is gone. `nowMs` is the time of a file written just now: the file system's clock, which
 * need not be ours.
 */
function dropAbandoned(path: string, nowMs: number): void {
  const content = readContent(path);
  if (content !== undefined && isAbandoned(path, content, nowMs)) {
    removeLock(path, content, () => isAbandoned(path, content, nowMs));
  }
}

/**
 * Whoever removes a lock holds a lock of its own for it, which bears the content's digest: another one that found the
 * same dead lock, and is slower, cannot remove the living one that has come in its place.
 */
function removeLock(path: string, content: string, isStill: () => boolean = () => true): void {
  const guard = `${path}.${sha256(content).slice(0, 12)}`;
  if (!tryLock(guard, newContent())) return;
  try {
    if (readContent(path) === content && isStill()) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

const touchEveryMs = 15_000;

/** Shows that we live. Returns what ends it. */
function keepTouching(path: string, content: string): () => void {
  const timer = setInterval(() => touch(path, content), touchEveryMs).unref();
  return () => clearInterval(timer);
}

/** Writes the same bytes again, so that the file system's own clock dates them. */
function touch(path: string, content: string): void {
  try {
    const file = openSync(path, "r+");
    try {
      // What we opened is ours, whatever comes to stand under the name now.
      if (readFileSync(file, "utf8") === content) writeSync(file, content, 0);
    } finally {
      closeSync(file);
    }
  } catch {
    // Gone, or a disk in trouble: the work itself finds out, and asks `assertHeld` where it matters.
  }
}

/** Anything of ours beside the lock is gone within a moment, unless its process was killed in it. */
const strayMs = 3_600_000;

function removeStrays(path: string): void {
  const folder = dirname(path);
  const nowMs = statSync(path).mtimeMs;
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${basename(path)}.`) || !/\.[0-9a-f]{12}$/.test(name)) continue;
    const stray = join(folder, name);
    const { mtimeMs = nowMs } = statSync(stray, { throwIfNoEntry: false }) ?? {};
    if (nowMs - mtimeMs > strayMs) rmSync(stray, { force: true });
  }
}

function lockedError(path: string, holder: string): RoomctlError {
  return new RoomctlError("E_LOCKED", `${path} is held by ${holder}`, { hint: "wait for the other run to end" });
}

function lostError(path: string): RoomctlError {
  return new RoomctlError("E_LOCKED", `${path} was taken over, because this process stood still for too long`, {
    hint: "run the command again",
  });
}
