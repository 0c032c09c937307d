import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import type { Database } from "../../src/db/pool.js";
import { type RoomServer, startServer } from "../../src/server/server.js";
import { defaultSettings, type ServerSettings } from "../../src/server/settings.js";
import { createClockFault, withClockFault } from "../support/database-clock.js";
import { createRoomDatabase } from "../support/recovery.js";
import { connectClient } from "../support/server-client.js";

interface Running extends AsyncDisposable {
  readonly server: RoomServer;
  /** Straight to the database, with its own clock. */
  readonly direct: Database;
  readonly fault: ReturnType<typeof createClockFault>;
  /** What the control socket says of the server. */
  tell(): Promise<{ readonly skewMs: number; readonly timeToleranceMs?: number }>;
}

async function start(settings: Partial<ServerSettings> = {}): Promise<Running> {
  const scratch = await createRoomDatabase();
  const direct = await scratch.open();
  const fault = createClockFault();
  const folder = mkdtempSync(join(tmpdir(), "roomctl-supervision-"));
  const controlPath = join(folder, "control.sock");
  const server = await startServer({
    settings: { ...defaultSettings, port: 0, ...settings },
    log: pino({ level: "silent" }),
    pid: process.pid,
    open: async () => withClockFault(await scratch.open(), fault),
    freeze: true,
    mail: async () => {},
    controlPath,
  });
  return {
    server,
    direct,
    fault,
    tell: () => askControl(controlPath),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await direct[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

function askControl(socketPath: string): ReturnType<Running["tell"]> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path: "/state" }, (response) => {
      let text = "";
      response.on("data", (piece) => {
        text += piece;
      });
      response.once("end", () => resolve(JSON.parse(text).server));
    });
    asking.once("error", reject);
    asking.end();
  });
}

/** Two users in a call. */
async function call({ server }: Running) {
  const tokens = [];
  for (const name of ["Ava", "Ben"]) {
    const response = await fetch(`${server.url}/api/guests`, { method: "POST", body: JSON.stringify({ name }) });
    tokens.push(((await response.json()) as { readonly token: string }).token);
  }
  const [ava = "", ben = ""] = tokens;
  const [one, two] = [await connectClient(server.url, ava), await connectClient(server.url, ben)];
  await one.ask("queue:join", { mode: "video" });
  const { room } = await two.ask("queue:join", { mode: "video" });
  return { ava, one, two, roomId: (room as { readonly roomId: string }).roomId };
}

const poll = { interval: 100 };

test("when the database's clock is set, open deadlines and the heartbeat are written anew by it", async () => {
  await using running = await start({ graceMs: 600_000, heartbeatMs: 600_000 });
  const { one, two } = await call(running);
  one.close();
  const leftSeconds = async (aheadSeconds: number) => {
    const [row] = await running.direct.query<{ left: number | null }>(
      `SELECT extract(epoch FROM grace_expires_at - clock_timestamp())::float8 - $1::float8 AS left FROM active_rooms`,
      [aheadSeconds],
    );
    return row?.left ?? Number.NaN;
  };
  await expect.poll(() => leftSeconds(0), poll).toBeGreaterThan(400);
  for (const aheadMs of [3_600_000, -3_600_000]) {
    running.fault.aheadMs = aheadMs;
    await expect.poll(() => leftSeconds(aheadMs / 1000), poll).toSatisfy((left: number) => left > 400 && left < 601);
    // Its next heartbeat would be due in ten minutes; whoever looks at the new clock must not count it as gone until then.
    await expect
      .poll(async () => {
        const [row] = await running.direct.query<{ age: number }>(
          "SELECT extract(epoch FROM clock_timestamp() - heartbeat_at)::float8 + $1::float8 AS age FROM server_instances",
          [aheadMs / 1000],
        );
        return Math.abs(row?.age ?? Number.NaN);
      }, poll)
      .toBeLessThan(20);
  }
  const { skewMs, timeToleranceMs } = await running.tell();
  expect(Math.abs(skewMs + 3_600_000)).toBeLessThan(60_000);
  expect(timeToleranceMs).toBe(60_000);
  expect(two.received.filter(({ payload }) => payload.room?.status === "ended")).toEqual([]);
  two.close();
});

test("answers that are slow do not count as a change of the clock", async () => {
  await using running = await start();
  const { skewMs } = await running.tell();
  running.fault.answerDelayMs = 1_500;
  running.fault.answered = 0;
  await expect.poll(() => running.fault.answered, poll).toBeGreaterThan(1);
  expect(running.server.link.status).toBe("up");
  expect((await running.tell()).skewMs).toBe(skewMs);
});

test("health is degraded while a row is refused, and healthy again once a later change of it is written", async () => {
  await using running = await start({ graceMs: 600_000 });
  const { ava, one, two, roomId } = await call(running);
  const health = async () => (await fetch(`${running.server.url}/health`)).json();
  const metric = async (name: string) => {
    const text = await (await fetch(`${running.server.url}/metrics`)).text();
    return new RegExp(`^roomctl_${name}\\{map="active rooms"\\} (\\d+)$`, "m").exec(text)?.[1];
  };
  await running.direct.execute(
    "ALTER TABLE active_rooms ADD CONSTRAINT refused CHECK (status <> 'grace_period') NOT VALID",
  );
  one.close();
  await expect.poll(health, poll).toMatchObject({ status: "degraded", quarantined: 1 });
  const again = await connectClient(running.server.url, ava);
  expect(await again.ask("room:rejoin", { roomId })).toMatchObject({ ok: true });
  await expect.poll(health, poll).toMatchObject({ status: "healthy", quarantined: 0 });
  expect([await metric("store_quarantined"), await metric("store_refusals")]).toEqual(["0", "1"]);
  again.close();
  two.close();
});

test("a server whose epoch was ended hears of it with its next heartbeat, and says so once", async () => {
  await using running = await start({ heartbeatMs: 500 });
  expect(running.server.link.status).toBe("up");
  await running.direct.execute("UPDATE server_instances SET stopped_at = clock_timestamp()");
  await running.server.fenced;
  expect(running.server.link.status).toBe("down");
});
