import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { serverUser } from "../../src/db/binaries.js";
import { openDatabase } from "../../src/db/pool.js";
import type { DatabaseTarget } from "../../src/db/target.js";

export const hasPgbouncer = spawnSync("/usr/sbin/pgbouncer", ["--version"]).status === 0;

/** A real pgbouncer in transaction mode before a server; stopped at the end of its `await using` scope. */
export async function startPgbouncer(
  target: DatabaseTarget,
): Promise<AsyncDisposable & { readonly target: DatabaseTarget }> {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-pgbouncer-"));
  chmodSync(folder, 0o755);
  const port = await freePort();
  writeFileSync(join(folder, "users.txt"), `"${target.user}" "${target.password}"\n`);
  writeFileSync(
    join(folder, "pgbouncer.ini"),
    `[databases]
* = host=${target.host} port=${target.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${folder}/users.txt
pool_mode = transaction
server_round_robin = 1
default_pool_size = 5
`,
  );
  const user = serverUser();
  const child = spawn("/usr/sbin/pgbouncer", ["-q", join(folder, "pgbouncer.ini")], { ...user, stdio: "ignore" });
  const pooled = { ...target, port };
  await waitUntilReady(pooled, child);
  return {
    target: pooled,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function waitUntilReady(target: DatabaseTarget, child: ChildProcess): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await using database = await openDatabase(target);
      await database.query("SELECT 1");
      return;
    } catch (error) {
      if (attempt > 1200 || child.exitCode !== null) throw error;
      await sleep(100);
    }
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
