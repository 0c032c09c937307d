import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket } from "socket.io";
import { expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.js";
import { openHistory } from "../../src/recover/drill-history.js";
import { createUser } from "../../src/recover/drill-user.js";

/** A server that tells nobody of a session before the test says so. */
async function startSilentServer() {
  const http = createServer();
  const server = new Server(http);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    port: (http.address() as AddressInfo).port,
    next: once(server, "connection").then(([socket]) => socket as Socket),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

const room = {
  roomId: "6a7c2f0e-0a55-4c5a-8f39-6a0f2c6f7b11",
  mode: "text",
  status: "active",
  graceExpiresAt: null,
  you: { connected: true },
  partner: { userId: "5b0ac1c5-2c7e-4d38-9e0c-0a3a5a3e7d10", connected: true },
  initiator: true,
};

test.each([["tells of a session"], ["goes away"]])(
  "a server that slept and %s changes nothing for a user who is at its successor",
  async (how) => {
    await using sleeping = await startSilentServer();
    await using successor = await startSilentServer();
    using history = openHistory(undefined, systemClock);
    const user = createUser(history, { userId: "ada", token: "t" }, "text");
    const late = user.connect(sleeping.port);
    const old = await sleeping.next;
    user.mute();
    const connected = user.connect(successor.port);
    (await successor.next).emit("session", { userId: "ada", room });
    expect(await connected).toBe(true);
    if (how === "goes away") old.disconnect(true);
    else old.emit("session", { userId: "ada", room: null });
    expect(await late).toBe(false);
    expect({ room: user.room()?.roomId, isConnected: user.isConnected() }).toEqual({
      room: room.roomId,
      isConnected: true,
    });
    user.drop();
    old.disconnect(true);
  },
);
