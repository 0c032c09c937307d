import { expect, test, vi } from "vitest";
import { withLock } from "../../src/db/lock.js";
import { inTransaction, withTransaction } from "../../src/db/transaction.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

test.each(serverNames)("a session on %s is in UTC, bounds its lock waits and carries its name", async (server) => {
  await using scratch = await createScratchDatabase({ server });
  await using database = await scratch.open({ applicationName: "roomctl/test" });
  const [settings] = await database.query(
    "SELECT current_setting('TimeZone') AS zone, current_setting('lock_timeout') AS lock, current_setting('application_name') AS name, current_setting('client_connection_check_interval') AS check",
  );
  expect(settings).toEqual({ zone: "UTC", lock: "3s", name: "roomctl/test", check: "1s" });
});

test("a transaction that throws leaves nothing behind", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE kept (n int)");
  const attempt = withTransaction(database, {}, async (connection) => {
    await connection.execute("INSERT INTO kept VALUES (1)");
    throw new Error("changed my mind");
  });
  await expect(attempt).rejects.toThrow("changed my mind");
  expect(await database.query("SELECT * FROM kept")).toEqual([]);
});

test("an aborted signal cancels the running statement on the server", async () => {
  await using scratch = await createScratchDatabase();
  const controller = new AbortController();
  await using database = await scratch.open({ signal: controller.signal });
  const sleeping = expect(database.query("SELECT pg_sleep(30)")).rejects.toMatchObject({ code: "57014" });
  await using observer = await scratch.open();
  const active = "SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND datname = current_database()";
  await vi.waitFor(async () => expect(await observer.query(active)).toHaveLength(1), { timeout: 120_000 });
  controller.abort();
  await sleeping;
});

test("a second holder of a lock waits its time and then names the first", async () => {
  await using scratch = await createScratchDatabase();
  await using first = await scratch.open({ applicationName: "roomctl/first" });
  await using second = await scratch.open();
  await withLock(first, "change", { waitMs: 0 }, async () => {
    const refused = withLock(second, "change", { waitMs: 50, pollMs: 10 }, async () => undefined);
    await expect(refused).rejects.toMatchObject({
      code: "E_LOCKED",
      message: expect.stringContaining("roomctl/first"),
    });
  });
  await expect(withLock(second, "change", { waitMs: 0 }, async () => "free again")).resolves.toBe("free again");
});

test("a session that is kept has one transaction after another, each with its own bound, and nothing of one that throws", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE kept (n int)");
  await using connection = await database.connect();
  const bound = () => connection.query("SELECT pg_backend_pid() AS session, current_setting('lock_timeout') AS lock");
  const [outside] = await bound();
  const attempt = inTransaction(connection, { lockTimeoutMs: 70 }, async () => {
    await connection.execute("INSERT INTO kept VALUES (1)");
    throw new Error("changed my mind");
  });
  await expect(attempt).rejects.toThrow("changed my mind");
  const [inside] = await inTransaction(connection, { lockTimeoutMs: 0 }, async () => {
    await connection.execute("INSERT INTO kept VALUES (2)");
    return await bound();
  });
  expect(inside).toEqual({ ...outside, lock: "0" });
  expect(await bound()).toEqual([outside]);
  expect(await connection.query("SELECT n FROM kept")).toEqual([{ n: 2 }]);
});

test("an interrupted transaction is rolled back before its kept session is given back", async () => {
  await using scratch = await createScratchDatabase();
  const controller = new AbortController();
  await using database = await scratch.open({ signal: controller.signal });
  await using observer = await scratch.open();
  await observer.execute("CREATE TABLE kept (n int)");
  await using connection = await database.connect();
  const attempt = inTransaction(connection, {}, async () => {
    await connection.execute("LOCK TABLE kept");
    controller.abort(new Error("told to end"));
    await connection.execute("INSERT INTO kept VALUES (1)");
  });
  await expect(attempt).rejects.toThrow("told to end");
  expect(await observer.query("SELECT FROM pg_locks WHERE relation = 'kept'::regclass")).toEqual([]);
});
