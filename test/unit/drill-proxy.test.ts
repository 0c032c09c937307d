import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { openProxy } from "../../src/recover/drill-proxy.js";

interface Echo extends AsyncDisposable {
  readonly place: { readonly host: string; readonly port: number };
  /** Resolves when all that was sent to it holds `text`. */
  received(text: string): Promise<void>;
}

/** Sends everything back. */
async function openEcho(): Promise<Echo> {
  const sockets = new Set<Socket>();
  let all = "";
  let wake = () => {};
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      all += bytes.toString();
      if (socket.writable) socket.write(bytes);
      wake();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    place: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    async received(text) {
      while (!all.includes(text)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function openClient(port: number): Promise<Socket> {
  const client = connect(port, "127.0.0.1");
  client.on("error", () => {});
  await once(client, "connect");
  return client;
}

test("bytes pass in both directions, in their order, also when the latency falls in between", async () => {
  await using echo = await openEcho();
  await using proxy = await openProxy(echo.place);
  const client = await openClient(proxy.port);
  let answer = "";
  client.on("data", (bytes) => {
    answer += bytes.toString();
  });
  client.write("one ");
  await echo.received("one ");
  proxy.delay(60);
  client.write("two ");
  // A turn of the loop, so that they are two pieces.
  await new Promise((resolve) => setImmediate(resolve));
  proxy.delay(0);
  client.write("three");
  await echo.received("one two three");
  while (answer.length < 13) await once(client, "data");
  expect(answer).toBe("one two three");
  client.destroy();
});

test("a cut ends every connection at once", async () => {
  await using echo = await openEcho();
  await using proxy = await openProxy(echo.place);
  const clients = await Promise.all([openClient(proxy.port), openClient(proxy.port)]);
  for (const client of clients) {
    client.write("hello");
    await once(client, "data");
  }
  const closed = clients.map((client) => once(client, "close"));
  expect(proxy.cut()).toBe(2);
  await Promise.all(closed);
  const next = await openClient(proxy.port);
  next.write("again");
  await once(next, "data");
  next.destroy();
});

test("cut late, the client is gone and what it had sent still arrives", async () => {
  await using echo = await openEcho();
  await using proxy = await openProxy(echo.place);
  const client = await openClient(proxy.port);
  client.write("first");
  await once(client, "data");
  proxy.delay(150);
  client.write("held back");
  // Turns of the loop, in which the proxy takes what was sent.
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
  const closed = once(client, "close");
  expect(proxy.cutLate()).toBe(1);
  await closed;
  await echo.received("held back");
});
