import { isIP, type Socket } from "node:net";
import type { Connection } from "./pool.js";

/**
 * True when the server that answers runs on this machine. A host name cannot tell: `localhost` may be the mouth of an SSH
 * tunnel, or a container's forwarded port. So both ends of the connection are compared: on the way through loopback, and
 * nothing else, the server sees the very port that we sent from. A Unix socket is believed when it is one at the other
 * end too.
 */
export async function isOnThisMachine(connection: Connection): Promise<boolean> {
  const [peer] = await connection.query<{ address: string | null; port: number | null }>(
    "SELECT host(inet_client_addr()) AS address, inet_client_port() AS port",
  );
  const socket = socketOf(connection);
  if (!peer || !socket) return false;
  if (socket.remoteAddress === undefined) return peer.address === null;
  return isLoopback(socket.remoteAddress) && isLoopback(peer.address) && socket.localPort === peer.port;
}

function socketOf({ client }: Connection): Socket | undefined {
  const inner: unknown = Reflect.get(client, "connection");
  return typeof inner === "object" && inner !== null ? Reflect.get(inner, "stream") : undefined;
}

function isLoopback(address: string | null): boolean {
  const plain = (address ?? "").replace(/^::ffff:/, "");
  return plain === "::1" || (isIP(plain) === 4 && plain.startsWith("127."));
}
