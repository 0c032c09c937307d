import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { programPath, runRoomctl } from "../support/cli.js";
import { freePort } from "../support/pgbouncer.js";
import { createScratchDatabase } from "../support/postgres.js";

test("without a database a command says what to set, and invents none", async () => {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-empty-"));
  const result = await runRoomctl(["audit"], { workingDirectory: folder });
  expect(result).toMatchObject({ status: 2, stdout: "" });
  expect(result.stderr).toContain("no database is configured");
  expect(result.stderr).toContain("--embedded");
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

test("help and version go to stdout with exit 0, and need no database", async () => {
  const help = await runRoomctl(["--help"]);
  expect(help).toMatchObject({ status: 0, stderr: "" });
  expect(help.stdout).toContain("EXIT CODES");
  expect(await runRoomctl([])).toMatchObject({ status: 0, stdout: help.stdout });
  expect((await runRoomctl(["--version"])).stdout).toMatch(/^roomctl \d+\.\d+\.\d+\n$/);
});

test.each([
  ["exit-codes", "refused by a guard"],
  ["environment", "ROOMCTL_LOCK_TIMEOUT"],
  ["configuration", "roomctl.config.ts"],
  ["json", "roomctl/1"],
  ["errors", "E_CONFIRM_REQUIRED"],
])("roomctl help %s explains it", async (topic, text) => {
  const { status, stdout } = await runRoomctl(["help", topic]);
  expect(status).toBe(0);
  expect(stdout).toContain(text);
});

test.each([
  [["frobnicate"], 2, "unknown command 'frobnicate'"],
  [["audit", "--frobnicate"], 2, "unknown option '--frobnicate'"],
  [["wipe", "rooms"], 2, "scopes are given with --scope"],
  [["audit", "--lock-timeout", "soon"], 2, "flag --lock-timeout is not a duration"],
  [["audit", "--lock-timeout", "30d"], 2, "longer than PostgreSQL can wait"],
  [["audit", "--config", "nowhere.json"], 2, "there is no configuration file"],
  [["help", "nonsense"], 2, "there is no help on"],
] as const)("roomctl %j exits %d", async (words, status, text) => {
  const result = await runRoomctl(words);
  expect(result).toMatchObject({ status, stdout: "" });
  expect(result.stderr).toContain(text);
});

test("an unreachable server is exit 10, as text and as JSON, and the password shows nowhere", async () => {
  const databaseUrl = `postgresql://app:s3cret-word@127.0.0.1:${await freePort()}/db`;
  const text = await runRoomctl(["audit"], { databaseUrl });
  expect(text.status).toBe(10);
  expect(text.stderr).toContain("cannot reach PostgreSQL");
  const json = await runRoomctl(["audit", "--json"], { databaseUrl });
  expect(json).toMatchObject({ status: 10, stdout: "" });
  expect(JSON.parse(json.stderr)).toMatchObject({
    schema: "roomctl/1",
    command: "audit",
    ok: false,
    error: { code: "E_CONNECT", exitCode: 10 },
  });
  const flagged = await runRoomctl(["audit", "-d", databaseUrl]);
  expect(flagged.stderr).toContain("a password on the command line shows in ps");
  for (const { stdout, stderr } of [text, json, flagged]) expect(stdout + stderr).not.toContain("s3cret-word");
});

test.each(["audit", "doctor"])(
  "Ctrl-C while %s waits for a silent server ends it at once with 130",
  async (command) => {
    const silent = createServer(() => {});
    const port = await new Promise<number>((resolve) => {
      silent.listen(0, "127.0.0.1", () => {
        const address = silent.address();
        resolve(typeof address === "object" && address ? address.port : 0);
      });
    });
    const connected = once(silent, "connection");
    let startedMs = Number.NaN;
    void connected.then(() => {
      startedMs = performance.now();
    });
    const running = runRoomctl([command], {
      // Were the silence waited out, it would be for an hour.
      databaseUrl: `postgresql://app@127.0.0.1:${port}/db?connect_timeout=3600`,
      signal: { name: "SIGINT", after: connected },
    });
    const { status } = await running;
    silent.close();
    expect(status).toBe(130);
    expect(performance.now() - startedMs).toBeLessThan(8000);
  },
);

test("a hint that is a command carries the database and the configuration that were typed", async () => {
  const url = `postgresql://app@127.0.0.1:${await freePort()}/db`;
  const { stderr } = await runRoomctl(["wipe", "--scope", "romos", "--database-url", url]);
  expect(stderr).toContain("next: ");
  await using scratch = await createScratchDatabase();
  const { password, host, port, user, database } = scratch.target;
  const typed = `postgresql://${user}@${host}:${port}/${database}`;
  const environment = { PGPASSWORD: password ?? "" };
  const failed = await runRoomctl(["wipe", "--scope", "rooms", "-d", typed], { environment });
  expect(failed.status).toBe(12);
  expect(failed.stderr).toContain(`next: roomctl migrate --database-url ${typed}`);
});

test("a broken configuration is exit 2 and names its key", async () => {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-config-"));
  writeFileSync(join(folder, "roomctl.config.json"), '{ "lockTimeuot": "3s" }');
  const result = await runRoomctl(["audit"], { workingDirectory: folder });
  expect(result.status).toBe(2);
  expect(result.stderr).toContain("lockTimeuot");
  rmSync(folder, { recursive: true });
});

test("a reader that stops reading changes neither the work nor the exit code", async () => {
  await using scratch = await createScratchDatabase();
  const script = `'${process.execPath}' '${programPath}' audit | true; echo "\${PIPESTATUS[0]}" >&3`;
  const audit = spawnSync("bash", ["-c", script], {
    env: { PATH: process.env["PATH"], ROOMCTL_DATABASE_URL: scratch.url },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    encoding: "utf8",
  });
  expect(audit.output[3]).toBe("3\n");
  const verbose = spawnSync(
    "bash",
    ["-c", `'${process.execPath}' '${programPath}' migrate -v 2> >(head -1 > /dev/null)`],
    {
      env: { PATH: process.env["PATH"], ROOMCTL_DATABASE_URL: scratch.url },
    },
  );
  expect(verbose.status).toBe(0);
  await using database = await scratch.open();
  expect(await database.query("SELECT count(*)::int AS applied FROM roomctl.migrations")).toEqual([{ applied: 7 }]);
});

test("an answer that cannot be written is said and is exit 1", async () => {
  const full = spawnSync("bash", ["-c", `'${process.execPath}' '${programPath}' --help > /dev/full`], {
    encoding: "utf8",
  });
  expect(full.status).toBe(1);
  expect(full.stderr).toMatch(/^error: the answer could not be written: ENOSPC/);
});

test("under --json a warning is in the answer, and stderr holds nothing else", async () => {
  await using scratch = await createScratchDatabase();
  const result = await runRoomctl(["operations", "--json", "-d", scratch.url]);
  expect(result).toMatchObject({ status: 0, stderr: "" });
  expect(result.json<{ warnings: string[] }>().warnings).toEqual([expect.stringContaining("shows in ps")]);
});

test("a lost terminal (SIGHUP) ends a command like SIGTERM", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE public.user_locations AS SELECT 1 AS n");
  await using holder = await database.connect();
  await holder.execute("BEGIN; LOCK TABLE public.user_locations IN ACCESS EXCLUSIVE MODE");
  const words = ["wipe", "--scope", "locations", "--lock-timeout", "600s", "-v"];
  const result = await runRoomctl(words, { databaseUrl: scratch.url, signal: { name: "SIGHUP", when: "statement" } });
  expect(result.status).toBe(143);
});

test("colour is for terminals, or when it is forced; NO_COLOR wins", async () => {
  const colour = "\u001b[";
  expect((await runRoomctl(["frobnicate"])).stderr).not.toContain(colour);
  expect((await runRoomctl(["frobnicate"], { environment: { FORCE_COLOR: "1" } })).stderr).toContain(colour);
  expect((await runRoomctl(["frobnicate"], { environment: { FORCE_COLOR: "1", NO_COLOR: "1" } })).stderr).not.toContain(
    escape,
  );
  expect((await runRoomctl(["frobnicate", "--no-color"], { environment: { FORCE_COLOR: "1" } })).stderr).not.toContain(
    escape,
  );
});

test("config show tells each value with its origin, and never the password", async () => {
  await using scratch = await createScratchDatabase();
  const result = await runRoomctl(["config", "--origin", "--json"], {
    databaseUrl: scratch.url,
    environment: { ROOMCTL_LOCK_WAIT: "7s" },
  });
  expect(result.status).toBe(0);
  expect(result.stdout).not.toContain(scratch.target.password);
  const { settings } = result.json<{ settings: { name: string; value: unknown; origin: string }[] }>();
  expect(settings).toContainEqual({ name: "lockWaitMs", value: 7000, origin: "ROOMCTL_LOCK_WAIT" });
  expect(settings.find(({ name }) => name === "database")).toMatchObject({ origin: "ROOMCTL_DATABASE_URL" });
});

test("--verbose logs each statement with its time as JSON lines on stderr, and no value", async () => {
  await using scratch = await createScratchDatabase();
  const { status, stdout, stderr } = await runRoomctl(["operations", "--verbose"], { databaseUrl: scratch.url });
  expect(status).toBe(0);
  expect(stdout).not.toContain("statement");
  const lines = stderr
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  expect(lines).not.toHaveLength(0);
  for (const line of lines)
    expect(line).toMatchObject({ command: "operations", msg: "statement", durationMs: expect.any(Number) });
  expect(stderr).not.toContain(scratch.target.password);
});

test("the embedded database starts on demand, tells its URL, and stops by command", async () => {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-embedded-"));
  try {
    const shown = await runRoomctl(["config", "--embedded"], { workingDirectory: folder });
    expect(shown.status).toBe(0);
    expect(shown.stderr).toContain("embedded PostgreSQL started on 127.0.0.1:");
    expect(shown.stdout).toMatch(/connect with: PGPASSFILE=\S+ psql postgresql:\/\/postgres@127\.0\.0\.1:\d+\/roomctl/);
    const again = await runRoomctl(["operations"], {
      workingDirectory: folder,
      environment: { ROOMCTL_EMBEDDED: "1" },
    });
    expect(again).toMatchObject({ status: 0, stderr: "" });
  } finally {
    const stopped = await runRoomctl(["embedded", "stop", "--remove-data"], { workingDirectory: folder });
    expect(stopped.stdout).toBe("embedded PostgreSQL stopped\nits data is deleted\n");
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(["bash", "zsh", "fish", "powershell"])("the completion script of %s is printed", async (shell) => {
  const { status, stdout } = await runRoomctl(["completion", shell]);
  expect(status).toBe(0);
  expect(stdout).toContain(`# ${shell} completion for roomctl`);
});

test("completion proposes commands, subcommands and flags", async () => {
  const propose = async (...words: string[]) => (await runRoomctl(["complete", "--", ...words])).stdout;
  expect(await propose("wi")).toMatch(/^wipe\t/m);
  expect(await propose("backup", "")).toMatch(/^restore\tLoad a backup/m);
  expect(await propose("wipe", "--sc")).toMatch(/^--scope\t/m);
});

test.runIf(hasShell("fish"))("fish completes through the printed script", async () => {
  const { stdout: script } = await runRoomctl(["completion", "fish"]);
  const folder = mkdtempSync(join(tmpdir(), "roomctl-fish-"));
  writeFileSync(join(folder, "roomctl"), `#!/bin/sh\nexec '${process.execPath}' '${programPath}' "$@"\n`, {
    mode: 0o755,
  });
  writeFileSync(join(folder, "completion.fish"), script);
  const proposed = execFileSync("fish", ["-c", `source ${folder}/completion.fish; complete -C 'roomctl wi'`], {
    encoding: "utf8",
    env: { PATH: `${folder}:${process.env["PATH"]}`, HOME: folder },
  });
  rmSync(folder, { recursive: true });
  expect(proposed).toMatch(/^wipe\t/m);
});

test.runIf(hasShell("zsh"))("the script for zsh is sound zsh", async () => {
  const { stdout: script } = await runRoomctl(["completion", "zsh"]);
  expect(spawnSync("zsh", ["-n"], { input: script }).status).toBe(0);
});

function hasShell(name: string): boolean {
  return spawnSync(name, ["-c", "exit 0"]).status === 0;
}
