import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { destroyEmbedded, startEmbedded } from "../../src/db/embedded.js";
import { serverNames, serverOptions } from "./postgres.js";

/** Starts the throw-away servers of a test run, and stops them by their own handle at its end. */
export default async function setup(): Promise<() => Promise<void>> {
  const root = mkdtempSync(join(tmpdir(), "roomctl-test-"));
  process.env["ROOMCTL_TEST_SERVERS"] = root;
  const servers = serverNames.map((name) => serverOptions(name, root));
  for (const server of servers) await startEmbedded(server);
  return async () => {
    for (const server of servers) await destroyEmbedded(server);
    rmSync(root, { recursive: true, force: true });
  };
}
