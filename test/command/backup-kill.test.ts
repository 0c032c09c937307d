import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { destroyEmbedded, startEmbedded } from "../../src/db/embedded.js";
import { openDatabase } from "../../src/db/pool.js";
import { createBackupFolder } from "../support/backup.js";
import { killBackups } from "../support/backup-kill.js";
import { runRoomctl } from "../support/cli.js";
import { serverNames } from "../support/postgres.js";

test.each(serverNames)(
  "killed after any number of bytes on %s, a backup is never half there, and the next sweeps",
  async (server) => {
    const shares = [0, 0.01, 0.2, 0.5, 0.8, 0.99];
    const report = await killBackups(server, shares);
    expect(report).toMatchObject({ damaged: [], leftovers: [], lost: 0, finalStatus: 0 });
    expect(report.killed).toBeGreaterThan(2);
    expect(report.backups).toBe(report.published);
  },
);

test("a server that is stopped at once in the middle of a backup, and started again, can be backed up", async () => {
  using folder = createBackupFolder();
  const home = mkdtempSync(join(tmpdir(), "roomctl-stopped-"));
  const directory = join(home, "server");
  const { target, dataDirectory } = await startEmbedded({ directory });
  const url = `postgresql://${target.user}:${target.password}@127.0.0.1:${target.port}/${target.database}`;
  const words = ["backup", "create", "--repo", folder.directory, "--schema", "none", "--jobs", "2", "--json"];
  try {
    const before = await openDatabase(target);
    await before.execute(
      `CREATE TABLE public.big AS SELECT n, repeat(md5(n::text), 60) AS body FROM generate_series(1, 150000) AS n`,
    );
    const running = runRoomctl(words, { databaseUrl: url });
    for (let copying = false; !copying; ) {
      const found = await before.query("SELECT FROM pg_stat_activity WHERE query LIKE 'COPY %' AND state = 'active'");
      copying = found.length > 0;
    }
    // SIGQUIT to the postmaster is `pg_ctl stop -m immediate`.
    process.kill(Number(readFileSync(join(dataDirectory, "postmaster.pid"), "utf8").split("\n")[0]), "SIGQUIT");
    const result = await running;
    expect(result).toMatchObject({ status: 10, stdout: "" });
    expect(folder.entries()).toEqual([]);
    await before[Symbol.asyncDispose]();

    const again = await startEmbedded({ directory });
    const restarted = url.replace(`:${target.port}/`, `:${again.target.port}/`);
    const retried = await runRoomctl(words, { databaseUrl: restarted });
    expect(retried.status).toBe(0);
    expect(retried.json()).toMatchObject({ rows: 150000 });
  } finally {
    await destroyEmbedded({ directory });
    rmSync(home, { recursive: true, force: true });
  }
});
