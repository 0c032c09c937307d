import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GuardRules, RecoveryDefinition } from "../../src/core/catalogue.js";
import { referenceApp } from "../../src/core/reference-app.js";
import { referenceRecovery } from "../../src/core/reference-recovery.js";
import type { Database } from "../../src/db/pool.js";
import { assertGuards, readGuards, recheckGuards } from "../../src/wipe/guards.js";
import { guardRequest } from "../support/guards.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { useReferenceDatabase } from "../support/wipe.js";

const cloneReference = useReferenceDatabase();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "roomctl-guards-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function statement(name: string, sql: string): string {
  const path = join(folder, `${name}.sql`);
  writeFileSync(path, sql);
  return path;
}

const recovery = (sql: string, name: string): RecoveryDefinition => ({
  ...referenceRecovery,
  serversStatement: statement(name, sql),
});

const server = (age: string) => `SELECT 7 AS epoch, 'web1' AS host, 12 AS pid, ${age} AS heartbeat_age_seconds;\n`;

async function refused(database: Database, more: Parameters<typeof guardRequest>[1]): Promise<string> {
  const request = guardRequest(database.target, more);
  const error = await assertGuards(database, request).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) return "passed";
  expect(error).toMatchObject({
    code: "E_GUARD",
    exitCode: 4,
    hint: expect.stringMatching(/stop the app's servers.*roomctl wipe --scope rooms --allow live-rooms/),
  });
  const passed = await assertGuards(database, { ...request, allowed: ["live-rooms"] });
  expect(passed.filter(({ isSteppedOver }) => isSteppedOver)).toMatchObject([{ guard: "live-rooms" }]);
  return (error as Error).message.replace("nothing was changed: live-rooms: ", "");
}

describe.each(serverNames)("the reference app on %s", (name) => {
  const rules = referenceApp.guards;

  test("with its demonstration data nothing lives: the servers stopped giving signs of life", async () => {
    await using scratch = await cloneReference(name);
    await using database = await scratch.open();
    await database.execute("UPDATE server_instances SET heartbeat_at = now() - interval '2 minutes' WHERE epoch = 42");
    expect(await refused(database, { rules, recovery: referenceRecovery })).toBe("passed");
  });

  test("a heartbeat is refused until the server says that it stopped, or is silent for long enough", async () => {
    await using scratch = await cloneReference(name);
    await using database = await scratch.open();
    await database.execute("UPDATE server_instances SET heartbeat_at = now() WHERE epoch = 42");
    const given = { rules, recovery: referenceRecovery };
    expect(await refused(database, given)).toMatch(
      /^1 server of the app is alive \(epoch 42 on rooms-1, process 4242, heartbeat \d+ s ago\)$/,
    );
    expect(await refused(database, { ...given, now: new Date(Date.now() + 120_000) })).toBe("passed");
    await database.execute("UPDATE server_instances SET stopped_at = now() WHERE epoch = 42");
    expect(await refused(database, given)).toBe("passed");
  });

  test("a room of a server that nobody knows is live while its row is written to", async () => {
    await using scratch = await cloneReference(name);
    await using database = await scratch.open();
    await database.execute(`UPDATE server_instances SET stopped_at = now();
      UPDATE active_rooms SET owner_epoch = 0, updated_at = now()
       WHERE room_id IN (SELECT room_id FROM active_rooms WHERE status = 'active' LIMIT 5)`);
    const given = { rules, recovery: referenceRecovery };
    expect(await refused(database, given)).toMatch(/^5 live rooms \(room .*; room .*; room .*; and 2 more\)$/);
    await database.execute("UPDATE active_rooms SET updated_at = now() - interval '2 minutes'");
    expect(await refused(database, given)).toBe("passed");
  });

  test("before its tables are there nothing lives", async () => {
    await using scratch = await createScratchDatabase({ server: name });
    await using database = await scratch.open();
    expect(await refused(database, { rules, recovery: referenceRecovery })).toBe("passed");
  });

  test("what cannot be asked counts as live: another shape, a lock, an age that is no number", async () => {
    await using scratch = await createScratchDatabase({ server: name });
    await using database = await scratch.open();
    const ask = (sql: string) => refused(database, { recovery: recovery(sql, `${name}-${sql.length}`) });
    expect(await ask("SELECT nothing FROM (SELECT 1) AS x (y)")).toContain("could not be asked for: column");
    expect(await ask(server("NULL::float8"))).toContain("heartbeat of unknown age");
    expect(await ask(server("'NaN'::float8"))).toContain("heartbeat of unknown age");
    expect(await ask(server("-30"))).toContain("heartbeat -30 s ago");
    await database.execute("CREATE TABLE servers (epoch int, host text, pid int, heartbeat_age_seconds int)");
    await using holder = await database.connect();
    await holder.execute("BEGIN; LOCK TABLE servers");
    expect(await ask("SELECT * FROM servers")).toContain("could not be asked for: canceling statement");
    await holder.execute("ROLLBACK");
  });

  test("a statement of the app cannot change anything", async () => {
    await using scratch = await createScratchDatabase({ server: name });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE rooms (id int); INSERT INTO rooms VALUES (1)");
    const rules = { liveStatement: statement(`${name}-delete`, "DELETE FROM rooms RETURNING id AS subject") };
    expect(await refused(database, { rules })).toContain("read-only transaction");
    expect(await database.query("SELECT id FROM rooms")).toHaveLength(1);
  });
});

describe("the app's own answer over HTTP", () => {
  const answering = (body: string, status = 200): RequestListener => {
    return (_request, response) => {
      response.writeHead(status, { location: "/elsewhere" });
      response.end(body);
    };
  };

  async function askedOf(listener: RequestListener, rules: GuardRules = {}): Promise<string> {
    await using scratch = await createScratchDatabase();
    await using database = await scratch.open();
    const http = createServer(listener);
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const address = http.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    try {
      return await refused(database, { rules: { ...rules, liveUrl: `http://127.0.0.1:${port}/live?key=secret` } });
    } finally {
      http.closeAllConnections();
      http.close();
    }
  }

  test.each([
    ["nothing lives", '{"live": 0, "more": true}', 200, "passed"],
    ["3 live", '{"live": 3}', 200, "/live says that 3 are live"],
    ["a text for a number", '{"live": "0"}', 200, 'its answer has no "live" with a number'],
    ["no such field", "{}", 200, 'its answer has no "live" with a number'],
    ["nothing at all", "", 200, 'its answer has no "live" with a number'],
    ["a page", "<html>", 200, 'its answer has no "live" with a number'],
    ["a negative number", '{"live": -1}', 200, 'its answer has no "live" with a number'],
    ["an error", '{"live": 0}', 503, "it answered 503"],
    ["another code of success", '{"live": 0}', 203, "it answered 203"],
    ["another address", '{"live": 0}', 302, "could not be asked for live rooms"],
  ])("%s: %s with %d", async (_what, body, status, outcome) => {
    const answer = await askedOf(answering(body, status));
    expect(answer).toContain(outcome);
    expect(answer).not.toContain("secret");
  });

  test("no answer within 3 s counts as live, and nobody to ask as well", async () => {
    expect(await askedOf(() => {})).toContain("no answer within 3 s");
    await using scratch = await createScratchDatabase();
    await using database = await scratch.open();
    expect(await refused(database, { rules: { liveUrl: "http://127.0.0.1:1/" } })).toContain("could not be asked");
  });

  test("under the locks of a wipe it is not asked again", async () => {
    await using scratch = await createScratchDatabase();
    await using database = await scratch.open();
    const request = guardRequest(scratch.target, { rules: { liveUrl: "http://127.0.0.1:1/" } });
    expect((await readGuards(database, request)).find(({ guard }) => guard === "live-rooms")?.refusal).toBeDefined();
    await recheckGuards(database, request);
  });
});
