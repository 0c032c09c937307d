import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseSamples } from "../../src/backup/metrics-text.js";
import { withRepositoryLock } from "../../src/backup/repository-lock.js";
import { createBackupFolder } from "../support/backup.js";
import { programPath, type RunOptions, runRoomctl } from "../support/cli.js";
import { createScratchDatabase, type ScratchDatabase } from "../support/postgres.js";

const root = mkdtempSync(join(tmpdir(), "roomctl-cron-"));
/** This Node, where every user can run it: root's own may lie in a folder that is closed to others. */
const openNode = join(root, "node");
let scratch: ScratchDatabase;

beforeAll(async () => {
  chmodSync(root, 0o755);
  copyFileSync(process.execPath, openNode);
  chmodSync(openNode, 0o755);
  scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(
    "CREATE TABLE rooms AS SELECT n AS id, 'topic ' || n AS topic FROM generate_series(1, 50) AS n",
  );
});

afterAll(async () => {
  rmSync(root, { recursive: true, force: true });
  await scratch[Symbol.asyncDispose]();
});

/** The schema is not what these tests are about, and reading it takes its time. */
const rowsAlone = ["--schema", "none"];

const backUp = (repository: string, words: readonly string[] = [], options: RunOptions = {}) =>
  runRoomctl(["backup", "create", "--repo", repository, ...rowsAlone, ...words], {
    databaseUrl: scratch.url,
    ...options,
  });

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program as the user `nobody` where we are root, whom no right of a file stops. */
function runPlain(command: string, words: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const child = spawn(command, words, { cwd: "/", env, stdio: ["ignore", "pipe", "pipe"], ...user });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ ...output, status }));
  });
}

function metricsOf(file: string): Readonly<Record<string, number | undefined>> {
  const [samples, ...others] = parseSamples(readFileSync(file, "utf8"));
  expect(others).toEqual([]);
  return Object.fromEntries(
    Object.entries(samples?.values ?? {}).map(([name, value]) => [name.replace("roomctl_backup_", ""), value]),
  );
}

test("with nothing in its environment, no home, stdin closed and another locale, a backup is made and nothing said", async () => {
  using folder = createBackupFolder();
  const config = join(root, "roomctl.config.json");
  writeFileSync(config, JSON.stringify({ database: scratch.url, repo: folder.directory, stateDir: root }));
  const roomctl = [process.execPath, programPath, "backup", "create", "--quiet", "--config", config];
  for (const locale of [[], ["LANG=C"], ["LC_ALL=de_DE.ISO-8859-1", "TZ=America/St_Johns"]]) {
    const script = 'exec "$@" <&-';
    const child = spawn("/usr/bin/env", ["-i", ...locale, "/bin/sh", "-c", script, "sh", ...roomctl], { cwd: "/" });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
    }
    const status = await new Promise((resolve) => child.once("close", resolve));
    expect({ locale, status, said }).toEqual({ locale, status: 0, said: "" });
  }
  expect(folder.entries()).toHaveLength(3);
});

test("all three streams closed, the exit code still is the answer", async () => {
  using folder = createBackupFolder();
  const run = (url: string) => {
    const words = [process.execPath, programPath, "backup", "create", "--repo", folder.directory, ...rowsAlone];
    const script = 'exec "$@" <&- >&- 2>&-';
    return runRoot("/bin/sh", ["-c", script, "sh", ...words], { ROOMCTL_DATABASE_URL: url });
  };
  expect(await run(scratch.url)).toBe(0);
  expect(folder.entries()).toHaveLength(1);
  expect(await run("postgresql://u@127.0.0.1:1/x")).toBe(10);
});

function runRoot(command: string, words: readonly string[], env: Readonly<Record<string, string>>): Promise<unknown> {
  const child = spawn(command, words, { cwd: "/", env, stdio: "ignore" });
  return new Promise((resolve) => child.once("close", resolve));
}

test.each<[string, number, Record<string, string>]>([
  ["E_CONNECT", 10, { ROOMCTL_DATABASE_URL: "postgresql://u:secret@127.0.0.1:1/x" }],
  ["E_NO_DATABASE", 2, { ROOMCTL_DATABASE_URL: "" }],
  ["E_FILE", 1, { ROOMCTL_REPO: "/proc/backups" }],
  ["E_USAGE", 2, { ROOMCTL_JOBS: "many" }],
  ["E_USAGE", 2, { ROOMCTL_COMPRESS: "zstd:99" }],
  ["E_USAGE", 2, { ROOMCTL_JITTER: "25h" }],
])("a failure with %s is exit %i and one line of JSON on stderr", async (code, exitCode, environment) => {
  const { status, stdout, stderr } = await runRoomctl(["backup", "create", "--quiet", "--json"], {
    environment: { ROOMCTL_DATABASE_URL: scratch.url, ...environment },
  });
  expect({ status, stdout }).toEqual({ status: exitCode, stdout: "" });
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(JSON.parse(stderr)).toMatchObject({ command: "backup create", ok: false, error: { code, exitCode } });
  expect(stderr).not.toContain("secret");
});

test("an old draft that cannot be removed stands in no backup's way", async () => {
  using folder = createBackupFolder();
  const draft = join(folder.directory, "2026-01-01T000000Z-00abcd.partial");
  const held = join(draft, "data");
  mkdirSync(held, { recursive: true });
  writeFileSync(join(held, "0001.0001.copy.zst"), "x");
  const lastYear = new Date(Date.now() - 365 * 86_400_000);
  chmodSync(held, 0o555);
  for (const path of [held, draft]) utimesSync(path, lastYear, lastYear);
  chmodSync(folder.directory, 0o777);
  const words = [programPath, "backup", "create", "--repo", folder.directory, "--quiet", ...rowsAlone];
  expect(await runPlain(openNode, words, { ROOMCTL_DATABASE_URL: scratch.url })).toEqual({
    status: 0,
    stdout: "",
    stderr: "",
  });
  expect(folder.entries()).toHaveLength(2);
  chmodSync(held, 0o755);
});

test("a repository that its user cannot write is exit 1 with the way out", async () => {
  using folder = createBackupFolder();
  chmodSync(folder.directory, 0o555);
  const words = [programPath, "backup", "create", "--repo", folder.directory, "--quiet", ...rowsAlone];
  const refused = await runPlain(openNode, words, { ROOMCTL_DATABASE_URL: scratch.url });
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toMatch(/cannot use the backup folder .*(EACCES|EROFS)/);
  expect(refused.stderr).toContain("--repo DIR");
  expect(folder.entries()).toEqual([]);
});

test("two starts in one second make two backups", async () => {
  using folder = createBackupFolder();
  const both = await Promise.all([backUp(folder.directory, ["--quiet"]), backUp(folder.directory, ["--quiet"])]);
  for (const { status, stdout, stderr } of both)
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  expect(folder.entries()).toHaveLength(2);
});

test("a repository in use is waited for, and exit 11 names who uses it", async () => {
  using folder = createBackupFolder();
  const metrics = join(root, "locked.prom");
  await withRepositoryLock(folder.directory, { waitMs: 0 }, async () => {
    const refused = await backUp(folder.directory, ["--lock-wait", "0", "--metrics", metrics, "--json"]);
    expect(refused.status).toBe(11);
    expect(JSON.parse(refused.stderr)).toMatchObject({
      error: { code: "E_LOCKED", message: expect.stringContaining(`process ${process.pid} on `) },
    });
    expect(metricsOf(metrics)).toMatchObject({ last_run_status: 11, last_success_timestamp_seconds: 0, backups: 0 });
    const listed = await runRoomctl(["backup", "list", "--repo", folder.directory, "--json"]);
    expect(listed.json()).toMatchObject({ backups: [] });
  });
  const waits = new EventEmitter<{ told: [] }>();
  const holding = withRepositoryLock(folder.directory, { waitMs: 0 }, () => once(waits, "told"));
  const waited = await backUp(folder.directory, ["--lock-wait", "10m"], {
    onErrorLine: (line) => line.startsWith("waiting for") && waits.emit("told"),
  });
  await holding;
  expect(waited.status).toBe(0);
  expect(waited.stderr).toMatch(/^waiting for process \d+ on .* which uses the backup folder$/m);
});

test("the metrics file tells of a success, and of a failure without forgetting it", async () => {
  using folder = createBackupFolder();
  const metrics = join(root, "backup.prom");
  const before = Math.floor(Date.now() / 1000);
  expect(await backUp(folder.directory, ["--quiet", "--verify", "--metrics", metrics])).toMatchObject({
    status: 0,
    stderr: "",
  });
  const success = metricsOf(metrics);
  expect(success).toMatchObject({ last_run_status: 0, rows: 50, tables: 1, backups: 1 });
  for (const name of ["last_success", "last_run", "newest", "oldest", "verified"]) {
    expect(success[`${name}_timestamp_seconds`], name).toBeGreaterThanOrEqual(before);
  }
  const unreachable = scratch.url.replace(/:\d+\//, ":1/");
  const failed = await backUp(folder.directory, ["--quiet", "--metrics", metrics], { databaseUrl: unreachable });
  expect(failed.status).toBe(10);
  const { last_run_status, last_run_timestamp_seconds, duration_seconds, ...kept } = metricsOf(metrics);
  expect(last_run_status).toBe(10);
  expect(success).toMatchObject(kept);
  expect(kept.last_success_timestamp_seconds).toBe(success["last_success_timestamp_seconds"]);
});

test("a backup folder that cannot be listed is named beside the failure, and the figures of what is in it stand still", async () => {
  using folder = createBackupFolder();
  const place = mkdtempSync(join(root, "unlisted-"));
  const metrics = join(place, "backup.prom");
  expect(await backUp(folder.directory, ["--quiet", "--metrics", metrics])).toMatchObject({ status: 0, stderr: "" });
  const { last_run_status, last_run_timestamp_seconds, duration_seconds, ...success } = metricsOf(metrics);
  chmodSync(place, 0o777);
  chmodSync(metrics, 0o666);
  chmodSync(folder.directory, 0o333);
  const words = ["backup", "create", "--repo", folder.directory, "--metrics", metrics, ...rowsAlone];
  const run = (url: string, ...flags: string[]) =>
    runPlain(openNode, [programPath, ...words, ...flags], { ROOMCTL_DATABASE_URL: url });
  const why = /^figures of the backups in .*backup\.prom stay as they were: cannot use the backup folder .*EACCES/;

  const unreachable = await run(scratch.url.replace(/:\d+\//, ":1/"), "--quiet", "--json");
  expect(unreachable).toMatchObject({ status: 10, stdout: "" });
  expect(unreachable.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(JSON.parse(unreachable.stderr)).toMatchObject({
    error: { code: "E_CONNECT" },
    warnings: [expect.stringMatching(why)],
  });
  expect(metricsOf(metrics)).toMatchObject({ ...success, last_run_status: 10 });

  const unlisted = await run(scratch.url);
  expect(unlisted).toMatchObject({ status: 1, stdout: "" });
  expect(unlisted.stderr).toMatch(/^warning: figures of the backups/m);
  expect(unlisted.stderr).toMatch(/^error: cannot use the backup folder .*EACCES.*\[E_FILE\]$/m);
  expect(metricsOf(metrics)).toMatchObject({ ...success, last_run_status: 1 });
});

test("a metrics file that cannot be written is a warning, and the backup is made", async () => {
  using folder = createBackupFolder();
  const made = await backUp(folder.directory, ["--metrics", "/proc/backup.prom", "--json"]);
  expect(made.status).toBe(0);
  expect(made.json()).toMatchObject({
    ok: true,
    warnings: [expect.stringContaining("cannot write the metrics file /proc/backup.prom")],
  });
  expect(folder.entries()).toHaveLength(1);
});

/** A service that watches, and what it heard. */
async function startCheck(isSilent = false) {
  const heard: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    heard.push(`${request.method} ${request.url} ${body}`.trim());
    if (!isSilent) response.end("OK");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    heard,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-uuid`,
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test("a check hears of start and success, of a failure with its reason, and is never shown", async () => {
  using folder = createBackupFolder();
  using check = await startCheck();
  const environment = { ROOMCTL_PING: check.url };
  expect(await backUp(folder.directory, ["--quiet"], { environment })).toMatchObject({ status: 0, stderr: "" });
  expect(check.heard.splice(0)).toEqual(["GET /secret-uuid/start", "GET /secret-uuid"]);
  const databaseUrl = "postgresql://u:hidden@127.0.0.1:1/x";
  const failed = await backUp(folder.directory, ["--verbose"], { environment, databaseUrl });
  expect(failed.status).toBe(10);
  expect(failed.stderr).not.toContain("secret-uuid");
  expect(check.heard[1]).toMatch(/^POST .secret-uuid.10 E_CONNECT: cannot reach PostgreSQL at .*127\.0\.0\.1:1/);
  expect(check.heard.join()).not.toContain("hidden");
});

test("a check that cannot be reached is a warning without its address", async () => {
  using folder = createBackupFolder();
  const made = await backUp(folder.directory, ["--ping", "http://127.0.0.1:1/secret-uuid", "--json"]);
  expect(made.status).toBe(0);
  expect(made.json()).toMatchObject({ warnings: [expect.stringMatching(/^127\.0\.0\.1:1 could not be told: /)] });
  expect(made.stdout + made.stderr).not.toContain("secret-uuid");
});

test("an address that is none is exit 2, without it", async () => {
  const refused = await runRoomctl(["backup", "create", "--ping", "secret-uuid"], { databaseUrl: scratch.url });
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).not.toContain("secret-uuid");
});

test("jitter is a wait that SIGTERM ends, and metrics and check hear of it", async () => {
  using folder = createBackupFolder();
  using check = await startCheck();
  const metrics = join(root, "jitter.prom");
  const words = ["--jitter", "24h", "--metrics", metrics, "--ping", check.url];
  const ended = await backUp(folder.directory, words, { signal: { name: "SIGTERM", when: "starting in" } });
  expect(ended.status).toBe(143);
  expect(metricsOf(metrics)).toMatchObject({ last_run_status: 143 });
  expect(check.heard.at(-1)).toMatch(/^POST \/secret-uuid\/143 E_TERMINATED/);
  expect(folder.entries()).toEqual([]);
});

test("a check that never answers does not keep an interrupted run", async () => {
  using folder = createBackupFolder();
  using check = await startCheck(true);
  let waitingMs = Number.NaN;
  const words = ["--jitter", "24h", "--ping", check.url];
  const ended = await backUp(folder.directory, words, {
    signal: { name: "SIGTERM", when: "starting in" },
    onErrorLine: (line) => {
      if (line.includes("starting in")) waitingMs = performance.now();
    },
  });
  expect(ended.status).toBe(143);
  expect(performance.now() - waitingMs).toBeLessThan(12_000);
});

test.each([
  [["--compress", "none"], ""],
  [["--compress", "gzip:9", "--jobs", "1"], ".gz"],
  [["--compress", "zstd:19", "--jobs", "3"], ".zst"],
])("%j is what the backup is stored as", async (words, extension) => {
  using folder = createBackupFolder();
  const made = await backUp(folder.directory, ["--json", ...words]);
  expect(made.status).toBe(0);
  const files = readdirSync(join(made.json<{ directory: string }>().directory, "data"));
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) expect(file).toMatch(new RegExp(`\\.copy${extension.replace(".", "\\.")}$`));
});

test("--verify reads the new backup back, so that the list knows it as verified", async () => {
  using folder = createBackupFolder();
  const made = await backUp(folder.directory, ["--verify", "--json"]);
  expect(made.json()).toMatchObject({ ok: true, verification: { ok: true, rows: 50 } });
  const listed = await runRoomctl(["backup", "list", "--repo", folder.directory, "--json"]);
  expect(listed.json()).toMatchObject({ backups: [{ state: "verified" }] });
});

test("rows that collapsed since the backup before are a warning, and exit 3 when told so", async () => {
  using folder = createBackupFolder();
  using check = await startCheck();
  await using own = await createScratchDatabase();
  await using database = await own.open();
  const metrics = join(root, "collapse.prom");
  const run = (...words: string[]) =>
    backUp(folder.directory, [...words, "--json", "--metrics", metrics, "--ping", check.url], { databaseUrl: own.url });
  await database.execute("CREATE TABLE messages AS SELECT n AS id FROM generate_series(1, 5000) AS n");
  expect((await run("--fail-on-collapse")).json()).toMatchObject({ ok: true, collapse: [], warnings: [] });
  // Of another database, of chosen tables, damaged: none of them is what the next one is compared with.
  expect((await backUp(folder.directory)).status).toBe(0);
  expect((await run("--table", "messages")).status).toBe(0);
  mkdirSync(join(folder.directory, "2099-01-01T000000Z-000000"));
  const success = metricsOf(metrics)["last_success_timestamp_seconds"];
  await database.execute("DELETE FROM messages WHERE id > 100");
  await sleep(1100);
  check.heard.splice(0);
  const collapsed = await run("--fail-on-collapse");
  expect(collapsed.status).toBe(3);
  expect(collapsed.json()).toMatchObject({
    ok: false,
    collapse: expect.arrayContaining([expect.objectContaining({ problem: "table-rows", before: 5000, after: 100 })]),
    warnings: expect.arrayContaining([
      expect.stringMatching(/^table messages has 100 rows; it had 5000 in the backup /),
    ]),
  });
  expect(check.heard[1]).toMatch(/^POST \/secret-uuid\/3/);
  expect(metricsOf(metrics)).toMatchObject({ last_run_status: 3, last_success_timestamp_seconds: success, rows: 100 });
  await database.execute("INSERT INTO messages SELECT n FROM generate_series(101, 5000) AS n");
  expect((await run()).status).toBe(0);
  await database.execute("TRUNCATE messages");
  const warned = await run();
  expect(warned.status).toBe(0);
  expect(warned.json()).toMatchObject({
    ok: true,
    warnings: expect.arrayContaining([expect.stringContaining("messages has 0 rows")]),
  });
});

interface Printed {
  readonly files: readonly { readonly path: string; readonly content: string }[];
}

/** What cron hands to the shell: it ends a command at a `%` unless a backslash stands before it. */
function commandOf(crontab: string): string {
  const line = crontab.split("\n").find((text) => /^[\d*]/.test(text)) ?? "";
  const command = line.split(" ").slice(5).join(" ");
  expect(command).not.toMatch(/(?<!\\)%/);
  return command.replaceAll("\\%", "%");
}

test("the printed crontab line, run as cron runs it, makes a verified backup and deletes old ones", async () => {
  const home = mkdtempSync(join(root, "home-"));
  const repository = join(home, "50% of 'all' & more");
  const environmentFile = join(home, "back up.env");
  writeFileSync(environmentFile, `ROOMCTL_DATABASE_URL='${scratch.url}&application_name=x'\nROOMCTL_SCHEMA=none\n`, {
    mode: 0o600,
  });
  const metrics = join(home, "backup.prom");
  const words = ["--cron", "0 2 * * *", "--print", "cron", "--repo", repository, "--environment-file", environmentFile];
  const printed = await runRoomctl(
    ["backup", "schedule", ...words, "--metrics", metrics, "--jitter", "10ms", "--keep-last", "2", "--json"],
    { databaseUrl: scratch.url },
  );
  expect(printed).toMatchObject({ status: 0, stderr: "" });
  expect(printed.stdout).not.toContain(new URL(scratch.url).password);
  const command = commandOf(printed.json<Printed>().files[0]?.content ?? "");
  const env = { HOME: home, LOGNAME: "app", PATH: "/usr/bin:/bin", SHELL: "/bin/sh" };
  for (let run = 0; run < 3; run += 1) {
    const child = spawn("/bin/sh", ["-c", command], { cwd: home, env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
    }
    const status = await new Promise((resolve) => child.once("close", resolve));
    expect({ status, said }).toEqual({ status: 0, said: "" });
  }
  const listed = await runRoomctl(["backup", "list", "--repo", repository, "--json"]);
  expect(listed.json()).toMatchObject({ backups: [{ state: "verified" }, { state: "verified" }] });
  expect(listed.json<{ backups: object[] }>().backups).toHaveLength(2);
  expect(metricsOf(metrics)).toMatchObject({ last_run_status: 0 });
});

test.each(["cron", "systemd", "k8s"])(
  "what is printed for %s never holds the address of the database",
  async (form) => {
    const words = [
      "backup",
      "schedule",
      "--cron",
      "0 2 * * *",
      "--print",
      form,
      "--database-url",
      "postgresql://u:hidden@db/x",
    ];
    const printed = await runRoomctl(words);
    expect(printed.status).toBe(0);
    expect(printed.stdout + printed.stderr).not.toMatch(/hidden|@db/);
    expect(printed.stdout).toContain("ROOMCTL_DATABASE_URL");
  },
);
