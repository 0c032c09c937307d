/** What this file needs of a connection of engine.io. */
export interface BackloggedConnection {
  on(event: "packetCreate", listener: (packet: { readonly data?: unknown }) => void): unknown;
  on(event: "flush", listener: () => void): unknown;
  readonly transport: { on(event: "drain", listener: () => void): unknown };
}

/**
 * Watches how much a client has been sent and has not taken yet, and calls `onTooMuch` once when that is more than
 * `mostCharacters`: whoever does not read must not fill the memory of the server. Works for a connection that keeps its
 * transport, as one that begins as a WebSocket does.
 */
export function watchBacklog(connection: BackloggedConnection, mostCharacters: number, onTooMuch: () => void): void {
  let waiting = 0;
  let underWay = 0;
  let isTooMuch = false;
  connection.on("packetCreate", ({ data }) => {
    waiting += typeof data === "string" ? data.length : ArrayBuffer.isView(data) ? data.byteLength : 0;
    if (isTooMuch || waiting + underWay <= mostCharacters) return;
    isTooMuch = true;
    onTooMuch();
  });
  connection.on("flush", () => {
    underWay = waiting;
    waiting = 0;
  });
  connection.transport.on("drain", () => {
    underWay = 0;
  });
}
