import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { sharedDirectory } from "../../src/db/binaries.js";
import { destroyEmbedded, startEmbedded } from "../../src/db/embedded.js";
import { serverNames, serverOptions } from "./postgres.js";

/** Starts the throw-away servers of a test run, and stops them by their own handle at its end, whatever ends it. */
export default async function setup(): Promise<() => Promise<void>> {
  const root = mkdtempSync(join(tmpdir(), "roomctl-test-"));
  process.env["ROOMCTL_TEST_SERVERS"] = root;
  const servers = serverNames.map((name) => serverOptions(name, root));
  const folders: string[] = [];
  // Ctrl-C: the runner ends at once and calls nobody back.
  const abandon = () => {
    for (const folder of folders) endServer(folder);
    rmSync(root, { recursive: true, force: true });
  };
  process.once("exit", abandon);
  for (const server of servers) folders.push((await startEmbedded(server)).dataDirectory);
  return async () => {
    for (const server of servers) await destroyEmbedded(server);
    rmSync(root, { recursive: true, force: true });
    process.off("exit", abandon);
  };
}

/** Nothing can be awaited any more. */
function endServer(dataDirectory: string): void {
  const pidFile = join(dataDirectory, "postmaster.pid");
  if (existsSync(pidFile)) process.kill(Number.parseInt(readFileSync(pidFile, "utf8"), 10), "SIGQUIT");
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waits = 0; existsSync(pidFile) && waits < 100; waits += 1) Atomics.wait(pause, 0, 0, 50);
  if (dataDirectory.startsWith(sharedDirectory)) rmSync(dirname(dataDirectory), { recursive: true, force: true });
}
