import { expect, test, vi } from "vitest";
import { keepSettings, setSettings } from "../../src/db/kept-settings.js";
import type { Connection } from "../../src/db/pool.js";
import { inTransaction } from "../../src/db/transaction.js";
import { createScratchDatabase } from "../support/postgres.js";

const before = { names: ["search_path"], values: ["public"] };
const pathOf = async (connection: Connection) => (await connection.query("SHOW search_path"))[0];

test("settings are as they were after work that succeeds, and after work that fails", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using connection = await database.connect();
  await setSettings(connection, before.names, before.values);
  const work = async () => {
    await setSettings(connection, ["search_path"], ["pg_catalog"]);
    return await pathOf(connection);
  };
  expect(await keepSettings(connection, before, work)).toEqual({ search_path: "pg_catalog" });
  expect(await pathOf(connection)).toEqual({ search_path: "public" });
  const failing = async () => {
    await work();
    throw new Error("changed my mind");
  };
  await expect(keepSettings(connection, before, failing)).rejects.toThrow("changed my mind");
  expect(await pathOf(connection)).toEqual({ search_path: "public" });
});

test("a failure inside a transaction is told as it is, and the rollback takes the settings back", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using connection = await database.connect();
  await setSettings(connection, before.names, before.values);
  const failing = inTransaction(connection, {}, () =>
    keepSettings(connection, before, async () => {
      await setSettings(connection, ["search_path"], ["pg_catalog"]);
      await connection.execute("SELECT 1 / 0");
    }),
  );
  await expect(failing).rejects.toMatchObject({ code: "22012" });
  expect(await pathOf(connection)).toEqual({ search_path: "public" });
});

test("work that succeeded is no success when the settings cannot be given back", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using observer = await scratch.open();
  await using connection = await database.connect();
  const work = async () => {
    const [own] = await connection.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    await observer.query("SELECT pg_terminate_backend($1)", [own?.pid]);
    const there = "SELECT FROM pg_stat_activity WHERE pid = $1";
    await vi.waitFor(async () => expect(await observer.query(there, [own?.pid])).toEqual([]), { timeout: 20_000 });
    return "done";
  };
  await expect(keepSettings(connection, before, work)).rejects.toThrow();
});
