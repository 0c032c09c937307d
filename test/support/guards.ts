import { createServer, connect as openSocket, type Socket } from "node:net";
import pg from "pg";
import type { DatabaseTarget } from "../../src/db/target.js";
import type { GuardRequest } from "../../src/wipe/guard.js";

export interface Client extends AsyncDisposable {
  readonly session: pg.Client;
}

/** A session that is not roomctl's, as any other program has one. */
export async function connectClient(target: DatabaseTarget, applicationName: string, user?: string): Promise<Client> {
  const { host, port, database, password } = target;
  const session = new pg.Client({
    host,
    port,
    database,
    user: user ?? target.user,
    password,
    application_name: applicationName,
  });
  // A test may end it from the server's side.
  session.on("error", () => {});
  await session.connect();
  return { session, [Symbol.asyncDispose]: () => session.end() };
}

export interface Tunnel extends AsyncDisposable {
  readonly port: number;
}

/** A port of this machine behind which another server answers: what ssh -L makes, and what forwards a container's port. */
export async function openTunnel({ host, port }: DatabaseTarget): Promise<Tunnel> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = openSocket({ host, port });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the tunnel has no port");
  return {
    port: address.port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** What `assertGuards` needs, for a wipe of `rooms`. */
export function guardRequest(target: DatabaseTarget, more: Partial<GuardRequest> = {}): GuardRequest {
  return {
    tables: ["rooms"],
    host: target,
    rules: undefined,
    allowed: [],
    command: "roomctl wipe --scope rooms",
    ...more,
  };
}
