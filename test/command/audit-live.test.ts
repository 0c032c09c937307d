import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runRoomctl } from "../support/cli.js";
import type { ScratchDatabase } from "../support/postgres.js";
import { createRoomDatabase } from "../support/recovery.js";
import { type ServeProcess, startServe } from "../support/serve.js";
import { connectClient, type ServerClient } from "../support/server-client.js";

interface Watched extends AsyncDisposable {
  readonly scratch: ScratchDatabase;
  readonly server: ServeProcess;
  /** For --live. */
  readonly address: string;
  readonly socketPath: string;
  readonly calls: readonly Call[];
  /** The answer of the real command about the real server. */
  audit(words?: readonly string[], environment?: Readonly<Record<string, string>>): ReturnType<typeof runRoomctl>;
}

interface Call {
  readonly roomId: string;
  readonly clients: readonly [ServerClient, ServerClient];
}

/** A real server with its control socket, and so many calls, every second of them in text and with messages. */
async function serveCalls(count: number): Promise<Watched> {
  const scratch = await createRoomDatabase();
  const folder = mkdtempSync(join(tmpdir(), "roomctl-live-"));
  const socketPath = join(folder, "rooms.sock");
  const words = ["--instance", "watched", "--limit-scale", "1000", "--control", socketPath];
  const server = await startServe({ databaseUrl: scratch.url, words });
  const calls: Call[] = [];
  for (let index = 0; index < count; index += 1) calls.push(await call(server, index % 2 === 0 ? "text" : "video"));
  const address = `unix:${socketPath}`;
  await untilWritten(scratch, count);
  return {
    scratch,
    server,
    address,
    socketPath,
    calls,
    audit: (more = [], environment = {}) =>
      runRoomctl(["audit", "--live", address, ...more], { databaseUrl: scratch.url, environment }),
    async [Symbol.asyncDispose]() {
      for (const { clients } of calls) for (const client of clients) client.close();
      await server[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function call(server: ServeProcess, mode: "text" | "video"): Promise<Call> {
  const clients = [await enter(server), await enter(server)] as const;
  await clients[0].ask("queue:join", { mode });
  const { room } = await clients[1].ask("queue:join", { mode });
  const { roomId } = room as { roomId: string };
  if (mode === "text") for (const client of clients) await say(client, roomId);
  return { roomId, clients };
}

async function enter({ url }: ServeProcess): Promise<ServerClient> {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${url}/api/guests`, { method: "POST", headers, body: JSON.stringify({ name: "Ada" }) });
  const { token } = (await response.json()) as { token: string };
  return connectClient(url, token);
}

async function say(client: ServerClient, roomId: string): Promise<void> {
  const answer = await client.ask("chat:message", { roomId, messageId: randomUUID(), body: "hello" });
  expect(answer).toMatchObject({ ok: true, durable: true });
}

async function untilWritten(scratch: ScratchDatabase, rooms: number): Promise<void> {
  await using database = await scratch.open();
  const written = "SELECT FROM active_rooms WHERE status = 'active'";
  await expect.poll(async () => (await database.query(written)).length).toBe(rooms);
}

interface LiveAnswer {
  readonly ok: boolean;
  readonly findings: readonly { readonly id: string; readonly severity: string; readonly hint: string }[];
  readonly live: {
    readonly server: { readonly instance: string; readonly epoch: string; readonly pid: number };
    readonly containers: readonly {
      readonly name: string;
      readonly outcome: string;
      readonly compared: number;
      readonly drift: readonly { readonly id: string; readonly key: string }[];
    }[];
  };
}

test("a server at work agrees with its rows, and the audit says what it compared", async () => {
  await using watched = await serveCalls(4);
  const { server, audit, calls } = watched;
  const result = await audit(["--json"]);
  const { ok, live } = result.json<LiveAnswer>();
  expect({ ok, status: result.status, stderr: result.stderr }).toEqual({ ok: true, status: 0, stderr: "" });
  expect(live.server).toMatchObject({ instance: "watched", epoch: "1", pid: server.pid });
  const outcomes = Object.fromEntries(
    live.containers.map(({ name, outcome, compared }) => [name, { outcome, compared }]),
  );
  expect(outcomes).toMatchObject({
    "active rooms": { outcome: "agrees", compared: calls.length },
    "text room activity": { outcome: "agrees", compared: 2 },
    presence: { outcome: "memory only" },
  });
  const people = await audit();
  expect(people.status).toBe(0);
  expect(people.stdout).toContain(`In the memory of watched (epoch 1, process ${server.pid}, database up)`);
  expect(people.stdout).toMatch(/^active rooms\tactive_rooms\t4\t4\t0\tagrees$/m);
});

test("while users come, talk and leave, no audit takes a change on its way for drift", async () => {
  await using watched = await serveCalls(2);
  const { server, audit } = watched;
  let isOver = false;
  const work = (async () => {
    while (!isOver) {
      const { roomId, clients } = await call(server, "text");
      await say(clients[0], roomId);
      await clients[1].ask("room:leave", { roomId });
      for (const client of clients) client.close();
    }
  })();
  const answers = [await audit(["--json"]), await audit(["--json"])];
  isOver = true;
  await work;
  for (const answer of answers) {
    const { findings } = answer.json<LiveAnswer>();
    expect(findings.filter(({ id, severity }) => id.startsWith("live-") && severity === "error")).toEqual([]);
    expect(answer.status).toBe(0);
  }
});

test("what was done to the rows behind the server's back is found by its name, with exit 3", async () => {
  await using watched = await serveCalls(5);
  const { scratch, audit, address } = watched;
  const [changed, deleted, ahead, stale, copied] = watched.calls.map(({ roomId }) => roomId);
  const added = randomUUID();
  await using database = await scratch.open();
  const change = (text: string, ...values: readonly unknown[]) => database.execute(text, values);
  await change("UPDATE active_rooms SET user_1_connected = false WHERE room_id = $1", changed);
  await change("DELETE FROM active_rooms WHERE room_id = $1", deleted);
  await change("UPDATE active_rooms SET version = version + 100 WHERE room_id = $1", ahead);
  await change("UPDATE active_rooms SET version = 0 WHERE room_id = $1", stale);
  await change(
    `INSERT INTO active_rooms (room_id, user_1, user_2, started_at, chat_mode, owner_epoch, version)
     SELECT $1, user_1, user_2, started_at, chat_mode, owner_epoch, version FROM active_rooms WHERE room_id = $2`,
    added,
    copied,
  );
  const result = await audit(["--json", "--state", "active-rooms"]);
  const { ok, live, findings } = result.json<LiveAnswer>();
  expect({ ok, status: result.status }).toEqual({ ok: false, status: 3 });
  const drift = live.containers.find(({ name }) => name === "active rooms")?.drift ?? [];
  expect(new Set(drift.map(({ id, key }) => `${id} ${key}`))).toEqual(
    new Set([
      `live-differs ${changed}`,
      `live-missing-in-database ${deleted}`,
      `live-ahead ${ahead}`,
      `live-stale ${stale}`,
      `live-missing-in-memory ${JSON.stringify([added])}`,
    ]),
  );
  const errors = findings.filter(({ id }) => id.startsWith("live-")).map(({ id }) => id);
  expect(errors.sort()).toEqual([...new Set(drift.map(({ id }) => id))].sort());

  const people = await audit(["--state", "active-rooms"]);
  expect(people.status).toBe(3);
  expect(people.stdout).toMatch(/^active rooms\tactive_rooms\t5\t5\t0\tdrift: 5$/m);
  expect(people.stdout).toContain(`- ${changed}: user_1_connected true in memory, false in the row`);
  expect(people.stdout).toContain(`next: roomctl audit --live ${address} --state active-rooms`);
  expect((await audit(["--state", "active-rooms", "--fail-on", "none"])).status).toBe(0);
});

test("a server that was killed is one clear error with the command to type next, and no audit", async () => {
  await using watched = await serveCalls(1);
  const { server, audit, socketPath } = watched;
  await server.kill("SIGKILL");
  const refused = await audit();
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toContain(`unix:${socketPath} could not be asked what it holds (/state)`);
  expect(refused.stderr).toContain(`curl --unix-socket ${socketPath} http://localhost/state`);
  const asJson = await audit(["--json"]);
  expect(asJson).toMatchObject({ status: 1, stdout: "" });
  expect(JSON.parse(asJson.stderr)).toMatchObject({ ok: false, error: { code: "E_CONTROL" } });
});

interface Door extends AsyncDisposable {
  readonly address: string;
}

/** What an operator puts before the socket to ask from afar: HTTP that lets only one token in. */
async function openDoor(socketPath: string, token: string): Promise<Door> {
  const server = createServer((asked, answer) => {
    if (asked.headers.authorization !== `Bearer ${token}`) return void answer.writeHead(401).end();
    const onward = request({ socketPath, path: asked.url, method: asked.method }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("over HTTP the right token is let in, and a wrong one or none is told what to set", async () => {
  await using watched = await serveCalls(2);
  const { scratch, socketPath } = watched;
  await using door = await openDoor(socketPath, "the-right-token");
  const ask = (environment: Readonly<Record<string, string>>, words: readonly string[] = []) =>
    runRoomctl(["audit", "--live", door.address, ...words], { databaseUrl: scratch.url, environment });

  const allowed = await ask({ ROOMCTL_CONTROL_TOKEN: "the-right-token" }, ["--json"]);
  expect(allowed).toMatchObject({ status: 0, stderr: "" });
  expect(allowed.json<LiveAnswer>().live.containers).toContainEqual(
    expect.objectContaining({ name: "active rooms", outcome: "agrees", compared: 2 }),
  );
  expect(allowed.stdout).not.toContain("the-right-token");

  const wrong = await ask({ ROOMCTL_CONTROL_TOKEN: "a-wrong-token" });
  expect(wrong).toMatchObject({ status: 1, stdout: "" });
  expect(wrong.stderr).toContain(`${door.address} refuses to say what it holds`);
  expect(wrong.stderr).toContain("it answered 401 to the token that it was given");
  expect(wrong.stderr).toContain("export ROOMCTL_CONTROL_TOKEN=");
  expect(wrong.stderr).not.toContain("a-wrong-token");

  const none = await ask({}, ["--json"]);
  expect(none).toMatchObject({ status: 1, stdout: "" });
  expect(JSON.parse(none.stderr)).toMatchObject({ ok: false, error: { code: "E_CONTROL" } });
  expect(none.stderr).toContain("no token was given");
});

test("the server itself answers nobody on its own port: what it holds is on the socket alone", async () => {
  await using watched = await serveCalls(1);
  const { scratch, server } = watched;
  const refused = await runRoomctl(["audit", "--live", server.url], { databaseUrl: scratch.url });
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toContain("it answered 404");
});
