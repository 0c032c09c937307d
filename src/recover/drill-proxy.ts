import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";

/**
 * A TCP proxy between a server and its database that can behave as networks do. `late` is the nasty one: the client
 * sees its connection die, and what it had sent still reaches the database, some time after.
 */
export interface DrillProxy extends AsyncDisposable {
  readonly port: number;
  /** Holds every byte back for so long, in both directions; 0 again lets them pass. */
  delay(ms: number): void;
  /** Ends all connections at once, as a reset does. */
  cut(): number;
  /** Ends them for the client; what it had sent by then, and `delay` holds back, is still delivered when it is due. */
  cutLate(): number;
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  latencyMs: number;
}

/** Listens on loopback and passes connections on to `target`. */
export async function openProxy(target: { readonly host: string; readonly port: number }): Promise<DrillProxy> {
  const pairs = new Set<Pair>();
  const { later, clear } = createTimers();
  const state = { latencyMs: 0 };
  const server = createServer({ noDelay: true }, (client) => {
    const { latencyMs } = state;
    const pair = { client, upstream: createConnection({ ...target, noDelay: true }), latencyMs };
    pairs.add(pair);
    join(pair, later, () => pairs.delete(pair));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const setLatency = (ms: number) => {
    state.latencyMs = ms;
    for (const pair of pairs) pair.latencyMs = ms;
  };
  return {
    port: (server.address() as AddressInfo).port,
    delay: setLatency,
    cut: () => cutAll(pairs, false),
    cutLate() {
      // For new connections only: those that are cut keep what holds their bytes back.
      state.latencyMs = 0;
      return cutAll(pairs, true);
    },
    async [Symbol.asyncDispose]() {
      clear();
      cutAll(pairs, false);
      server.close();
      await once(server, "close");
    },
  };
}

type Later = (ms: number, work: () => void) => void;

function createTimers(): { readonly later: Later; readonly clear: () => void } {
  const timers = new Set<NodeJS.Timeout>();
  return {
    later(ms, work) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        work();
      }, ms);
      timers.add(timer);
    },
    clear() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

function cutAll(pairs: ReadonlySet<Pair>, isLate: boolean): number {
  const cut = [...pairs];
  for (const { client, upstream } of cut) {
    if (!isLate) upstream.destroy();
    client.destroy();
  }
  return cut.length;
}

function join(pair: Pair, later: Later, forget: () => void): void {
  const { client, upstream } = pair;
  const pass = (from: Socket, to: Socket) => {
    // Bytes must not overtake each other when the latency falls.
    let dueAt = 0;
    from.on("data", (bytes) => {
      const now = performance.now();
      dueAt = Math.max(now + pair.latencyMs, dueAt);
      const waitMs = dueAt - now;
      const write = () => {
        if (!to.destroyed) to.write(bytes);
      };
      if (waitMs <= 0) write();
      else later(waitMs, write);
    });
    // A reset is what the proxy is for: the other side learns of it by the close below.
    from.on("error", () => {});
  };
  pass(client, upstream);
  pass(upstream, client);
  upstream.on("close", () => {
    client.destroy();
    forget();
  });
  // What the client sent before it went must still arrive, held back as it is.
  client.on("close", () => later(pair.latencyMs + 1, () => upstream.end()));
}
