import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { ListedBackup } from "../../src/backup/list.js";
import { type MetricsUpdate, updateMetricsFile } from "../../src/backup/metrics.js";
import { formatSamples, parseSamples } from "../../src/backup/metrics-text.js";

const root = mkdtempSync(join(tmpdir(), "roomctl-metrics-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let files = 0;

function newFile(): string {
  files += 1;
  const folder = join(root, String(files));
  mkdirSync(folder);
  return join(folder, "backup.prom");
}

const made = { rows: 12, sizeBytes: 3456, tables: 2 };
const at = (time: string) => new Date(`2026-11-20T${time}Z`);

function run(time: string, exitCode: number, rest: Partial<MetricsUpdate> = {}): MetricsUpdate {
  const isMade = exitCode === 0 ? { made } : {};
  return {
    database: "app",
    repository: "/backups",
    run: { endedAt: at(time), durationMs: 1500, exitCode, ...isMade },
    ...rest,
  };
}

function valuesOf(file: string, database = "app"): Readonly<Record<string, number | undefined>> {
  const found = parseSamples(readFileSync(file, "utf8")).find((one) => one.database === database);
  return Object.fromEntries(
    Object.entries(found?.values ?? {}).map(([name, value]) => [name.replace("roomctl_backup_", ""), value]),
  );
}

const unixSeconds = (time: string) => at(time).getTime() / 1000;

test("the file is in Prometheus's format, for all to read, and alone in its folder", async () => {
  const file = newFile();
  process.umask(0o077);
  await updateMetricsFile(file, run("02:00:00", 0));
  process.umask(0o022);
  const text = readFileSync(file, "utf8");
  expect(text).toContain(
    `# HELP roomctl_backup_last_run_status Exit code of the last run; 0 is success.
# TYPE roomctl_backup_last_run_status gauge
roomctl_backup_last_run_status{database="app",repository="/backups"} 0
`,
  );
  expect(text).toMatch(/\n$/);
  expect(text).not.toContain("undefined");
  for (const line of text.trimEnd().split("\n")) {
    expect(line).toMatch(
      /^(# (HELP|TYPE) roomctl_backup_\w+ .+|roomctl_backup_\w+\{database="app",repository="\/backups"\} [\d.]+)$/,
    );
  }
  expect(statSync(file).mode & 0o777).toBe(0o644);
  expect(readdirSync(join(file, ".."))).toEqual(["backup.prom"]);
});

test("the last success moves only with a success, and what the last backup held stays known", async () => {
  const file = newFile();
  await updateMetricsFile(file, run("01:00:00", 10));
  expect(valuesOf(file)).toMatchObject({ last_run_status: 10, last_success_timestamp_seconds: 0 });
  await updateMetricsFile(file, run("02:00:00", 0));
  await updateMetricsFile(file, run("03:00:00", 11));
  expect(valuesOf(file)).toEqual({
    last_run_timestamp_seconds: unixSeconds("03:00:00"),
    last_run_status: 11,
    last_success_timestamp_seconds: unixSeconds("02:00:00"),
    duration_seconds: 1.5,
    rows: 12,
    size_bytes: 3456,
    tables: 2,
    verified_timestamp_seconds: 0,
  });
});

test("a run that never learned its database's name writes under the name of the last run", async () => {
  const file = newFile();
  await updateMetricsFile(file, run("02:00:00", 0));
  await updateMetricsFile(file, run("03:00:00", 2, { database: undefined }));
  expect(parseSamples(readFileSync(file, "utf8"))).toHaveLength(1);
  expect(valuesOf(file)).toMatchObject({ last_run_status: 2, last_success_timestamp_seconds: unixSeconds("02:00:00") });
});

test("two databases share a file, each with its own lines", async () => {
  const file = newFile();
  await updateMetricsFile(file, run("02:00:00", 0));
  await updateMetricsFile(file, run("03:00:00", 1, { database: "other" }));
  expect(valuesOf(file)).toMatchObject({ last_run_status: 0 });
  expect(valuesOf(file, "other")).toMatchObject({ last_run_status: 1, last_success_timestamp_seconds: 0 });
  expect(readFileSync(file, "utf8").match(/# TYPE roomctl_backup_last_run_status/g)).toHaveLength(1);
});

test("twenty runs that end at once lose no success", async () => {
  const file = newFile();
  const runs = Array.from({ length: 20 }, (_, index) => run("02:00:00", index === 7 ? 0 : 11));
  await Promise.all(runs.map((one) => updateMetricsFile(file, one)));
  expect(valuesOf(file)).toMatchObject({ last_success_timestamp_seconds: unixSeconds("02:00:00"), rows: 12 });
});

const backup: ListedBackup = {
  id: "2026-11-20T020000Z-000000",
  state: "complete",
  why: null,
  verification: null,
  pin: null,
  createdAt: "2026-11-20T02:00:00.500Z",
  database: "app",
  systemIdentifier: "1",
  note: null,
  isWhole: true,
  tables: 1,
  rows: 1,
  sizeBytes: 1,
};
const verification = {
  verifiedAt: "2026-11-20T05:00:00.000Z",
  ok: true,
  toolVersion: "1",
  manifestSha256: "",
  damagedSince: null,
};

test("what backups there are counts the whole and sound ones of this database", async () => {
  const file = newFile();
  const backups: ListedBackup[] = [
    backup,
    { ...backup, createdAt: "2026-11-20T01:00:00.000Z", state: "verified", verification },
    {
      ...backup,
      createdAt: "2026-11-20T00:00:00.000Z",
      state: "damaged",
      verification: { ...verification, ok: false },
    },
    { ...backup, createdAt: "2026-11-20T04:00:00.000Z", isWhole: false },
    { ...backup, createdAt: "2026-11-20T04:00:00.000Z", database: "other" },
  ];
  await updateMetricsFile(file, { database: "app", repository: "/backups", backups });
  expect(valuesOf(file)).toEqual({
    backups: 2,
    oldest_timestamp_seconds: unixSeconds("01:00:00"),
    newest_timestamp_seconds: unixSeconds("02:00:00"),
    verified_timestamp_seconds: unixSeconds("05:00:00"),
    last_success_timestamp_seconds: 0,
  });
  await updateMetricsFile(file, { database: "app", repository: "/backups", backups: [] });
  expect(valuesOf(file)).toEqual({ backups: 0, verified_timestamp_seconds: 0, last_success_timestamp_seconds: 0 });
});

const hostileNames = [
  'a"b',
  "a\\b",
  "a\\",
  'a\\"',
  "a\nb",
  "a\\nb",
  "a} 1",
  'x",repository="y',
  "日本 🎥",
  "a\rb",
  "\t",
  "",
  "#",
];

test.each(hostileNames)("the name %j survives as a label", (name) => {
  const samples = [{ database: name, repository: `/${name}`, values: { roomctl_backup_rows: 3 } }];
  const text = formatSamples(samples);
  expect(text.split("\n")).toHaveLength(4);
  expect(parseSamples(text)).toEqual(samples);
});

test("what is no line of ours is left out and does no harm", async () => {
  const file = newFile();
  writeFileSync(file, 'other{a="b"} 1\nroomctl_backup_rows{database="app",repository="/backups"} NaN\n\0\n');
  await updateMetricsFile(file, run("02:00:00", 1));
  expect(valuesOf(file)).not.toHaveProperty("rows");
  expect(readFileSync(file, "utf8")).not.toContain("other");
});

test("a link keeps its place, and what is no file is not replaced", async () => {
  const file = newFile();
  const link = join(file, "../link.prom");
  writeFileSync(file, "");
  symlinkSync(file, link);
  await updateMetricsFile(link, run("02:00:00", 0));
  expect(valuesOf(file)).toMatchObject({ last_run_status: 0 });
  await expect(updateMetricsFile("/dev/null", run("02:00:00", 0))).rejects.toMatchObject({ code: "E_FILE" });
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
});

test("a folder that is not there or cannot be written is E_FILE that names the file", async () => {
  for (const file of [join(root, "none/backup.prom"), "/proc/backup.prom", root]) {
    await expect(updateMetricsFile(file, run("02:00:00", 0))).rejects.toMatchObject({
      code: "E_FILE",
      message: expect.stringContaining(file),
    });
  }
});
