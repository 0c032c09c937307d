import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test, vi } from "vitest";
import { withRepositoryLock } from "../../src/backup/repository-lock.js";
import { packageRoot } from "../../src/core/package-root.js";
import { currentOwner, hasEnded, type ProcessOwner } from "../../src/db/process-owner.js";

const run = promisify(execFile);
const root = mkdtempSync(join(tmpdir(), "roomctl-repository-lock-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;

function newFolder(): string {
  folders += 1;
  const folder = join(root, String(folders));
  mkdirSync(folder);
  return folder;
}

const module = JSON.stringify(pathToFileURL(join(packageRoot, "dist/backup/repository-lock.js")).href);

/** A process that holds the lock of `folder` until it is killed. */
async function startHolder(folder: string): Promise<ChildProcess> {
  const script = `
    import { withRepositoryLock } from ${module};
    await withRepositoryLock(${JSON.stringify(folder)}, { waitMs: 0 }, () => new Promise((resolve) => setTimeout(resolve, 3_600_000)));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
  while (!existsSync(join(folder, "lock"))) await sleep(5);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await ended;
}

/** Leaves a lock of that owner, last touched `silentMs` ago. */
function leaveLock(folder: string, owner: Partial<ProcessOwner>, silentMs = 0): void {
  const path = join(folder, "lock");
  writeFileSync(path, JSON.stringify({ ...currentOwner(), ...owner, takenAt: "2026-11-20T02:00:00.000Z" }));
  const touched = new Date(Date.now() - silentMs);
  utimesSync(path, touched, touched);
}

const taken = async () => "taken";
const take = (folder: string, waitMs = 0) => withRepositoryLock(folder, { waitMs }, taken);
const minutes = 60_000;

test("a held lock is refused with its holder's name, waited for when told, and gone afterwards", async () => {
  const folder = newFolder();
  const told: string[] = [];
  await withRepositoryLock(folder, { waitMs: 0 }, async () => {
    await expect(take(folder)).rejects.toMatchObject({
      code: "E_LOCKED",
      exitCode: 11,
      message: expect.stringContaining(`process ${process.pid} on ${hostname()} since 20`),
    });
    const waiting = withRepositoryLock(folder, { waitMs: 600_000, onWait: (holder) => told.push(holder) }, taken);
    await expect.poll(() => told).toHaveLength(1);
    void waiting.then((result) => told.push(result));
  });
  await expect.poll(() => told[1]).toBe("taken");
  expect(readdirSync(folder)).toEqual([]);
});

test("waiting ends at once when it is interrupted", async () => {
  const folder = newFolder();
  await withRepositoryLock(folder, { waitMs: 0 }, async () => {
    const signal = AbortSignal.timeout(50);
    await expect(withRepositoryLock(folder, { waitMs: 3_600_000, signal }, taken)).rejects.toMatchObject({
      name: expect.stringMatching(/Abort|Timeout/),
    });
  });
});

test("work that fails lets go of the lock, and its own error comes through", async () => {
  const folder = newFolder();
  const failing = () => Promise.reject(Object.assign(new Error("mine"), { syscall: "open", errno: -13 }));
  await expect(withRepositoryLock(folder, { waitMs: 0 }, failing)).rejects.toThrow("mine");
  expect(readdirSync(folder)).toEqual([]);
});

test("the lock of a process that was killed is taken over at once", async () => {
  const folder = newFolder();
  const holder = await startHolder(folder);
  await expect(take(folder)).rejects.toMatchObject({ code: "E_LOCKED" });
  await kill(holder);
  expect(await take(folder)).toBe("taken");
  expect(readdirSync(folder)).toEqual([]);
});

test("of six that find a killed one's lock, one at a time gets in", async () => {
  const folder = newFolder();
  await kill(await startHolder(folder));
  const notes = join(root, "notes");
  const script = `
    import { appendFileSync } from "node:fs";
    import { withRepositoryLock } from ${module};
    await withRepositoryLock(${JSON.stringify(folder)}, { waitMs: 600_000 }, async () => {
      appendFileSync(${JSON.stringify(notes)}, "in\\n");
      await new Promise((resolve) => setTimeout(resolve, 20));
      appendFileSync(${JSON.stringify(notes)}, "out\\n");
    });`;
  await Promise.all(Array.from({ length: 6 }, () => run(process.execPath, ["--input-type=module", "-e", script])));
  expect(readFileSync(notes, "utf8")).toBe("in\nout\n".repeat(6));
  expect(readdirSync(folder)).toEqual([]);
});

test.each<[string, Partial<ProcessOwner>, number]>([
  ["a dead process here", { pid: 999_999_999 }, 0],
  ["an earlier process with a number that somebody else has now", { pid: process.ppid, startTicks: "1" }, 0],
  ["an earlier process with our own number", { startedAtMs: 1 }, 0],
  ["a process before the last boot, when it has been silent for a minute", { bootId: "another", pid: 1 }, minutes],
  ["a process in another container, when it has been silent for a minute", { pidNamespace: "pid:[1]" }, minutes],
  ["a process on another host, when it has been silent for half an hour", { host: "elsewhere" }, 31 * minutes],
  ["a process that would live in the future, as the clock was set back", { host: "elsewhere" }, -31 * minutes],
  [
    "a process whose start cannot be told, when it has been silent for half an hour",
    { pid: process.ppid, startTicks: undefined },
    31 * minutes,
  ],
])("taken over is the lock of %s", async (_what, owner, silentMs) => {
  const folder = newFolder();
  leaveLock(folder, owner, silentMs);
  expect(await take(folder)).toBe("taken");
  expect(readdirSync(folder)).toEqual([]);
});

test.each<[string, Partial<ProcessOwner>, number]>([
  ["ourselves, however long we stood still", {}, 60 * minutes],
  [
    "a process on another host, silent for less than half an hour",
    { host: "elsewhere", pid: 999_999_999 },
    29 * minutes,
  ],
  ["a process on a host of the same name that has just been heard", { bootId: "another", pid: 999_999_999 }, 0],
  ["a process in another container that has just been heard", { pidNamespace: "pid:[1]", pid: 999_999_999 }, 0],
])("respected is the lock of %s", async (_what, owner, silentMs) => {
  const folder = newFolder();
  leaveLock(folder, owner, silentMs);
  await expect(take(folder)).rejects.toMatchObject({ code: "E_LOCKED" });
  expect(readdirSync(folder)).toEqual(["lock"]);
});

test("a process that its parent has not buried yet counts as ended", async () => {
  // A shell that becomes `sleep` never asks how its child ended.
  const parent = spawn("/bin/sh", ["-c", "sleep 3600 & echo $!; exec sleep 3600"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = Number(await new Promise((resolve) => parent.stdout.once("data", resolve)));
  const { host } = currentOwner();
  expect(hasEnded({ host, pid, startedAtMs: 0 })).toBe(false);
  process.kill(pid, "SIGKILL");
  await expect.poll(() => hasEnded({ host, pid, startedAtMs: 0 })).toBe(true);
  await kill(parent);
});

test("a lock file that is nobody's is waited out for half an hour of silence", async () => {
  const folder = newFolder();
  const path = join(folder, "lock");
  writeFileSync(path, "");
  await expect(take(folder)).rejects.toThrow(/does not say its process/);
  const longAgo = new Date(Date.now() - 31 * minutes);
  utimesSync(path, longAgo, longAgo);
  expect(await take(folder)).toBe("taken");
});

test("a lock is touched as long as its process lives, and only while it is its own", async () => {
  const folder = newFolder();
  const path = join(folder, "lock");
  const longAgo = new Date(Date.now() - 60 * minutes);
  const ageMs = () => Date.now() - statSync(path).mtimeMs;
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  await withRepositoryLock(folder, { waitMs: 0 }, async () => {
    utimesSync(path, longAgo, longAgo);
    vi.advanceTimersByTime(minutes);
    expect(ageMs()).toBeLessThan(minutes);
    rmSync(path);
    leaveLock(folder, { host: "elsewhere" }, 60 * minutes);
    vi.advanceTimersByTime(minutes);
    expect(ageMs()).toBeGreaterThan(59 * minutes);
  });
  vi.useRealTimers();
});

test("one whose lock was taken over learns it, and does not remove the other's", async () => {
  const folder = newFolder();
  await withRepositoryLock(folder, { waitMs: 0 }, async (lock) => {
    lock.assertHeld();
    rmSync(join(folder, "lock"));
    leaveLock(folder, { host: "elsewhere" });
    expect(() => lock.assertHeld()).toThrow(/was taken over/);
  });
  expect(readdirSync(folder)).toEqual(["lock"]);
});

test("what runs that were killed left beside the lock goes after an hour", async () => {
  const folder = newFolder();
  const old = join(folder, "lock.0123456789ab");
  for (const name of [old, join(folder, "lock.ba9876543210"), join(folder, "lock.txt")]) writeFileSync(name, "");
  const longAgo = new Date(Date.now() - 61 * minutes);
  utimesSync(old, longAgo, longAgo);
  await take(folder);
  expect(readdirSync(folder)).toEqual(["lock.ba9876543210", "lock.txt"]);
});

test("a folder that cannot be made or written is E_FILE with the way out", async () => {
  const refused = await take("/proc/roomctl-backups").catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "E_FILE", hint: expect.stringContaining("--repo DIR") });
});
