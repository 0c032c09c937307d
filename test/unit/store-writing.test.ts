import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { DualMap } from "../../src/store/dual-map.js";
import type { Store } from "../../src/store/store.js";
import { type Fate, liveTexts, type Note, noteMirror, noteRow } from "../support/store.js";
import { pass, stopTime, timedStore, until } from "../support/store-time.js";

beforeEach(stopTime);
afterEach(() => {
  vi.useRealTimers();
});

const notesOf = (store: Store) => store.map<Note>({ name: "notes", mirror: noteMirror });
const pending = (map: DualMap<Note>) => map.stats().dirty + map.stats().inflight;

type Step =
  | { readonly key: string; readonly act: "set" | "delete" | "touch" | "update" }
  | { readonly pauseMs: number };

const change = fc.record({
  key: fc.constantFrom(..."abcdefghij"),
  act: fc.constantFrom("set", "delete", "touch", "update"),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: change },
  { weight: 1, arbitrary: fc.record({ pauseMs: fc.integer({ min: 1, max: 120 }) }) },
);
const fate = fc.constantFrom<Fate>("commit", "commit", "refuse-connection", "fail", "lose-before", "lose-after");

async function take(map: DualMap<Note>, one: Step, count: number): Promise<void> {
  if ("pauseMs" in one) await vi.advanceTimersByTimeAsync(one.pauseMs);
  else if (one.act === "set") map.set(one.key, { text: `${count}` });
  else if (one.act === "delete") map.delete(one.key);
  else if (one.act === "touch") map.touch(one.key);
  else map.update(one.key, (note) => note && { text: `${note.text}+` });
}

test("whatever changes and whatever fails, the rows are what memory holds as soon as everything is written", async () => {
  const programs = fc.array(step, { maxLength: 80 });
  const plans = fc.array(fate, { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(programs, plans, fc.integer({ min: 1, max: 6 }), async (program, plan, maxRows) => {
      const { store, server } = timedStore({ maxRows });
      const notes = notesOf(store);
      const fates = [...plan];
      server.fate = () => fates.shift() ?? "commit";
      store.attach(server.database);
      const versions = new Map<string, number>();
      for (const [count, one] of program.entries()) {
        const before = store.lastVersion;
        await take(notes, one, count);
        if ("key" in one && store.lastVersion > before) versions.set(one.key, store.lastVersion);
      }
      await until(() => pending(notes) === 0);

      const memory = [...notes].map(([id, note]) => noteRow(id, note, { version: 0, deleted: false }));
      expect(liveTexts(server.rows.values())).toEqual(liveTexts(memory));
      for (const [key, version] of versions) expect(server.rows.get(key)?.version).toBe(version);
      for (const batch of server.batches) expect(new Set(batch.map(({ id }) => id)).size).toBe(batch.length);
      expect(server.mostAtOnce).toBeLessThanOrEqual(1);
      expect(notes.stats()).toMatchObject({ tombstones: 0, tombstonesDropped: 0, oldestDirtyMs: 0 });
      await store.detach();
    }),
    { numRuns: 150 },
  );
});

test("changes gather for the flush interval, a full batch goes at once, and a key that changed often goes once", async () => {
  const { store, server } = timedStore({ flushMs: 50, maxRows: 10 });
  const notes = notesOf(store);
  store.attach(server.database);
  for (let count = 0; count < 5; count += 1) notes.set("a", { text: `${count}` });
  notes.set("b", { text: "b" });
  await pass(40);
  expect(server.batches).toEqual([]);
  await pass(20);
  expect(server.batches.map((batch) => batch.map(({ id, text }) => id + text))).toEqual([["a4", "bb"]]);

  for (let index = 0; index < 25; index += 1) notes.set(`k${index}`, { text: "" });
  await pass(10, 1);
  expect(server.batches.slice(1).map(({ length }) => length)).toEqual([10, 10, 5]);
  await store.detach();
});

test("sets and deletes share batches, and a tombstone carries the last value", async () => {
  const { store, server } = timedStore();
  const notes = notesOf(store);
  for (const key of "abcd") notes.set(key, { text: `last of ${key}` });
  notes.delete("b");
  notes.clear();
  notes.set("d", { text: "again" });
  store.attach(server.database);
  await until(() => pending(notes) === 0);
  expect(server.batches).toHaveLength(1);
  expect(server.batches[0]?.map(({ id, text, deleted }) => [id, text, deleted])).toEqual([
    ["a", "last of a", true],
    ["b", "last of b", true],
    ["c", "last of c", true],
    ["d", "again", false],
  ]);
  await store.detach();
});

test("keys that change all the time keep nobody waiting: each is written in every round", async () => {
  const { store, server } = timedStore({ maxRows: 5, flushMs: 10 });
  const notes = notesOf(store);
  store.attach(server.database);
  for (let round = 0; round < 100; round += 1) {
    for (let index = 0; index < 50; index += 1) notes.set(`hot${index}`, { text: `${round}` });
    notes.set(`once${round}`, { text: "" });
    await pass(10, 2);
  }
  for (let index = 0; index < 50; index += 1) {
    expect(Number(server.rows.get(`hot${index}`)?.text)).toBeGreaterThan(70);
  }
  for (let round = 0; round < 70; round += 1) expect(server.rows.has(`once${round}`)).toBe(true);
  await store.detach();
});

test("a batch of a map that refers to another waits for what that one held", async () => {
  const { store, server } = timedStore();
  const rooms = store.map<Note>({ name: "rooms", mirror: { ...noteMirror, table: "rooms" } });
  const toRow: typeof noteRow = (key, note, mark) => noteRow(`activity ${key}`, note, mark);
  const activity = store.map<Note>({ name: "activity", mirror: { ...noteMirror, toRow, after: rooms } });
  server.poison.add("refused");
  store.attach(server.database);
  for (let index = 0; index < 20; index += 1) {
    rooms.set(index === 7 ? "refused" : `${index}`, { text: "room" });
    activity.set(`${index}`, { text: "activity" });
    await pass(10);
  }
  await until(() => pending(rooms) + pending(activity) === 0);
  const order = server.batches.flat().map(({ id }) => id);
  expect(order.filter((id) => id.startsWith("activity"))).toHaveLength(20);
  for (const id of order.filter((one) => !one.startsWith("activity") && one !== "refused")) {
    expect(order.indexOf(id)).toBeLessThan(order.indexOf(`activity ${id}`));
  }
  await store.detach();
});

test("detach stops between two batches, changes go on in memory, and attach catches up", async () => {
  const { store, server } = timedStore();
  const notes = notesOf(store);
  store.attach(server.database);
  notes.set("a", { text: "1" });
  await until(() => pending(notes) === 0);
  await store.detach();
  notes.set("b", { text: "2" });
  notes.delete("a");
  await pass(1000);
  expect(server.batches).toHaveLength(1);
  expect(store.stats()).toMatchObject({ attached: false, maps: [{ dirty: 2, tombstones: 1, oldestDirtyMs: 1000 }] });
  store.attach(server.database);
  await until(() => pending(notes) === 0);
  expect(liveTexts(server.rows.values())).toEqual({ b: "2" });
  await store.detach();
});
