import { rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { RoomctlError } from "../core/errors.js";

type Fetch = Parameters<typeof getRequestListener>[0];

export interface ControlSocket {
  close(): Promise<void>;
}

/**
 * Serves introspection on a Unix socket that only this user can open. A socket that a killed server left behind is
 * replaced; one that answers is another server's. Throws E_FILE.
 */
export async function openControlSocket(app: { readonly fetch: Fetch }, path: string): Promise<ControlSocket> {
  if (await isAnswered(path)) throw controlFailure(path, "another server listens there");
  if (isSocket(path)) rmSync(path);
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  // The mask holds for the moment in which the socket is made: nobody else may connect in between.
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
  } catch (error) {
    throw controlFailure(path, "it cannot be made", error);
  } finally {
    process.umask(mask);
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

function isAnswered(path: string): Promise<boolean> {
  if (!isSocket(path)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

function controlFailure(path: string, why: string, cause?: unknown): RoomctlError {
  return new RoomctlError("E_FILE", `the control socket ${JSON.stringify(path)} cannot be used: ${why}`, {
    cause,
    hint: "name another path: roomctl serve --control /run/roomctl/control.sock",
  });
}
