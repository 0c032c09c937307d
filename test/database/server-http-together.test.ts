import { mkdtempSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RoomServer, startServer } from "../../src/server/server.js";
import { defaultSettings } from "../../src/server/settings.js";
import type { ScratchDatabase } from "../support/postgres.js";
import { createRoomDatabase } from "../support/recovery.js";
import { connectClient, type ServerClient } from "../support/server-client.js";

const folder = mkdtempSync(join(tmpdir(), "roomctl-control-"));
const controlPath = join(folder, "control.sock");
let scratch: ScratchDatabase;
let server: RoomServer;
beforeAll(async () => {
  scratch = await createRoomDatabase();
  server = await startServer({
    settings: { ...defaultSettings, port: 0 },
    log: pino({ level: "silent" }),
    pid: process.pid,
    open: () => scratch.open(),
    freeze: true,
    mail: async () => {},
    controlPath,
  });
});
afterAll(async () => {
  await server.stop();
  await scratch[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function guest(name: string): Promise<{ readonly userId: string; readonly token: string }> {
  const response = await fetch(`${server.url}/api/guests`, { method: "POST", body: JSON.stringify({ name }) });
  return read(response);
}

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body by what it compares it with
async function read(response: Response): Promise<any> {
  return response.json();
}

async function connectPair() {
  const [ava, ben] = [await guest("Ava"), await guest("Ben")];
  const [one, two] = [await connectClient(server.url, ava.token), await connectClient(server.url, ben.token)];
  await one.ask("queue:join", { mode: "video" });
  const { room } = await two.ask("queue:join", { mode: "video" });
  return { ava, ben, one, two, roomId: (room as { readonly roomId: string }).roomId };
}

function askControl(path: string, body: object): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath: controlPath, path, method: "POST" }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asking.once("error", reject);
    asking.end(JSON.stringify(body));
  });
}

const ended = (client: ServerClient) => client.next("room:state", ({ room }) => room.status === "ended");

test("the control socket is its owner's alone", () => {
  expect(statSync(controlPath).mode & 0o777).toBe(0o600);
});

test("a ban ends the call and the connection at once, and the next connection is refused with its end", async () => {
  const { ava, ben, one, two, roomId } = await connectPair();
  expect(await askControl("/bans", { userId: ava.userId, reason: "shouting", durationMs: 60_000 })).toBe(201);
  expect((await ended(two)).room).toMatchObject({ roomId, reason: "banned" });
  expect((await one.next("session:ended")).code).toBe("banned");
  await one.closed();
  await expect(connectClient(server.url, ava.token)).rejects.toMatchObject({ code: "banned" });
  const again = await connectClient(server.url, ben.token);
  expect(again.session.room).toBeNull();
  again.close();
});

test("signing out ends the connection, and the room waits for its grace period", async () => {
  const { ava, one, two } = await connectPair();
  const response = await fetch(`${server.url}/api/session`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${ava.token}` },
  });
  expect(response.status).toBe(200);
  await one.closed();
  await two.next("room:state", ({ room }) => room.status === "grace_period" && !room.partner.connected);
  await expect(connectClient(server.url, ava.token)).rejects.toMatchObject({ code: "unauthorized" });
  two.close();
});

test("whom a link leads to is told on the socket", async () => {
  const [ava, ben] = [await guest("Ava"), await guest("Ben")];
  const connected = await connectClient(server.url, ava.token);
  const post = async (path: string, token: string) =>
    read(await fetch(`${server.url}${path}`, { method: "POST", headers: { Authorization: `Bearer ${token}` } }));
  const { code, durable } = await post("/api/referrals", ava.token);
  expect(durable).toBe(true);
  const { notificationId } = await post(`/api/referrals/${code}/use`, ben.token);
  expect(await connected.next("referral:notification")).toMatchObject({ notificationId, fromUserId: ben.userId, code });
  connected.close();
});

test("a call that was too short for the QR code can be reported and read afterwards", async () => {
  const { ava, ben, one, two, roomId } = await connectPair();
  expect((await one.ask("room:leave", { roomId })).durable).toBe(true);
  const headers = { Authorization: `Bearer ${ava.token}` };
  const reported = await fetch(`${server.url}/api/reports`, {
    method: "POST",
    headers,
    body: JSON.stringify({ roomId, reason: "x" }),
  });
  expect(reported.status).toBe(201);
  const { history } = await read(await fetch(`${server.url}/api/history`, { headers }));
  expect(history).toMatchObject([{ roomId, mode: "video", partner: { userId: ben.userId, name: "Ben" } }]);
  const qr = await fetch(`${server.url}/api/me/qr`, { method: "POST", headers });
  expect([qr.status, (await read(qr)).error.missingCalls]).toEqual([403, 3]);
  one.close();
  two.close();
});
