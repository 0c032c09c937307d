import { existsSync, mkdirSync, readdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import type * as files from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { listBackups } from "../../src/backup/list.js";
import { writePin } from "../../src/backup/marks.js";
import { planPrune, prune } from "../../src/backup/prune.js";
import { openRepository } from "../../src/backup/repository.js";
import { verifyAndMark } from "../../src/backup/verify-all.js";
import { backupPrune } from "../../src/commands/backup-prune.js";
import { systemClock } from "../../src/core/clock.js";
import { createBackupFolder } from "../support/backup.js";
import { noRules } from "../support/retention.js";
import { storeBackup } from "../support/stored-backup.js";

/** Called before the file system does as it is told; may throw in its place. */
const faults = vi.hoisted(() => ({
  rename: (_from: string, _to: string): void => {},
  rm: (_path: string): void => {},
}));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof files>();
  return {
    ...real,
    async rename(from: string, to: string) {
      faults.rename(from, to);
      return real.rename(from, to);
    },
    async rm(path: string, options: { recursive?: boolean; force?: boolean }) {
      faults.rm(path);
      return real.rm(path, options);
    },
  };
});

beforeEach(() => {
  faults.rename = () => {};
  faults.rm = () => {};
});

const rules = { policy: { ...noRules, last: 1 }, timeZone: "UTC", clock: systemClock };
const options = { ...rules, waitMs: 0 };

/** Verified ones, the newest first. */
function store(repository: string, count: number): readonly string[] {
  const days = Array.from({ length: count }, (_, age) => String(20 - age));
  return days.map((day) => storeBackup(repository, { at: `2025-11-${day}T03:00:00Z`, isVerified: true }));
}

function refuse(code: string, syscall: string): never {
  throw Object.assign(new Error(`${code}: not permitted, ${syscall}`), { code, syscall, errno: -1 });
}

test("one backup that cannot be removed keeps no other from going, and is listed", async () => {
  using folder = createBackupFolder();
  const [newest = "", other = "", held = "", oldest = ""] = store(folder.directory, 4);
  faults.rename = (from) => {
    if (from.endsWith(held)) refuse("EPERM", "rename");
  };
  const result = await prune(folder.directory, options);
  expect(result).toMatchObject({ deleted: 2, failed: 1 });
  expect(result.backups.map(({ id, outcome }) => [id, outcome])).toEqual([
    [newest, "kept"],
    [other, "deleted"],
    [held, "failed"],
    [oldest, "deleted"],
  ]);
  expect(result.backups[2]?.error).toContain("EPERM");
  expect(folder.entries()).toEqual([held, newest]);
  expect(backupPrune.exitCode?.({ ...result, verdicts: [] })).toBe(5);
});

test("files that cannot be deleted are no backup any more, and go with the next run", async () => {
  using folder = createBackupFolder();
  const [newest = "", old = ""] = store(folder.directory, 2);
  faults.rm = (path) => {
    if (path.endsWith(".removed")) refuse("EACCES", "rm");
  };
  const result = await prune(folder.directory, options);
  expect(result).toMatchObject({ deleted: 0, failed: 1 });
  expect(result.backups[1]?.error).toContain(`${old} is no backup any more, but files of it are left`);
  expect((await listBackups(folder.directory)).backups.map(({ id }) => id)).toEqual([newest]);
  expect(await prune(folder.directory, options)).toMatchObject({ swept: [], failed: 0 });
  faults.rm = () => {};
  expect(await prune(folder.directory, options)).toMatchObject({ swept: [`${old}.removed`], failed: 0 });
  expect(folder.entries()).toEqual([newest]);
});

test("a pin that comes while prune is at work wins", async () => {
  using folder = createBackupFolder();
  const [newest = "", pinned = "", old = ""] = store(folder.directory, 3);
  faults.rename = (from) => {
    if (from.endsWith(pinned)) writeFileSync(join(from, "pinned.json"), "{}");
  };
  const result = await prune(folder.directory, options);
  expect(result.backups.map(({ id, isKept, reasons, outcome }) => [id, isKept, reasons.at(-1), outcome])).toEqual([
    [newest, true, "last 1 of 1", "kept"],
    [pinned, true, "pinned meanwhile", "kept"],
    [old, false, "no rule holds it", "deleted"],
  ]);
  expect(folder.entries()).toEqual([pinned, newest]);
});

test("a backup that is gone cannot be pinned", async () => {
  using folder = createBackupFolder();
  const [, old = ""] = store(folder.directory, 2);
  const stored = openRepository(folder.directory).read(old);
  await prune(folder.directory, options);
  await expect(writePin(stored, { pinnedAt: "2026-11-20T03:00:00Z", note: null })).rejects.toMatchObject({
    code: "E_FILE",
  });
  expect(folder.entries()).toHaveLength(1);
});

test("what killed runs leave behind is swept: a removal is finished, one of a pinned backup is undone", async () => {
  using folder = createBackupFolder();
  const [newest = "", old = "", pinned = ""] = store(folder.directory, 3);
  writeFileSync(join(folder.directory, pinned, "pinned.json"), "cut o");
  for (const id of [old, pinned]) renameSync(join(folder.directory, id), join(folder.directory, `${id}.removed`));
  const [mark, freshMark] = [`${newest}.0123456789ab.mark`, `${newest}.ba9876543210.mark`];
  for (const name of [mark, freshMark, "notes.mark", "old.removed"]) writeFileSync(join(folder.directory, name), "");
  utimesSync(join(folder.directory, mark), 0, 0);
  const { swept } = await prune(folder.directory, options);
  expect([...swept].sort()).toEqual([`${pinned}.removed`, `${old}.removed`, mark].sort());
  expect(folder.entries()).toEqual([pinned, newest, freshMark, "notes.mark", "old.removed"]);
});

test("an unfinished mark is no part of a backup, so that none is damaged by it", async () => {
  using folder = createBackupFolder();
  const [id = ""] = store(folder.directory, 1);
  let during: readonly string[] = [];
  faults.rename = (from) => {
    if (!from.endsWith(".mark")) return;
    during = readdirSync(join(folder.directory, id));
    refuse("EROFS", "rename");
  };
  const said: string[] = [];
  const onUnmarked = (error: Error) => said.push(error.message);
  const verdict = await verifyAndMark(folder.directory, id, { clock: systemClock, onUnmarked });
  expect(verdict.ok).toBe(true);
  expect(said).toEqual([expect.stringContaining("EROFS")]);
  expect(during).toEqual(["data", "manifest.json", "verified.json"]);
  expect(folder.entries()).toEqual([id]);
});

test("a backup of a newer roomctl is neither damaged nor deleted, whatever a verification says", async () => {
  using folder = createBackupFolder();
  const [, , newer = ""] = store(folder.directory, 3);
  writeFileSync(join(folder.directory, newer, "manifest.json"), '{"formatVersion": 99}');
  const verdict = await verifyAndMark(folder.directory, newer, { clock: systemClock });
  expect(verdict.ok).toBe(false);
  const listed = await listBackups(folder.directory);
  expect(listed.backups.at(-1)).toMatchObject({ id: newer, state: "newer", verification: null });
  const policy = { ...noRules, last: 1, damaged: { ms: 0, text: "0d" } };
  expect(await prune(folder.directory, { ...options, policy })).toMatchObject({ deleted: 1, failed: 0 });
  expect(folder.entries()).toContain(newer);
});

test("a backup that loses a file after its verification does not count as a good one", async () => {
  using folder = createBackupFolder();
  const [newest = "", second = ""] = store(folder.directory, 3);
  renameSync(join(folder.directory, newest, "data", "0001.0001.copy"), join(folder.directory, "elsewhere"));
  const { backups } = await planPrune(folder.directory, rules);
  expect(backups.map(({ state, isKept }) => [state, isKept])).toEqual([
    ["damaged", true],
    ["verified", true],
    ["verified", false],
  ]);
  expect(backups[1]?.id).toBe(second);
});

test("an unreadable backup is judged by the time in its id, and goes when its damage is old", async () => {
  using folder = createBackupFolder();
  const [newest = ""] = store(folder.directory, 1);
  const [lost, unread] = ["2025-09-01T030000Z-aaaaaa", "2025-09-02T030000Z-aaaaaa"];
  for (const id of [lost, unread]) mkdirSync(join(folder.directory, id));
  const clock = { ...systemClock, now: () => new Date("2025-09-05T00:00:00Z") };
  expect((await verifyAndMark(folder.directory, lost, { clock })).ok).toBe(false);
  const result = await prune(folder.directory, options);
  expect(result.backups.map(({ id, outcome }) => [id, outcome])).toEqual([
    [newest, "kept"],
    [unread, "kept"],
    [lost, "deleted"],
  ]);
  expect(existsSync(join(folder.directory, lost))).toBe(false);
});
