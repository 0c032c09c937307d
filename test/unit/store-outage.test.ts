import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { DualMap } from "../../src/store/dual-map.js";
import type { Store } from "../../src/store/store.js";
import { liveTexts, type Note, noteMirror } from "../support/store.js";
import { pass, stopTime, timedStore, until } from "../support/store-time.js";

beforeEach(stopTime);
afterEach(() => {
  vi.useRealTimers();
});

const notesOf = (store: Store) => store.map<Note>({ name: "notes", mirror: noteMirror });
const pending = (map: DualMap<Note>) => map.stats().dirty + map.stats().inflight;
const hourMs = 3_600_000;

test("an hour without a database holds no more than the live keys and the tombstones, and is caught up after it", async () => {
  const { store, server, events } = timedStore();
  const notes = notesOf(store);
  server.fate = () => "refuse-connection";
  store.attach(server.database);
  for (let second = 0; second < hourMs / 1000; second += 1) {
    for (let change = 0; change < 20; change += 1)
      notes.set(`live${(second * 20 + change) % 100}`, { text: `${second}` });
    notes.set(`ended${second}`, { text: "room" });
    if (second > 0) notes.delete(`ended${second - 1}`);
    await pass(1000, 500);
  }
  const { dirty, inflight, tombstones } = notes.stats();
  expect({ dirty, inflight, tombstones }).toEqual({ dirty: 101 + 3599, inflight: 0, tombstones: 3599 });
  expect(notes.stats()).toMatchObject({ breaker: "open", tombstonesDropped: 0 });
  expect(notes.stats().oldestDirtyMs).toBeGreaterThan(hourMs - 2000);
  // Backoff: not one try for every flush interval, and one line in a log for the whole outage.
  expect(notes.stats().retries).toBeLessThan(hourMs / 10_000 + 20);
  expect(events.map(({ kind }) => kind)).toEqual([...Array(5).fill("retry"), "breaker-open"]);

  server.fate = () => "commit";
  await pass(10_000);
  await until(() => pending(notes) === 0);
  expect(events.at(-1)).toMatchObject({ kind: "breaker-closed", map: "notes" });
  expect(server.rows.size).toBe(3700);
  expect(Object.keys(liveTexts(server.rows.values()))).toHaveLength(101);
  expect(notes.stats()).toMatchObject({ tombstones: 0, oldestDirtyMs: 0, breaker: "closed" });
  // While it was open, one row at a time asked whether the database is back.
  expect(server.batches[0]).toHaveLength(1);
  expect(server.batches.length).toBeLessThan(12);
  await store.detach();
});

test("beyond the limit of tombstones the oldest are given up, and that is said and counted", async () => {
  const { store, server, events } = timedStore({ tombstoneLimit: 100 });
  const notes = notesOf(store);
  for (let index = 0; index < 150; index += 1) {
    notes.set(`${index}`, { text: "" });
    notes.delete(`${index}`);
  }
  expect(notes.stats()).toMatchObject({ dirty: 100, tombstones: 100, tombstonesDropped: 50 });
  expect(events.map(({ kind }) => kind)).toEqual(["tombstones-dropped"]);
  store.attach(server.database);
  await until(() => pending(notes) === 0);
  expect([...server.rows.keys()].map(Number).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 100 }, (_, index) => index + 50),
  );
  await store.detach();
});

test("the delay doubles up to 10 s, and attaching the same database again ends the pause", async () => {
  const { store, server, events } = timedStore();
  const notes = notesOf(store);
  server.fate = () => "fail";
  store.attach(server.database);
  notes.set("a", { text: "" });
  await pass(60_000);
  expect(events.filter(({ kind }) => kind === "retry").map(({ delayMs }) => delayMs)).toEqual([
    100, 200, 400, 800, 1600,
  ]);
  const before = server.batches.length;
  await pass(100);
  expect(server.batches).toHaveLength(before);
  server.fate = () => "commit";
  store.attach(server.database);
  await pass(100);
  expect(server.batches).toHaveLength(before + 1);
  expect(pending(notes)).toBe(0);
  await store.detach();
});

test("a row that cannot be made is set apart as one that the database refuses, and the others go on", async () => {
  const { store, server, events } = timedStore();
  const toRow: typeof noteMirror.toRow = (key, note, mark) => {
    if (note.text === "broken") throw new Error("no row for this");
    return noteMirror.toRow(key, note, mark);
  };
  const notes = store.map<Note>({ name: "notes", mirror: { ...noteMirror, toRow } });
  for (const key of "abcdefg") notes.set(key, { text: key === "c" ? "broken" : key });
  const receipt = notes.flushed();
  store.attach(server.database);
  await until(() => pending(notes) === 0);
  await receipt;
  expect(events).toMatchObject([{ kind: "quarantined", map: "notes", key: "c", message: "no row for this" }]);
  expect(notes.refused).toMatchObject([{ key: "c", row: undefined, deleted: false }]);
  expect(Object.keys(liveTexts(server.rows.values()))).toEqual([..."abdefg"]);

  notes.set("c", { text: "mended" });
  await until(() => pending(notes) === 0);
  expect(notes.refused).toEqual([]);
  expect(notes.stats()).toMatchObject({ quarantined: 0, refusals: 1 });
  expect(server.rows.get("c")?.text).toBe("mended");
  await store.detach();
});

test("a refused row counts for as long as memory holds its key, and ten minutes after a refused deletion", async () => {
  const { store, server } = timedStore();
  const notes = notesOf(store);
  const count = async () => {
    await until(() => pending(notes) === 0);
    return notes.stats().quarantined;
  };
  for (const key of ["mended", "deleted", "forgotten", "stays"]) server.poison.add(key);
  for (const key of server.poison) notes.set(key, { text: "" });
  store.attach(server.database);
  expect(await count()).toBe(4);
  server.poison.delete("mended");
  notes.set("mended", { text: "" });
  expect(await count()).toBe(3);
  notes.forget("forgotten");
  expect(await count()).toBe(2);
  notes.delete("deleted");
  expect(await count()).toBe(2);
  await pass(599_000, 1000);
  expect(await count()).toBe(2);
  await pass(1_000, 1000);
  expect(await count()).toBe(1);
  expect(notes.refused.map(({ key }) => key)).toEqual(["stays"]);
  server.poison.clear();
  notes.delete("stays");
  expect(await count()).toBe(0);
  expect(notes.stats().refusals).toBe(5);
  await store.detach();
});

test("refused rows beyond those that are kept are counted all the same, until they are written", async () => {
  const { store, server } = timedStore();
  const notes = notesOf(store);
  const keys = Array.from({ length: 1_200 }, (_, index) => `n${index}`);
  for (const key of keys) {
    server.poison.add(key);
    notes.set(key, { text: "" });
  }
  store.attach(server.database);
  await until(() => pending(notes) === 0);
  expect(notes.stats().quarantined).toBe(1_200);
  expect(notes.refused).toHaveLength(1_000);
  server.poison.clear();
  for (const key of keys) notes.touch(key);
  await until(() => pending(notes) === 0);
  expect(notes.stats().quarantined).toBe(0);
  await store.detach();
});

test("a receipt says that this change is refused, whether it is asked for before or after", async () => {
  const { store, server } = timedStore();
  const notes = notesOf(store);
  server.poison.add("bad");
  store.attach(server.database);
  notes.set("good", { text: "" });
  const good = notes.flushed();
  notes.set("bad", { text: "" });
  const bad = notes.flushed();
  const outcome = Promise.allSettled([good, bad]);
  await until(() => pending(notes) === 0);
  expect(await outcome).toMatchObject([{ status: "fulfilled" }, { status: "rejected", reason: { code: "E_SQL" } }]);
  await expect(notes.flushed()).rejects.toMatchObject({ code: "E_SQL" });
  await store.detach();
});

test("a receipt that takes longer than it may is refused, and leaves nothing behind", async () => {
  const { store } = timedStore();
  const notes = notesOf(store);
  notes.set("a", { text: "" });
  const receipt = expect(notes.flushed(undefined, { waitMs: 100 })).rejects.toMatchObject({ code: "E_UNAVAILABLE" });
  await pass(150);
  await receipt;
});

test("once fenced nothing more is written, receipts are refused, and memory goes on", async () => {
  const { store, server, events } = timedStore();
  const notes = notesOf(store);
  const other = store.map<Note>({ name: "other", mirror: noteMirror });
  server.fate = () => "fenced";
  store.attach(server.database);
  notes.set("a", { text: "" });
  const receipt = expect(notes.flushed()).rejects.toMatchObject({ code: "E_UNAVAILABLE" });
  await pass(200);
  await receipt;
  const before = server.batches.length;
  server.fate = () => "commit";
  other.set("b", { text: "" });
  notes.set("a", { text: "2" });
  await pass(20_000);
  expect(server.batches).toHaveLength(before);
  expect(server.rows.size).toBe(0);
  expect(events.map(({ kind }) => kind)).toEqual(["fenced"]);
  expect(store.stats()).toMatchObject({
    fenced: true,
    maps: [
      { fenced: true, dirty: 1 },
      { fenced: true, dirty: 1 },
    ],
  });
  expect(await store.drain(1000)).toEqual({ left: 2 });
  expect(() => store.attach(server.database)).toThrow(/another process owns/);
  await store.detach();
});

test("drain cuts pauses short, gives up at its deadline, and says what is left", async () => {
  const { store, server } = timedStore();
  const notes = notesOf(store);
  server.fate = () => "fail";
  store.attach(server.database);
  for (const key of "abc") notes.set(key, { text: "" });
  await pass(20_000);
  const failing = store.drain(2000);
  await pass(2100);
  expect(await failing).toEqual({ left: 3 });
  setTimeout(() => {
    server.fate = () => "commit";
  }, 1000);
  const recovering = store.drain(2000);
  await pass(1500);
  expect(await recovering).toEqual({ left: 0 });
  await store.detach();
});
