import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { isBackupId } from "../../src/backup/id.js";
import { listBackups } from "../../src/backup/list.js";
import { withRepositoryLock } from "../../src/backup/repository-lock.js";
import { backUp, createBackupFolder } from "../support/backup.js";
import { runRoomctl } from "../support/cli.js";
import { createScratchDatabase } from "../support/postgres.js";
import { storeBackup } from "../support/stored-backup.js";

const dayMs = 86_400_000;

function run(repository: string, ...words: string[]) {
  return runRoomctl(["backup", ...words], { environment: { ROOMCTL_REPO: repository } });
}

/** Verified whole ones, each at noon of its day, the newest first, `from` days before the last one. Returns their ids. */
function storeDays(
  repository: string,
  count: number,
  tables?: Readonly<Record<string, number>>,
  from = 0,
): readonly string[] {
  const newest = Math.floor(Date.now() / dayMs) * dayMs - dayMs / 2;
  const times = Array.from({ length: count }, (_, age) => new Date(newest - (from + age) * dayMs).toISOString());
  return times.map((at) => storeBackup(repository, { at, isVerified: true, tables }));
}

test("a dry run shows each backup with its reason, and the run after it deletes just those", async () => {
  using folder = createBackupFolder();
  const ids = storeDays(folder.directory, 10);
  const planned = await run(
    folder.directory,
    "prune",
    "--keep-daily",
    "3",
    "--time-zone",
    "Europe/Berlin",
    "--dry-run",
  );
  expect([planned.status, planned.stderr]).toEqual([0, ""]);
  const lines = planned.stdout.split("\n");
  expect(lines[1]).toMatch(
    new RegExp(`^${ids[0]}\\t.*\\tapp\\tverified\\tkeep\\tmin-keep 1 of 1; daily 1 of 3: newest`),
  );
  expect(lines[3]).toMatch(/\tkeep\tdaily 3 of 3: newest of \d{4}-\d\d-\d\d \(Europe\/Berlin\)$/);
  expect(lines[4]).toMatch(new RegExp(`^${ids[3]}\\t.*\\tdelete\\tno rule holds it$`));
  expect(planned.stdout).toMatch(/7 backups would be deleted \(.* KiB\), 3 kept\n$/);
  expect(folder.entries()).toHaveLength(10);

  const pruned = await run(folder.directory, "prune", "--keep-daily", "3", "--json");
  expect(pruned.status).toBe(0);
  expect(pruned.json()).toMatchObject({ ok: true, applied: true, deleted: 7, failed: 0, swept: [], verdicts: [] });
  expect(folder.entries()).toEqual([...ids.slice(0, 3)].sort());
  const again = await run(folder.directory, "prune", "--keep-daily", "3");
  expect(again.stdout).toMatch(/0 backups deleted \(0 B\), 3 kept\n$/);
});

test.each([
  [["prune"], "no rule says which backups to keep"],
  [["prune", "--keep-daily", "0", "--keep-chosen", "1d", "--min-keep", "3"], "no rule says which backups to keep"],
  [["prune", "--keep-within", "30"], '--keep-within has no unit: "30"'],
  [["prune", "--keep-within", "30 days"], "--keep-within is not a duration"],
  [["prune", "--keep-last", "-1"], "--keep-last is no number from 0"],
  [["prune", "--keep-last", "3.5"], "--keep-last is no number from 0"],
  [["prune", "--keep-last", "3", "--min-keep", "0"], "--min-keep is no number from 1"],
  [["prune", "--keep-last", "3", "--time-zone", "Mars/Olympus"], "--time-zone is no time zone"],
  [["prune", "--keep-last", "3", "--dry-run", "--verify"], "--verify leaves marks on backups"],
  [["verify", "latest", "--all"], "each choose something else"],
])("backup %j is wrong usage and deletes nothing", async (words, message) => {
  using folder = createBackupFolder();
  storeDays(folder.directory, 3);
  const refused = await run(folder.directory, ...words);
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).toContain(message);
  expect(folder.entries()).toHaveLength(3);
});

test("a repository without backups is nothing to prune, and is not made", async () => {
  using folder = createBackupFolder();
  const missing = join(folder.directory, "none");
  const pruned = await run(missing, "prune", "--keep-last", "1");
  expect(pruned).toMatchObject({ status: 0, stdout: `no backups in ${missing}\n` });
  expect(existsSync(missing)).toBe(false);
});

test("a pinned backup stays until it is unpinned", async () => {
  using folder = createBackupFolder();
  const [newest = "", oldest = ""] = storeDays(folder.directory, 2);
  const pinned = await run(folder.directory, "pin", oldest, "--note", "before the import");
  expect(pinned.stdout).toBe(`backup ${oldest} is pinned: before the import\n`);
  expect((await run(folder.directory, "list")).stdout).toMatch(/\tverified [^\t]*Z, pinned: before the import\t/);
  const pruned = await run(folder.directory, "prune", "--keep-last", "1", "--json");
  expect(pruned.json()).toMatchObject({ deleted: 0, backups: [{ id: newest }, { id: oldest, reasons: ["pinned"] }] });
  expect((await run(folder.directory, "verify", oldest)).status).toBe(0);
  expect((await run(folder.directory, "unpin", oldest)).stdout).toBe(`backup ${oldest} is not pinned any more\n`);
  expect((await run(folder.directory, "unpin", oldest)).stdout).toBe(`backup ${oldest} was not pinned\n`);
  expect((await run(folder.directory, "prune", "--keep-last", "1")).status).toBe(0);
  expect(folder.entries()).toEqual([newest]);
  expect(await run(folder.directory, "pin", oldest)).toMatchObject({ status: 2, stdout: "" });
});

test("verify --since-last reads what was not verified, and prune counts what it found", async () => {
  using folder = createBackupFolder();
  const [first = "", second = "", third = ""] = ["16", "17", "18"].map((day) =>
    storeBackup(folder.directory, { at: `2025-11-${day}T03:00:00Z` }),
  );
  // Nothing is known to be good yet.
  const early = await run(folder.directory, "prune", "--keep-last", "1");
  expect(early.stdout).toContain("0 backups deleted");
  expect(early.stderr).toBe(
    "3 kept backups are unverified and counted by no rule: roomctl backup verify --since-last\n",
  );

  writeFileSync(join(folder.directory, second, "data", "0002.0001.copy"), "0\tbody 0\n1\tBODY 1\n");
  const verified = await run(folder.directory, "verify", "--since-last");
  expect(verified.status).toBe(3);
  expect(verified.stdout).toContain(`backup ${third} is sound: 2 tables, 5 rows`);
  expect(verified.stdout).toContain(`backup ${second} is damaged: 1 finding\n  data/0002.0001.copy`);
  expect(verified.stdout).toMatch(/3 backups read, 1 damaged\n$/);
  const listed = await run(folder.directory, "list");
  expect(listed.stdout).toMatch(new RegExp(`${second}.*\\tdamaged: the verification of .* found damage\\t`));

  const since = readMark(folder.directory, second)["damagedSince"];
  const again = await run(folder.directory, "verify", "--since-last", "--json");
  expect(again.json()).toMatchObject({ ok: false, verdicts: [{ id: second }], verifiedBefore: [third, first] });
  expect(readMark(folder.directory, second)).toMatchObject({ ok: false, damagedSince: since });
  expect((await run(folder.directory, "verify", "--all", "--json")).json<{ verdicts: [] }>().verdicts).toHaveLength(3);

  expect((await run(folder.directory, "prune", "--keep-last", "1")).status).toBe(0);
  expect(folder.entries()).toEqual([second, third]);
});

test("backups of a real database are verified by prune, and the newest of the day stays", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE rooms (id int, topic text); INSERT INTO rooms VALUES (1, 'a'), (2, NULL)");
  for (const _turn of [1, 2, 3]) await backUp(database, folder.directory);
  await backUp(database, folder.directory, [{ schema: "public", name: "rooms" }]);
  const pruned = await run(folder.directory, "prune", "--keep-yearly", "1", "--verify", "--json");
  expect([pruned.status, pruned.stderr]).toEqual([0, ""]);
  expect(pruned.json()).toMatchObject({ deleted: 2, failed: 0 });
  const { backups } = await listBackups(folder.directory);
  // Begun in one second, they stand in no certain order.
  expect(backups.map(({ isWhole, state }) => `${isWhole} ${state}`).sort()).toEqual([
    "false verified",
    "true verified",
  ]);
});

test("a mark of another manifest vouches for nothing", async () => {
  using folder = createBackupFolder();
  const [one = "", other = ""] = ["16", "17"].map((day) =>
    storeBackup(folder.directory, { at: `2025-11-${day}T03:00Z` }),
  );
  await run(folder.directory, "verify", one);
  writeFileSync(
    join(folder.directory, other, "verified.json"),
    readFileSync(join(folder.directory, one, "verified.json")),
  );
  const states = (await listBackups(folder.directory)).backups.map(({ id, state }) => [id, state]);
  expect(states).toEqual([
    [other, "complete"],
    [one, "verified"],
  ]);
  const verified = await run(folder.directory, "verify", "--since-last", "--json");
  expect(verified.json()).toMatchObject({ ok: true, verdicts: [{ id: other }], verifiedBefore: [one] });
});

test("a verdict that cannot be kept is warned about, and stays the verdict", async () => {
  using folder = createBackupFolder();
  const id = storeBackup(folder.directory, { at: "2025-11-16T03:00Z" });
  mkdirSync(join(folder.directory, id, "verified.json"));
  const verified = await run(folder.directory, "verify");
  expect(verified.status).toBe(0);
  expect(verified.stderr).toContain("the verdict could not be kept");
  expect(folder.entries()).toEqual([id]);
});

test("prune --verify reads what is new first, and says when it is damaged", async () => {
  using folder = createBackupFolder();
  const [one = "", two = "", three = ""] = ["16", "17", "18"].map((day) =>
    storeBackup(folder.directory, { at: `2025-11-${day}T03:00:00Z` }),
  );
  writeFileSync(join(folder.directory, three, "data", "0001.0001.copy"), "");
  const pruned = await run(folder.directory, "prune", "--keep-last", "1", "--verify", "--json");
  expect(pruned.status).toBe(3);
  expect(pruned.json()).toMatchObject({ deleted: 1, failed: 0, verdicts: [{ id: three, ok: false }, {}, {}] });
  expect(folder.entries()).toEqual([two, three]);
  expect(folder.entries()).not.toContain(one);
});

test("prune waits for the lock of the repository, a dry run does not", async () => {
  using folder = createBackupFolder();
  storeDays(folder.directory, 3);
  await withRepositoryLock(folder.directory, { waitMs: 0 }, async () => {
    const refused = await run(folder.directory, "prune", "--keep-last", "1", "--lock-wait", "100ms");
    expect(refused).toMatchObject({ status: 11, stdout: "" });
    expect((await run(folder.directory, "prune", "--keep-last", "1", "--dry-run")).status).toBe(0);
  });
  expect((await run(folder.directory, "prune", "--keep-last", "1", "--lock-wait", "0ms")).status).toBe(0);
  expect(folder.entries().filter(isBackupId)).toHaveLength(1);
});

test("prune killed at any moment leaves each backup whole or gone, and the next run finishes", async () => {
  using folder = createBackupFolder();
  const tables = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`table${index}`, 1]));
  const ids = storeDays(folder.directory, 30, tables);
  const kept = ids.slice(0, 4);
  const words = ["backup", "prune", "--keep-daily", "4"];
  const environment = { ROOMCTL_REPO: folder.directory };
  let cutInTheMiddle = 0;
  const killAt = async (left: number) => {
    const ended = new AbortController();
    const signal = { name: "SIGKILL", after: untilRemoving(folder.directory, left, ended.signal) } as const;
    const killed = await runRoomctl(words, { environment, signal });
    ended.abort();
    return killed.signal === "SIGKILL";
  };
  for (const left of [26, 19, 13, 8]) {
    // One that came to its end before it was killed proves nothing: then there is something to delete again.
    for (let tries = 1; !(await killAt(left)); tries += 1) {
      expect(tries).toBeLessThan(20);
      storeDays(folder.directory, 26, tables, kept.length);
    }
    const names = folder.entries();
    cutInTheMiddle += names.filter((name) => name.endsWith(".removed")).length;
    const { backups } = await listBackups(folder.directory);
    expect(backups.filter(({ state }) => state !== "verified")).toEqual([]);
    expect(names).toEqual(expect.arrayContaining([...kept]));
  }
  // Or the test would have proven nothing.
  expect(cutInTheMiddle).toBeGreaterThan(0);
  const finished = await runRoomctl(words, { environment });
  expect(finished.status).toBe(0);
  expect(folder.entries()).toEqual([...kept].sort());
});

function readMark(repository: string, id: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(join(repository, id, "verified.json"), "utf8"));
}

/** Fulfilled in the moment when one more backup is being removed, once no more than so many are left. */
async function untilRemoving(repository: string, left: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const names = readdirSync(repository);
    if (names.filter(isBackupId).length <= left && names.some((name) => name.endsWith(".removed"))) return;
    await sleep(1);
  }
}
