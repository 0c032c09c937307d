import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { referenceScopes } from "../../src/core/reference-scopes.js";
import { withLock } from "../../src/db/lock.js";
import { readOperations } from "../../src/db/operations.js";
import { type Connection, openDatabase } from "../../src/db/pool.js";
import { applyWipe } from "../../src/wipe/apply.js";
import { planWipe, type WipePlan } from "../../src/wipe/plan.js";
import { untilBlocked, untilUnblocked } from "../support/blocked.js";
import { outcomeOf } from "../support/outcome.js";
import { createScratchDatabase, type ScratchDatabase, serverNames } from "../support/postgres.js";
import { scopeOf, tableCounts, useReferenceDatabase, wipeOptions } from "../support/wipe.js";

const cloneReference = useReferenceDatabase();

describe.each(serverNames)("on %s", (server) => {
  test("one row more than planned, and nothing is deleted", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    const plan = await planWipe(database, referenceScopes, ["limits"]);
    await database.execute(
      "INSERT INTO rate_limits (key, window_start, expires_at) VALUES ('late', now(), now() + '1 min')",
    );
    const before = await tableCounts(database);
    const attempt = applyWipe(database, plan, wipeOptions());
    await expect(attempt).rejects.toMatchObject({
      code: "E_PLAN_STALE",
      message: "nothing was deleted: 1 row appeared in rate_limits since the plan",
    });
    expect(await tableCounts(database)).toEqual(before);
  });

  test("a changed column or a new foreign key makes a plan stale", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int)");
    const scopes = scopeOf(["a"]);
    const before = await planWipe(database, scopes, ["it"]);
    await database.execute("ALTER TABLE a ADD COLUMN note text");
    await expect(applyWipe(database, before, wipeOptions(scopes))).rejects.toThrow("the structure of a changed");
    const wider = await planWipe(database, scopes, ["it"]);
    await database.execute("ALTER TABLE b ADD FOREIGN KEY (id) REFERENCES a");
    await expect(applyWipe(database, wider, wipeOptions(scopes))).rejects.toThrow("b has come into the plan");
  });

  test("a lock that never comes: nothing is deleted, the holder is named, and readers wait for one try at most", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    await using holding = await scratch.open({ applicationName: "sleepy report" });
    await using holder = await holding.connect();
    // A reader that never ends: it lets the first lock pass and stands in the way of the second.
    await holder.execute("BEGIN; SELECT count(*) FROM rate_limits");
    const before = await tableCounts(database);
    const plan = await planWipe(database, referenceScopes, ["limits"]);
    let isOver = false;
    const reading = watchReader(scratch, "SELECT count(*) FROM rate_limits", () => isOver);
    const startedMs = performance.now();
    const attempt = applyWipe(database, plan, { ...wipeOptions(), lockTimeoutMs: 500, attempts: 6 });
    await expect(attempt).rejects.toMatchObject({
      code: "E_LOCK_TIMEOUT",
      message: expect.stringContaining("sleepy report"),
    });
    const attemptMs = performance.now() - startedMs;
    isOver = true;
    const { held, slowestMs } = await reading;
    // Six tries of half a second with pauses between them: who stood behind one of them was let go after it.
    expect(held).toBeGreaterThan(2);
    expect(slowestMs).toBeLessThan(attemptMs / 2);
    expect(await tableCounts(database)).toEqual(before);
    expect(await readOperations(database, 1)).toEqual([]);
    await holder.execute("COMMIT");
  });

  test("writers that hold the first lock are waited for, again and again, and then it goes on", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open({ applicationName: "roomctl/wipe" });
    await using writing = await scratch.open();
    await using writer = await writing.connect();
    await writer.execute("BEGIN; LOCK TABLE rate_limits IN ROW EXCLUSIVE MODE");
    const plan = await planWipe(database, referenceScopes, ["limits"]);
    const wiping = applyWipe(database, plan, { ...wipeOptions(), lockTimeoutMs: 100, attempts: 20 });
    await untilBlocked(writing, "roomctl/wipe");
    await untilUnblocked(writing, "roomctl/wipe");
    await untilBlocked(writing, "roomctl/wipe");
    await writer.execute("COMMIT");
    await expect(wiping).resolves.toMatchObject({ applied: true });
  });

  test("a table that is not part of it may be locked by anyone", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open({ lockTimeoutMs: 200 });
    await using other = await scratch.open();
    await using holder = await other.connect();
    await holder.execute("BEGIN; LOCK TABLE todos IN ACCESS EXCLUSIVE MODE");
    const plan = await planWipe(database, referenceScopes, ["rooms"]);
    expect(plan.tables.find(({ table }) => table === "active_rooms")?.sizeBytes).toBeGreaterThan(0);
    await expect(applyWipe(database, plan, { ...wipeOptions(), lockTimeoutMs: 200 })).resolves.toMatchObject({
      applied: true,
    });
    await holder.execute("ROLLBACK");
  });

  test("the backup sees what is deleted, readers go on meanwhile, and writers wait", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    const plan = await planWipe(database, referenceScopes, ["limits"]);
    const seen: unknown[] = [];
    await applyWipe(database, plan, {
      ...wipeOptions(),
      async beforeDelete(connection) {
        seen.push(...(await connection.query("SELECT count(*)::int AS rows FROM rate_limits")));
        await database.query("SELECT count(*) FROM rate_limits");
        const insert = database.execute(
          "SET lock_timeout = 100; INSERT INTO rate_limits (key, window_start, expires_at) VALUES ('late', now(), now() + '1 min')",
        );
        await expect(insert).rejects.toMatchObject({ code: "55P03" });
        return { id: "backup-1" };
      },
    });
    expect(seen).toEqual([{ rows: plan.tables.find(({ table }) => table === "rate_limits")?.rows }]);
    const [operation] = await readOperations(database, 1);
    expect(operation?.result).toMatchObject({ receipt: "backup-1" });
  });

  test("a backup that fails, or a session that is killed in the middle, leaves everything", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    await using killer = await scratch.open();
    const before = await tableCounts(database);
    const plan = await planWipe(database, referenceScopes, []);
    const failing = applyWipe(database, plan, {
      ...wipeOptions(),
      beforeDelete: () => Promise.reject(new Error("the disk is full")),
    });
    await expect(failing).rejects.toThrow("the disk is full");
    const killed = applyWipe(database, plan, {
      ...wipeOptions(),
      async beforeDelete(connection) {
        const [own] = await connection.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
        await killer.query("SELECT pg_terminate_backend($1)", [own?.pid]);
        return { id: "never used" };
      },
    });
    expect(await outcomeOf(killed)).toBe("E_CONNECTION_LOST");
    expect(await tableCounts(killer)).toEqual(before);
    expect(await readOperations(killer, 1)).toEqual([]);
  });

  test("interrupted in the middle, it deletes nothing", async () => {
    await using scratch = await cloneReference(server);
    const controller = new AbortController();
    await using database = await scratch.open({ signal: controller.signal });
    await using observer = await scratch.open();
    const before = await tableCounts(observer);
    const plan = await planWipe(database, referenceScopes, []);
    const attempt = applyWipe(database, plan, {
      ...wipeOptions(),
      signal: controller.signal,
      async beforeDelete() {
        controller.abort(new Error("interrupted"));
        return { id: "never used" };
      },
    });
    await expect(attempt).rejects.toThrow("interrupted");
    expect(await tableCounts(observer)).toEqual(before);
  });

  test("of two wipes at once one does it, and the other is refused", async () => {
    await using scratch = await cloneReference(server);
    await using first = await scratch.open();
    await using second = await scratch.open();
    const plans = await Promise.all([first, second].map((database) => planWipe(database, referenceScopes, [])));
    const outcomes = await Promise.allSettled(
      [first, second].map((database, index) =>
        applyWipe(database, plans[index] as WipePlan, { ...wipeOptions(), lockWaitMs: index * 5000 }),
      ),
    );
    const refusals = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason.code);
    expect(refusals).toHaveLength(1);
    expect(["E_LOCKED", "E_PLAN_STALE"]).toContain(refusals[0]);
    expect(await readOperations(first, 10)).toHaveLength(1);
    await withLock(first, "change", { waitMs: 5000 }, async () => undefined);
  });

  test("a role without the right to truncate is told which, and changes nothing", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    const role = `clerk_${scratch.target.database}`;
    await database.execute(
      `CREATE ROLE ${role} LOGIN PASSWORD 'clerk'; GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`,
    );
    try {
      await using clerk = await openDatabase({ ...scratch.target, user: role, password: "clerk" });
      const before = await tableCounts(database);
      const plan = await planWipe(clerk, referenceScopes, ["users"]);
      await expect(applyWipe(clerk, plan, { ...wipeOptions(), acceptsCascade: true })).rejects.toMatchObject({
        code: "E_PRIVILEGE",
        message: expect.stringMatching(/users.*TRUNCATE.*reports_report_id_seq.*owner/),
      });
      expect(await tableCounts(database)).toEqual(before);
    } finally {
      await database.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  test("row security cannot hide rows from the counts", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const role = `clerk_${scratch.target.database}`;
    await database.execute(
      `CREATE TABLE a (id int); INSERT INTO a VALUES (1); ALTER TABLE a ENABLE ROW LEVEL SECURITY;
       CREATE ROLE ${role} LOGIN PASSWORD 'clerk'; GRANT ALL ON a TO ${role}`,
    );
    try {
      await using clerk = await openDatabase({ ...scratch.target, user: role, password: "clerk" });
      await expect(planWipe(clerk, scopeOf(["a"]), ["it"])).rejects.toMatchObject({ code: "42501" });
    } finally {
      await database.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});

/** Reads again and again until told to stop: how many reads had to wait, and how long the slowest took. */
async function watchReader(scratch: ScratchDatabase, sql: string, isOver: () => boolean) {
  await using database = await scratch.open();
  await using connection: Connection = await database.connect();
  const tookMs: number[] = [];
  while (!isOver()) {
    const startedMs = performance.now();
    await connection.query(sql);
    tookMs.push(performance.now() - startedMs);
    await sleep(5);
  }
  return { held: tookMs.filter((ms) => ms > 100).length, slowestMs: Math.max(...tookMs) };
}
