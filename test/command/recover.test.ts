import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeMarker } from "../../src/db/marker.js";
import type { Database } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { runRoomctl } from "../support/cli.js";
import { addRoom, addServer, createRoomDatabase, digestRows } from "../support/recovery.js";

interface Answer {
  readonly ok: boolean;
  readonly applied: boolean;
  readonly summary: string;
  readonly warnings: readonly string[];
  readonly plan: {
    readonly token: string;
    readonly counts: { readonly recovered: number; readonly ended: number; readonly skipped: number };
    readonly rooms: readonly { readonly roomId: string; readonly verdict: string; readonly secondsLeft?: number }[];
    readonly states: readonly { readonly name: string; readonly live: number }[];
  };
  readonly operationId?: number;
}

/** Three rooms that come back, one that ends, one that is stale, and the server that was killed with them. */
async function addRooms(database: Database): Promise<void> {
  await addServer(database, { epoch: 7, heartbeatAgo: 100 });
  for (const _ of [1, 2, 3]) await addRoom(database, { epoch: 7 });
  await addRoom(database, { epoch: 7, graceIn: -95 });
  await addRoom(database, { epoch: 6, startedAgo: 3000, updatedAgo: 840 });
}

async function markDevelopment(database: Database): Promise<void> {
  await withTransaction(database, {}, (connection) => writeMarker(connection, "development"));
}

test("a dry run shows each room's verdict, the reason and the seconds left, and changes nothing", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addRooms(database);
  const before = await digestRows(database);
  const { status, stdout, stderr } = await runRoomctl(["recover", "--dry-run", "--limit", "2"], {
    databaseUrl: scratch.url,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const lines = stdout.split("\n");
  expect(lines[0]).toBe("A start now would bring back 3 of 5 rooms: 3 recovered, 1 ended, 1 skipped");
  expect(lines[2]).toBe("room\tverdict\tseconds left\twhy");
  expect(lines[3]).toMatch(/^[0-9a-f-]{36}\tend\t\tits grace ran out \dm \d+s ago, while no server ran$/);
  expect(lines[4]).toMatch(/^[0-9a-f-]{36}\tskip\t\tstale: last sign of life 1\dm \d+s ago$/);
  expect(lines[5]).toMatch(/^[0-9a-f-]{36}\trecover\t10\.0\tactive, last sign of life \dm \d+s ago$/);
  expect(lines[8]).toBe("and 1 more recovered; --limit shows them");
  expect(stdout).toContain("state\ttable\tlive\texpired\tdetail\nreferral links\treferral_mappings\t0\t0");
  expect(stdout).toContain("Nothing was changed. To apply it: roomctl recover");
  expect(stdout).toContain("The 10 s that rooms have count from then on: start the server at once, or they end.");
  expect(await digestRows(database)).toEqual(before);
});

test("recover does what the dry run said, and as JSON lists every room", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addRooms(database);
  await markDevelopment(database);
  const options = { databaseUrl: scratch.url };
  const dry = (await runRoomctl(["recover", "--dry-run", "--json"], options)).json<Answer>();
  const done = (await runRoomctl(["recover", "--json"], options)).json<Answer>();
  expect(dry).toMatchObject({ ok: true, command: "recover", applied: false, warnings: [] });
  expect(done).toMatchObject({ ok: true, command: "recover", applied: true, changed: [], epoch: "8" });
  const verdicts = ({ plan }: Answer) => plan.rooms.map(({ roomId, verdict }) => [roomId, verdict]);
  expect(verdicts(done)).toEqual(verdicts(dry));
  expect(done.plan.token).toBe(dry.plan.token);
  expect(done.plan.rooms).toHaveLength(5);
  expect(done.summary).toMatch(
    /^rooms: 3 recovered \(3 was-active\), 1 ended \(1 grace-ran-out-\S+\), 1 skipped \(1 stale\); referral links: 0 live/,
  );
});

test("an applied recovery says until when the server must be up, and running it again moves no end", async () => {
  // A start that took longer than the rooms had left proves nothing.
  for (let isInTime = false, tries = 1; !isInTime; tries += 1) {
    expect(tries).toBeLessThan(20);
    isInTime = await recoverTwice();
  }
});

/** False when the second time came too late for the rooms that the first one brought back. */
async function recoverTwice(): Promise<boolean> {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addRooms(database);
  await markDevelopment(database);
  const options = { databaseUrl: scratch.url };
  const { stdout } = await runRoomctl(["recover"], options);
  const ends = () =>
    database.query<{ first: Date; last: Date }>(
      "SELECT min(grace_expires_at) AS first, max(grace_expires_at) AS last FROM active_rooms WHERE status = 'grace_period'",
    );
  const [recovered] = await ends();
  const time = recovered?.first.toISOString().slice(0, 19).replace("T", " ");
  expect(stdout).toContain(`\nStart the server before ${time}Z, or these rooms end.\n`);
  const givenMs = performance.now();
  // As long as a start of the program may take, and still the same ends.
  await database.execute(
    "UPDATE active_rooms SET grace_expires_at = now() + interval '9 seconds' WHERE status = 'grace_period'",
  );
  await database.execute(
    "UPDATE active_rooms SET grace_expires_at = now() + interval '8 seconds' WHERE room_id = (SELECT min(room_id::text)::uuid FROM active_rooms WHERE status = 'grace_period')",
  );
  const before = await ends();
  const again = await runRoomctl(["recover", "--json"], options);
  if (performance.now() - givenMs > 8000) return false;
  expect(again.json()).toMatchObject({
    graceEnds: { first: before[0]?.first.toISOString(), last: before[0]?.last.toISOString() },
    graceSeconds: 10,
  });
  expect(await ends()).toEqual(before);
  await database.execute(
    "UPDATE active_rooms SET grace_expires_at = now() - interval '1 second' WHERE status = 'grace_period'",
  );
  const late = await runRoomctl(["recover"], options);
  expect(late.stdout).toContain("Recovered 0 of 4 rooms");
  expect(late.stdout).not.toContain("Start the server");
  return true;
}

test("a database that is not marked as development needs consent by name", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addRooms(database);
  const before = await digestRows(database);
  const refused = await runRoomctl(["recover"], { databaseUrl: scratch.url });
  expect(refused.status).toBe(4);
  expect(refused.stderr).toContain(`roomctl recover --confirm=${scratch.target.database}`);
  const wrong = await runRoomctl(["recover", "--confirm=another"], { databaseUrl: scratch.url });
  expect(wrong.status).toBe(4);
  expect(await digestRows(database)).toEqual(before);
  const agreed = await runRoomctl(["recover", `--confirm=${scratch.target.database}`], { databaseUrl: scratch.url });
  expect(agreed).toMatchObject({ status: 0, stderr: "" });
  expect(agreed.stdout).toContain("Recovered 3 of 5 rooms under epoch 8: 3 recovered, 1 ended, 1 skipped");
});

test("a dry run beside a running server warns, and a recovery is refused", async () => {
  await using scratch = await createRoomDatabase();
  await using database = await scratch.open();
  await addServer(database, { epoch: 7, heartbeatAgo: 1 });
  await addRoom(database, { epoch: 7 });
  await markDevelopment(database);
  const dry = await runRoomctl(["recover", "--dry-run"], { databaseUrl: scratch.url });
  expect(dry.status).toBe(0);
  expect(dry.stderr).toContain("server 7 (process 7 on rooms-1");
  const refused = await runRoomctl(["recover", "--json"], { databaseUrl: scratch.url });
  expect(refused).toMatchObject({ status: 4, stdout: "" });
  expect(JSON.parse(refused.stderr)).toMatchObject({ ok: false, error: { code: "E_LIVE" } });
});

test("an app that does not say how its rooms come back is told where to say it", async () => {
  await using scratch = await createRoomDatabase();
  const workingDirectory = mkdtempSync(join(tmpdir(), "roomctl-recover-"));
  writeFileSync(join(workingDirectory, "roomctl.config.json"), JSON.stringify({ app: { name: "another app" } }));
  const result = await runRoomctl(["recover", "--dry-run"], { databaseUrl: scratch.url, workingDirectory });
  expect(result).toMatchObject({ status: 2, stdout: "" });
  expect(result.stderr).toContain('"another app" does not say how its rooms come back');
  expect(result.stderr).toContain("app.recovery");
  rmSync(workingDirectory, { recursive: true });
});

test("a limit that is no number is a usage error", async () => {
  const result = await runRoomctl(["recover", "--dry-run", "--limit", "many"]);
  expect(result).toMatchObject({ status: 2, stdout: "" });
  expect(result.stderr).toContain("--limit");
});
