import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openDatabase } from "../../src/db/pool.js";
import { urlOf } from "../../src/recover/drill-cycle.js";
import { openDrillPostgres } from "../../src/recover/drill-postgres.js";
import { runRoomctl } from "../support/cli.js";
import { type ServeProcess, startServe } from "../support/serve.js";
import { connectClient, type ServerClient } from "../support/server-client.js";

/** A minute in the soak. */
const outageMs = Number(process.env["ROOMCTL_TEST_OUTAGE_SECONDS"] ?? 6) * 1000;
const pairCount = 8;

interface Side {
  readonly token: string;
  client: ServerClient;
}

interface Pair {
  readonly sides: readonly [Side, Side];
  readonly roomId: string;
}

test("PostgreSQL goes away under load: calls go on without an error, memory stays flat, and everything is written later", async () => {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-outage-"));
  try {
    await using postgres = await openDrillPostgres(directory, undefined);
    const target = await postgres.createDatabase();
    const databaseUrl = urlOf(target);
    expect(await runRoomctl(["migrate"], { databaseUrl })).toMatchObject({ status: 0 });
    await using server = await startServe({ databaseUrl, words: ["--grace", "10m", "--limit-scale", "100000"] });
    const pairs: Pair[] = [];
    for (let number = 0; number < pairCount; number += 1) pairs.push(await meet(server));
    await untilWritten(server);

    await postgres.stopAtOnce();
    const before = { memoryMb: residentMb(server.pid), lines: server.output().split("\n").length };
    const endAt = performance.now() + outageMs;
    const left = pairs.slice(0, pairCount / 2);
    const answers = (await Promise.all(pairs.map((pair) => work(server, pair, endAt)))).flat();
    for (const { sides, roomId } of left) answers.push(await sides[1].client.ask("room:leave", { roomId }));
    expect(answers.filter(({ ok }) => ok !== true)).toEqual([]);
    expect(answers.length).toBeGreaterThan((20 * outageMs) / 1000);
    const grown = { memoryMb: residentMb(server.pid), lines: server.output().split("\n").length };
    expect(grown.memoryMb - before.memoryMb).toBeLessThan(100);
    // Each map says a few times that it cannot write, and then no more.
    expect(grown.lines - before.lines).toBeLessThan(60);

    await postgres.restart();
    await untilWritten(server);
    await using database = await openDatabase(target);
    const rows = await database.query<{ id: string; status: string }>("SELECT room_id AS id, status FROM active_rooms");
    const running = rows.filter(({ status }) => status === "active").map(({ id }) => id);
    expect(running.sort()).toEqual(idsOf(pairs.slice(pairCount / 2)));
    const told = await database.query<{ id: string }>("SELECT DISTINCT room_id AS id FROM chat_history");
    expect(told.map(({ id }) => id).sort()).toEqual(idsOf(left));
    for (const { sides } of pairs) for (const { client } of sides) client.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

const idsOf = (pairs: readonly Pair[]) => pairs.map(({ roomId }) => roomId).sort();

async function meet(server: ServeProcess): Promise<Pair> {
  const sides = [await enter(server), await enter(server)] as const;
  await sides[0].client.ask("queue:join", { mode: "video" });
  const { room } = await sides[1].client.ask("queue:join", { mode: "video" });
  return { sides, roomId: (room as { roomId: string }).roomId };
}

async function enter({ url }: ServeProcess): Promise<Side> {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${url}/api/guests`, { method: "POST", headers, body: '{"name":"Ada"}' });
  const { token } = (await response.json()) as { readonly token: string };
  return { token, client: await connectClient(url, token) };
}

/** Signals as a call does, and now and then loses the connection and comes back. Returns every answer. */
async function work({ url }: ServeProcess, { sides, roomId }: Pair, endAt: number) {
  const answers = [];
  for (let turn = 1; performance.now() < endAt; turn += 1) {
    const side = sides[turn % 2 === 0 ? 0 : 1];
    if (turn % 50 === 0) {
      side.client.close();
      side.client = await connectClient(url, side.token);
      answers.push(await side.client.ask("room:rejoin", { roomId }));
    }
    answers.push(await side.client.ask("rtc:ice", { roomId, candidate: { candidate: `${turn}`, sdpMid: "0" } }));
    await sleep(5);
  }
  return answers;
}

async function untilWritten({ url }: ServeProcess): Promise<void> {
  const health = async () => (await fetch(`${url}/health`)).json();
  await expect.poll(health).toMatchObject({ database: "up", dirty: 0 });
}

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
