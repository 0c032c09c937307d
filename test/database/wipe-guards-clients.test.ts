import { describe, expect, test } from "vitest";
import { takeLock } from "../../src/db/lock.js";
import { openDatabase } from "../../src/db/pool.js";
import { assertGuards, recheckGuards } from "../../src/wipe/guards.js";
import { connectClient, guardRequest } from "../support/guards.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

describe.each(serverNames)("on %s", (server) => {
  test("other clients are refused by name, role, address and number, until they are gone or allowed", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const request = guardRequest(scratch.target);
    {
      await using _one = await connectClient(scratch.target, "game-server");
      await using _other = await connectClient(scratch.target, "game-server");
      await using _psql = await connectClient(scratch.target, "psql");
      const refusal = {
        code: "E_GUARD",
        exitCode: 4,
        message: expect.stringMatching(
          /clients: 3 other clients are connected: 2 × "game-server" as "\w+" \(127\.0\.0\.1, idle for \d+ s\), "psql"/,
        ),
        hint: expect.stringContaining("roomctl wipe --scope rooms --allow clients"),
      };
      await expect(assertGuards(database, request)).rejects.toMatchObject(refusal);
      await expect(recheckGuards(database, request)).rejects.toMatchObject(refusal);
      const passed = await assertGuards(database, { ...request, allowed: ["clients"] });
      expect(passed.filter(({ isSteppedOver }) => isSteppedOver)).toMatchObject([{ guard: "clients" }]);
      await assertGuards(database, { ...request, rules: { ignoredClients: ["GAME*", "psql"] } });
    }
    await assertGuards(database, request);
  });

  test("sessions of this process never count, whatever their name and pool; the same names of others do", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open({ applicationName: "roomctl/wipe" });
    await using pool = await scratch.open({ applicationName: "psql" });
    await using first = await pool.connect();
    await using second = await pool.connect();
    await Promise.all([first.query("SELECT 1"), second.query("SELECT 1")]);
    await assertGuards(database, guardRequest(scratch.target));
    await using _stranger = await connectClient(scratch.target, "psql");
    await expect(assertGuards(database, guardRequest(scratch.target))).rejects.toMatchObject({
      message: expect.stringContaining('1 other client is connected: "psql"'),
    });
  });

  test("a session that ended is forgotten: whoever gets its number is a stranger", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const pool = await scratch.open();
    await pool[Symbol.asyncDispose]();
    await using _stranger = await connectClient(scratch.target, "");
    await expect(assertGuards(database, guardRequest(scratch.target))).rejects.toMatchObject({
      message: expect.stringContaining("a program without a name"),
    });
  });

  test("another run of roomctl counts, unless it waits for the same lock or holds one", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open({ applicationName: "roomctl/wipe" });
    await using _same = await connectClient(scratch.target, "roomctl/wipe");
    const request = guardRequest(scratch.target);
    await assertGuards(database, request);
    await using _audit = await connectClient(scratch.target, "roomctl/audit");
    await expect(assertGuards(database, request)).rejects.toMatchObject({
      message: expect.stringContaining('1 other client is connected: "roomctl/audit"'),
    });
    await using auditing = await scratch.open({ applicationName: "roomctl/audit" });
    await using holder = await auditing.connect();
    await takeLock(holder, "change", { waitMs: 0 });
    await assertGuards(database, request);
    holder.discard();
  });

  test("a role that may not look into others' sessions still sees that they are there", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using owner = await scratch.open();
    const role = `guarded_${scratch.target.database}`;
    await owner.execute(`CREATE ROLE ${role} LOGIN PASSWORD '${scratch.target.password}'`);
    try {
      await using _client = await connectClient(scratch.target, "game-server");
      await using database = await openDatabase({ ...scratch.target, user: role });
      await expect(assertGuards(database, guardRequest(scratch.target))).rejects.toMatchObject({
        message: expect.stringMatching(/1 other client is connected: "game-server" as "\w+"/),
      });
    } finally {
      await owner.execute(`DROP ROLE ${role}`);
    }
  });

  test.each([
    ["roomctl's", "running-backup", "roomctl/backup create"],
    ["a migrator's", "running-migration", "roomctl/migrate up"],
  ] as const)("%s lock is refused as %s, and names its holder", async (_whose, guard, applicationName) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open({ applicationName: "roomctl/wipe" });
    const request = guardRequest(scratch.target);
    const lock = guard === "running-backup" ? "backup" : "migration";
    await using own = await database.connect();
    await takeLock(own, lock, { waitMs: 0 });
    // Our own lock is no reason.
    await assertGuards(database, request);
    const key = await own.query<{ key: string }>(
      "SELECT ((classid::bigint << 32) | objid::bigint)::text AS key FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    );
    own.discard();
    await using other = await connectClient(scratch.target, applicationName);
    await other.session.query("SELECT pg_advisory_lock($1::bigint)", [key[0]?.key]);
    await expect(assertGuards(database, request)).rejects.toMatchObject({
      code: "E_GUARD",
      message: expect.stringMatching(new RegExp(`^nothing was changed: ${guard}: .*"${applicationName}"$`)),
      hint: expect.stringContaining(`--allow ${guard}`),
    });
    const passed = await assertGuards(database, { ...request, allowed: [guard] });
    expect(passed.filter(({ isSteppedOver }) => isSteppedOver)).toMatchObject([{ guard }]);
  });

  test.each(["pg_dump", "pg_basebackup"])("%s in this database is a backup that runs", async (program) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using _dump = await connectClient(scratch.target, program);
    const request = guardRequest(scratch.target);
    await expect(assertGuards(database, request)).rejects.toMatchObject({
      message: expect.stringMatching(/^nothing was changed: running-backup: a backup is running: session \d+ of/),
      hint: expect.stringContaining("roomctl wipe --scope rooms --allow running-backup"),
    });
    await assertGuards(database, { ...request, allowed: ["running-backup"] });
  });
});
