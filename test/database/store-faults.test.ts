import { expect, test } from "vitest";
import { openDatabase } from "../../src/db/pool.js";
import type { DualMap } from "../../src/store/dual-map.js";
import type { Note } from "../support/store.js";
import {
  createStoreDatabase,
  deletingMirror,
  hold,
  notesIn,
  notesOf,
  tombstoneMirror,
  untilBlocked,
} from "../support/store-database.js";

/** Changes notes for so long, in every way, as an app under load does. */
async function load(notes: DualMap<Note>, forMs: number): Promise<number> {
  const endMs = performance.now() + forMs;
  let count = 0;
  while (performance.now() < endMs) {
    for (let burst = 0; burst < 20; burst += 1) {
      count += 1;
      const key = `n${(count * 7919) % 300}`;
      if (count % 5 === 0) notes.delete(key);
      else notes.set(key, { text: `${count}` });
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return count;
}

test("a database that is not there at the start gets everything when it comes", async () => {
  await using scene = await createStoreDatabase({ random: () => 0.1 });
  const { store, database, direct, fence, proxy, events } = scene;
  proxy.isDown = true;
  proxy.cut();
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  store.attach(database, fence);
  await load(notes, 300);
  await expect.poll(() => events.some(({ kind }) => kind === "retry")).toBe(true);
  expect(await notesIn(direct)).toEqual({});
  proxy.isDown = false;
  expect(await store.drain(120_000)).toEqual({ left: 0 });
  expect(await notesIn(direct)).toEqual(notesOf(notes));
});

test("a database lost under load and back again ends with the rows that memory holds", async () => {
  for (const mirror of [tombstoneMirror, deletingMirror]) {
    await using scene = await createStoreDatabase({ random: () => 0.1 });
    const { store, database, direct, fence, proxy } = scene;
    const notes = store.map<Note>({ name: "notes", mirror });
    store.attach(database, fence);
    await load(notes, 200);
    for (let outage = 0; outage < 3; outage += 1) {
      proxy.isDown = true;
      proxy.cut();
      await load(notes, 150);
      proxy.isDown = false;
      await load(notes, 150);
    }
    expect(await store.drain(120_000)).toEqual({ left: 0 });
    expect(await notesIn(direct)).toEqual(notesOf(notes));
    expect(notes.stats()).toMatchObject({ quarantined: 0, tombstones: 0, fenced: false });
  }
});

test("while the server says that its disk is full everything waits, and is written once there is room", async () => {
  await using scene = await createStoreDatabase({ random: () => 0.1 });
  const { store, database, direct, fence, events } = scene;
  await direct.execute(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
    END $$;
    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON notes FOR EACH STATEMENT EXECUTE FUNCTION refuse()`);
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  store.attach(database, fence);
  await load(notes, 200);
  await expect.poll(() => events.find(({ kind }) => kind === "retry")?.code).toBe("53100");
  await direct.execute("DROP TRIGGER full_disk ON notes");
  expect(await store.drain(120_000)).toEqual({ left: 0 });
  expect(await notesIn(direct)).toEqual(notesOf(notes));
  expect(notes.stats()).toMatchObject({ quarantined: 0 });
});

test("a slow database gets fewer and larger batches, and memory does not wait for it", async () => {
  await using scene = await createStoreDatabase();
  const { store, database, direct, fence, proxy } = scene;
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  store.attach(database, fence);
  notes.set("first", { text: "" });
  await notes.flushed();
  proxy.delayMs = 1000;
  const before = notes.stats().batches;
  const startedMs = performance.now();
  // Waited it for the database, it would come to twenty changes a second.
  expect(await load(notes, 2500)).toBeGreaterThan(200);
  // No batch takes less than its delay; another may be under way.
  expect(notes.stats().batches - before).toBeLessThanOrEqual(1 + (performance.now() - startedMs) / 1000);
  expect(notes.stats()).toMatchObject({ retries: 0, breaker: "closed" });
  proxy.delayMs = 0;
  expect(await store.drain(120_000)).toEqual({ left: 0 });
  expect(await notesIn(direct)).toEqual(notesOf(notes));
});

test("a writer that the server ends again and again loses nothing", async () => {
  await using scene = await createStoreDatabase({ random: () => 0.1 });
  const { store, database, direct, fence } = scene;
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  store.attach(database, fence);
  let ended = 0;
  // On a slow machine a session may take longer to come than a round.
  for (let round = 0; round < 10 || ended === 0; round += 1) {
    await load(notes, 40);
    const [row] = await direct.query<{ ended: number }>(
      `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid))::int AS ended FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    ended += row?.ended ?? 0;
  }
  expect(await store.drain(120_000)).toEqual({ left: 0 });
  expect(await notesIn(direct)).toEqual(notesOf(notes));
});

test("a batch whose answer was lost is neither lost, nor written twice, nor brings back what was deleted", async () => {
  await using scene = await createStoreDatabase({ random: () => 0.1 });
  const { store, database, direct, fence, proxy } = scene;
  await direct.execute(`
    CREATE TABLE writes (id text, version bigint);
    CREATE FUNCTION count_writes() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO writes VALUES (NEW.id, NEW.version); RETURN NEW; END $$;
    CREATE TRIGGER counted AFTER INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION count_writes()`);
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  store.attach(database, fence);
  notes.set("warm", { text: "" });
  await notes.flushed();
  const lost = proxy.loseNextAnswer();
  notes.set("a", { text: "1" });
  notes.set("b", { text: "1" });
  await lost;
  notes.delete("b");
  expect(await store.drain(120_000)).toEqual({ left: 0 });
  expect(await notesIn(direct)).toEqual({ a: "1", warm: "" });
  expect(notes.stats().retries).toBe(1);
  const writes = await direct.query("SELECT id, version::int FROM writes ORDER BY version");
  expect(writes).toEqual([
    { id: "warm", version: 1 },
    { id: "a", version: 2 },
    { id: "b", version: 3 },
    { id: "b", version: 4 },
  ]);
});

test("a statement whose answer was lost cannot come in late, even into a table without versions", async () => {
  await using scene = await createStoreDatabase({ random: () => 0.1 });
  const { store, database, direct, fence, proxy } = scene;
  const notes = store.map<Note>({
    name: "notes",
    mirror: {
      ...tombstoneMirror,
      statement: `WITH given AS (SELECT * FROM json_to_recordset($1::json) AS given (id text, text text)), written AS (
          INSERT INTO notes (id, text, epoch, version) SELECT id, text, $2::bigint, 0 FROM given
              ON CONFLICT (id) DO UPDATE SET text = excluded.text RETURNING 1)
        SELECT true AS owned, (SELECT count(*) FROM written)::int AS written`,
    },
  });
  store.attach(database, fence);
  notes.set("a", { text: "first" });
  await notes.flushed();
  const lock = await hold(direct, "SELECT FROM notes WHERE id = 'a' FOR UPDATE");
  notes.set("a", { text: "older" });
  const writer = await untilBlocked(direct, "INSERT INTO");
  // The server does not learn of it: without us it would go on as soon as it has the lock.
  proxy.cutClients();
  notes.set("a", { text: "newer" });
  await expect.poll(async () => (await untilBlocked(direct, "INSERT INTO")) !== writer).toBe(true);
  const left = await direct.query("SELECT FROM pg_stat_activity WHERE pid = $1", [writer]);
  expect(left).toEqual([]);
  await lock.release();
  expect(await store.drain(120_000)).toEqual({ left: 0 });
  expect(await notesIn(direct)).toEqual({ a: "newer" });
});

test("an answer that never comes is given up, and the batch is sent again on another connection", async () => {
  await using scene = await createStoreDatabase({ random: () => 0.1, statementTimeoutMs: 1000 });
  const { store, database, direct, fence, proxy } = scene;
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  store.attach(database, fence);
  notes.set("warm", { text: "" });
  await notes.flushed();
  const before = notes.stats().retries;
  proxy.isMute = true;
  notes.set("a", { text: "1" });
  await expect.poll(() => notes.stats().retries).toBeGreaterThan(before);
  proxy.isMute = false;
  // The next connection may have begun in silence.
  proxy.cut();
  expect(await store.drain(120_000)).toEqual({ left: 0 });
  expect(await notesIn(direct)).toEqual({ a: "1", warm: "" });
});

test("after detach no session is borrowed, so that the database closes at once", async () => {
  await using scene = await createStoreDatabase();
  const { store, direct, proxy, fence } = scene;
  const database = await openDatabase(proxy.target);
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  store.attach(database, fence);
  notes.set("lock", { text: "" });
  await notes.flushed();
  const lock = await hold(direct, "SELECT FROM notes WHERE id = 'lock' FOR UPDATE");
  notes.set("lock", { text: "under way" });
  await untilBlocked(direct, "INSERT INTO");
  const detached = store.detach();
  await lock.release();
  await detached;
  await database[Symbol.asyncDispose]();
  expect(notes.stats()).toMatchObject({ dirty: 0, inflight: 0 });
});
