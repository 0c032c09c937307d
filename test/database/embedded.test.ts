import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { destroyEmbedded, readEmbedded, startEmbedded, stopEmbedded } from "../../src/db/embedded.js";
import { openDatabase } from "../../src/db/pool.js";

let root = "";
let directory = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "roomctl-embedded-"));
  directory = join(root, ".roomctl", "postgres");
});

afterEach(async () => {
  await destroyEmbedded({ directory });
  rmSync(root, { recursive: true, force: true });
});

test("several starts at once give one server, which keeps its data and its port over a stop", async () => {
  const servers = await Promise.all([1, 2, 3].map(() => startEmbedded({ directory })));
  expect(servers.filter((server) => server.wasStarted)).toHaveLength(1);
  const [first] = servers;
  if (!first) throw new Error("no server");
  expect(new Set(servers.map((server) => server.target.port)).size).toBe(1);
  {
    await using database = await openDatabase(first.target);
    await database.execute("CREATE TABLE kept AS SELECT 42 AS n");
  }
  expect(await stopEmbedded({ directory })).toBe(true);
  expect(await readEmbedded(directory)).toBeUndefined();
  const again = await startEmbedded({ directory });
  expect(again.target.port).toBe(first.target.port);
  await using database = await openDatabase(again.target);
  expect(await database.query("SELECT n FROM kept")).toEqual([{ n: 42 }]);
});

test("a killed server is started again and has lost nothing that was committed", async () => {
  const { target, dataDirectory } = await startEmbedded({ directory });
  const children: number[] = [];
  {
    await using database = await openDatabase(target);
    await database.execute("CREATE TABLE kept AS SELECT 42 AS n");
    const rows = await database.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
    );
    children.push(...rows.map((row) => row.pid));
  }
  const [pid] = readFileSync(join(dataDirectory, "postmaster.pid"), "utf8").split("\n");
  process.kill(Number(pid), "SIGKILL");
  // Its processes end as soon as they hear of it, and until then their memory is in the way of a new server.
  for (const one of [Number(pid), ...children]) await waitForEnd(one);
  expect(await readEmbedded(directory)).toBeUndefined();
  const again = await startEmbedded({ directory });
  await using database = await openDatabase(again.target);
  expect(await database.query("SELECT n FROM kept")).toEqual([{ n: 42 }]);
});

test("a stale pid file whose number a stranger has got is not taken for the server", async () => {
  const { dataDirectory } = await startEmbedded({ directory });
  const pidFile = join(dataDirectory, "postmaster.pid");
  const content = readFileSync(pidFile, "utf8");
  await stopEmbedded({ directory });
  writeFileSync(pidFile, content.replace(/^\d+/, String(process.pid)));
  expect(await readEmbedded(directory)).toBeUndefined();
  expect(await stopEmbedded({ directory })).toBe(false);
});

test("a start that was killed half-way leaves nothing in the way of the next", async () => {
  await startEmbedded({ directory });
  await destroyEmbedded({ directory });
  // What a killed run leaves: a lock of a dead process and a partial folder.
  mkdirSync(join(directory, "data.partial", "base"), { recursive: true });
  writeFileSync(join(directory, "starting"), "999999999");
  const server = await startEmbedded({ directory });
  expect(server.wasStarted).toBe(true);
});

test("data whose server.json is gone is never overwritten", async () => {
  await startEmbedded({ directory });
  await stopEmbedded({ directory });
  const kept = readFileSync(join(directory, "server.json"));
  rmSync(join(directory, "server.json"));
  await expect(startEmbedded({ directory })).rejects.toMatchObject({ code: "E_EMBEDDED" });
  writeFileSync(join(directory, "server.json"), kept);
  expect((await startEmbedded({ directory })).wasStarted).toBe(true);
});

test("the password is in a file that only its owner reads, and the server listens on loopback only", async () => {
  const { passwordFile, target } = await startEmbedded({ directory });
  expect(statSync(passwordFile).mode & 0o777).toBe(0o600);
  await using database = await openDatabase(target);
  const [row] = await database.query(
    "SELECT current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS sockets",
  );
  expect(row).toEqual({ listen: "127.0.0.1", sockets: "" });
  await expect(openDatabase({ ...target, password: "guess" })).rejects.toMatchObject({ code: "E_AUTHENTICATION" });
});

async function waitForEnd(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
