import { connect, createServer, type Socket } from "node:net";
import type { DatabaseTarget } from "../../src/db/target.js";

/** A network between a client and a PostgreSQL server that a test can break. */
export interface BreakableNetwork extends AsyncDisposable {
  /** The server as it is reached through the proxy. */
  readonly target: DatabaseTarget;
  /** Ends every connection at both ends. */
  cut(): void;
  /** New connections are refused while it is true. */
  isDown: boolean;
  /** Each packet to the server takes so much longer. */
  delayMs: number;
  /** Answers of the server go nowhere while it is true; the connections stay open. */
  isMute: boolean;
  /**
   * The client's end is closed as soon as the server answers the next time; the server's end stays open. Resolves then.
   * PostgreSQL answers a statement of its own only after it has committed.
   */
  loseNextAnswer(): Promise<void>;
  /** Closes the clients' ends and keeps the server's open: what runs there goes on. */
  cutClients(): void;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export async function startProxy(to: DatabaseTarget): Promise<BreakableNetwork> {
  const pairs = new Set<Pair>();
  const state = { isDown: false, delayMs: 0, isMute: false, onAnswer: undefined as (() => void) | undefined };
  const listener = createServer((client) => {
    if (state.isDown) return client.destroy();
    const server = connect(to.port, to.host);
    const pair = { client, server };
    pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // A reset is what this is for; the close that follows is handled below.
      socket.on("error", () => {});
    }
    client.on("data", (bytes) => {
      if (state.delayMs === 0) server.write(bytes);
      else setTimeout(() => server.writable && server.write(bytes), state.delayMs);
    });
    server.on("data", (bytes) => {
      if (state.onAnswer !== undefined) {
        client.destroy();
        state.onAnswer();
        state.onAnswer = undefined;
      } else if (!state.isMute && client.writable) client.write(bytes);
    });
    client.on("end", () => server.end());
    server.on("close", () => {
      pairs.delete(pair);
      client.destroy();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const cut = () => {
    for (const { client, server } of pairs) for (const socket of [client, server]) socket.destroy();
  };
  return Object.assign(state, {
    target: { ...to, host: "127.0.0.1", port },
    cut,
    cutClients() {
      for (const { client } of pairs) client.destroy();
    },
    loseNextAnswer: () => new Promise<void>((resolve) => Object.assign(state, { onAnswer: resolve })),
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => listener.close(resolve));
    },
  });
}
