import { expect, test } from "vitest";
import { serverNames } from "../support/postgres.js";
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

test.each(serverNames)(
  "on %s, rows follow memory: sets, deletes, keys set again, texts of any kind",
  async (server) => {
    for (const mirror of [tombstoneMirror, deletingMirror]) {
      await using scene = await createStoreDatabase({ server, maxRows: 40 });
      const { store, database, direct, fence } = scene;
      const notes = store.map<Note>({ name: "notes", mirror });
      store.attach(database, fence);
      for (let index = 0; index < 200; index += 1) notes.set(`n${index}`, { text: `'";$1 \\ \u{1f600} ${index}` });
      await notes.flushed();
      for (let index = 0; index < 200; index += 3) notes.delete(`n${index}`);
      for (let index = 0; index < 200; index += 6) notes.set(`n${index}`, { text: "again" });
      await notes.flushed();
      expect(await notesIn(direct)).toEqual(notesOf(notes));
      notes.clear();
      await store.flushed();
      expect(await notesIn(direct)).toEqual({});
      const [row] = await direct.query<{ rows: number }>("SELECT count(*)::int AS rows FROM notes");
      expect(row?.rows).toBe(mirror === tombstoneMirror ? 200 : 0);
      expect(notes.stats()).toMatchObject({ dirty: 0, inflight: 0, tombstones: 0, retries: 0, breaker: "closed" });
    }
  },
);

test("a row of a newer epoch or version is left alone", async () => {
  await using scene = await createStoreDatabase();
  const { store, database, direct, fence } = scene;
  await direct.execute("INSERT INTO notes VALUES ('newer epoch', 'theirs', 8, 1), ('older epoch', 'theirs', 6, 1000)");
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  notes.set("newer epoch", { text: "ours" });
  notes.set("older epoch", { text: "ours" });
  store.attach(database, fence);
  await notes.flushed();
  expect(await notesIn(direct)).toEqual({ "newer epoch": "theirs", "older epoch": "ours" });
});

test("rows that are refused by themselves are set apart one by one, and the rest of their batch is written", async () => {
  await using scene = await createStoreDatabase();
  const { store, database, direct, fence, events } = scene;
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  for (let index = 0; index < 300; index += 1) notes.set(`n${index}`, { text: "" });
  notes.set("refused", { text: "a CHECK says no" });
  notes.set("n100", { text: "no text may hold \u0000" });
  notes.set("last", { text: "" });
  store.attach(database, fence);
  await notes.flushed();
  expect(Object.keys(await notesIn(direct))).toHaveLength(300);
  expect(notes.refused.map(({ key, code }) => [key, code]).sort()).toEqual([
    ["n100", "22P05"],
    ["refused", "23514"],
  ]);
  expect(notes.refused[1]?.row ?? notes.refused[0]?.row).toMatchObject({ id: expect.any(String) });
  expect(events.map(({ kind }) => kind)).toEqual(["quarantined", "quarantined"]);
  expect(notes.stats()).toMatchObject({ quarantined: 2, dirty: 0, retries: 0 });
});

test("a table that is not there keeps everything, says so once, and gets it when it is", async () => {
  await using scene = await createStoreDatabase();
  const { store, database, direct, fence, events } = scene;
  await direct.execute("ALTER TABLE notes RENAME TO later");
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  notes.set("a", { text: "kept" });
  store.attach(database, fence);
  await expect.poll(() => events.length).toBe(1);
  store.attach(database, fence);
  await expect.poll(() => notes.stats().retries).toBe(2);
  expect(events).toMatchObject([{ kind: "schema", map: "notes", code: "42P01", message: /notes.*does not exist/ }]);
  await direct.execute("ALTER TABLE later RENAME TO notes");
  expect(await store.drain(120_000)).toEqual({ left: 0 });
  expect(await notesIn(direct)).toEqual({ a: "kept" });
});

test("a batch that takes too long for the server is tried again in smaller ones", async () => {
  await using scene = await createStoreDatabase({ statementTimeoutMs: 400, random: () => 0 });
  const { store, database, direct, fence } = scene;
  await direct.execute(`
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
    CREATE TRIGGER dawdle BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION dawdle()`);
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  for (let index = 0; index < 100; index += 1) notes.set(`n${index}`, { text: "" });
  store.attach(database, fence);
  await notes.flushed(undefined, { waitMs: 120_000 });
  expect(Object.keys(await notesIn(direct))).toHaveLength(100);
  expect(notes.stats().retries).toBeGreaterThan(0);
});

test("a takeover waits for the batch under way, and after it not one row is written", async () => {
  await using scene = await createStoreDatabase();
  const { store, database, direct, fence, events } = scene;
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  notes.set("a", { text: "first" });
  store.attach(database, fence);
  await notes.flushed();

  const lock = await hold(direct, "SELECT FROM notes WHERE id = 'a' FOR UPDATE");
  notes.set("a", { text: "under way" });
  notes.set("b", { text: "under way" });
  await untilBlocked(direct, "INSERT INTO");
  const takeover = direct.execute("UPDATE owners SET stopped_at = now() WHERE epoch = 7");
  await untilBlocked(direct, "UPDATE owners");
  await lock.release();
  await takeover;
  notes.set("c", { text: "too late" });
  await expect(notes.flushed()).rejects.toMatchObject({ code: "E_UNAVAILABLE" });
  expect(await notesIn(direct)).toEqual({ a: "under way", b: "under way" });
  expect(events).toMatchObject([{ kind: "fenced", map: "notes" }]);
});

test("a batch that meets a takeover under way writes nothing at all", async () => {
  await using scene = await createStoreDatabase();
  const { store, database, direct, fence } = scene;
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  const takeover = await hold(direct, "UPDATE owners SET stopped_at = now() WHERE epoch = 7");
  notes.set("a", { text: "too late" });
  store.attach(database, fence);
  await untilBlocked(direct, "INSERT INTO");
  await takeover.release();
  await expect(notes.flushed()).rejects.toMatchObject({ code: "E_UNAVAILABLE" });
  expect(await notesIn(direct)).toEqual({});
});

test("a key that is deleted, or set again, while its older value is under way ends as memory has it", async () => {
  for (const mirror of [tombstoneMirror, deletingMirror]) {
    await using scene = await createStoreDatabase();
    const { store, database, direct, fence } = scene;
    const notes = store.map<Note>({ name: "notes", mirror });
    for (const key of ["deleted", "again", "lock"]) notes.set(key, { text: "first" });
    store.attach(database, fence);
    await notes.flushed();
    const lock = await hold(direct, "SELECT FROM notes WHERE id = 'lock' FOR UPDATE");
    for (const key of ["deleted", "again", "lock"]) notes.set(key, { text: "older" });
    await untilBlocked(direct, "INSERT INTO");
    notes.delete("deleted");
    notes.delete("again");
    notes.set("again", { text: "newer" });
    await lock.release();
    await notes.flushed();
    expect(await notesIn(direct)).toEqual({ again: "newer", lock: "older" });
    expect(notesOf(notes)).toEqual({ again: "newer", lock: "older" });
  }
});

test("a deleted key does not come back by a row that was read before its tombstone was written", async () => {
  await using scene = await createStoreDatabase();
  const { store, database, direct, fence } = scene;
  await direct.execute("INSERT INTO notes VALUES ('a', 'old', 6, 1)");
  const notes = store.map<Note>({ name: "notes", mirror: tombstoneMirror });
  store.attach(database, fence);
  const read = await notesIn(direct);
  notes.set("a", { text: "newer" });
  notes.delete("a");
  await notes.flushed();
  for (const [key, text] of Object.entries(read)) expect(notes.load(key, { text })).toBe(false);
  expect(notes.size).toBe(0);
});
