import fc from "fast-check";
import { expect, test } from "vitest";
import type { DualMap } from "../../src/store/dual-map.js";
import { Store } from "../../src/store/store.js";
import { type Note, noteMirror } from "../support/store.js";

function createMap(): DualMap<Note> {
  return new Store().map<Note>({ name: "notes", mirror: noteMirror });
}

type Operation = (map: Map<string, Note>) => unknown;

const keys = fc.constantFrom(..."abcdefgh");
const notes = fc.string({ maxLength: 3 }).map((text): Note => ({ text }));

/** Walks the map and changes it on the way, as far as `limit` entries. */
function walk(map: Map<string, Note>, limit: number, change: (key: string) => void): readonly string[] {
  const seen: string[] = [];
  for (const [key, { text }] of map) {
    seen.push(`${key}=${text}`);
    if (seen.length === limit) break;
    change(key);
  }
  return seen;
}

const operations: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(keys, notes).map(
    ([key, note]): Operation =>
      (map) =>
        map.set(key, note).size,
  ),
  keys.map(
    (key): Operation =>
      (map) =>
        map.delete(key),
  ),
  keys.map(
    (key): Operation =>
      (map) => [map.get(key), map.has(key), map.size],
  ),
  fc.constant<Operation>((map) => [...map.keys(), ...map.values()].length),
  fc.constant<Operation>((map) => {
    const seen: string[] = [];
    map.forEach((note, key, self) => {
      seen.push(`${key}${note.text}${self === map}`);
    });
    return seen;
  }),
  fc.tuple(keys, keys).map(
    ([one, other]): Operation =>
      (map) =>
        walk(map, 20, (key) => (key === one ? map.delete(other) : key === other && map.set(`${key}+`, { text: key }))),
  ),
  fc.tuple(keys, notes).map(
    ([one, note]): Operation =>
      (map) =>
        walk(map, 20, () => map.set(one, note)),
  ),
  keys.map(
    (one): Operation =>
      (map) =>
        walk(map, 20, (key) => key === one && map.clear()),
  ),
  fc.constant<Operation>((map) => map.clear()),
);

test("a DualMap does what a Map does, whatever is done to it, in the same order, even while it is walked", () => {
  fc.assert(
    fc.property(fc.array(operations, { maxLength: 60 }), (program) => {
      const [dual, plain] = [createMap() as Map<string, Note>, new Map<string, Note>()];
      for (const operation of program) {
        expect(operation(dual)).toEqual(operation(plain));
        expect([...dual]).toEqual([...plain]);
      }
    }),
    { numRuns: 500 },
  );
});

test("a value can be changed in place neither by type nor, in development, by force", () => {
  const rooms = new Store().map<{ name: string; seats: { user: string }[] }>({ name: "rooms" });
  rooms.set("a", { name: "one", seats: [{ user: "ava" }] });
  const room = rooms.get("a");
  expect(() => {
    // @ts-expect-error a value of a DualMap is read-only
    if (room) room.name = "two";
  }).toThrow(TypeError);
  expect(() => {
    const seat = room?.seats[0];
    // @ts-expect-error all the way down
    if (seat) seat.user = "ben";
  }).toThrow(TypeError);
  expect(() => {
    // @ts-expect-error an array in it has no push
    room?.seats.push({ user: "ben" });
  }).toThrow(TypeError);
  expect(room).toEqual({ name: "one", seats: [{ user: "ava" }] });
});

test("in production values are not frozen, so that nothing is paid for it", () => {
  const rooms = new Store({ freeze: false }).map<{ name: string }>({ name: "rooms" });
  const value = { name: "one" };
  expect(Object.isFrozen(rooms.set("a", value).get("a"))).toBe(false);
});

test("in development a value that freezing cannot protect is refused at once", () => {
  const store = new Store();
  const sets = store.map<{ readonly users: ReadonlySet<string> }>({ name: "sets" });
  expect(() => sets.set("a", { users: new Set(["ava"]) })).toThrow(/holds a Set, which cannot be frozen/);
  const circles = store.map<{ readonly self?: object }>({ name: "circles" });
  const circle: { self?: object } = {};
  circle.self = circle;
  expect(circles.set("a", circle).size).toBe(1);
});

test("update sets what the function makes of the value, and undefined leaves everything as it is", () => {
  const map = createMap();
  expect(map.update("a", (note) => note)).toBeUndefined();
  expect(map.size).toBe(0);
  expect(map.update("a", (note) => ({ text: `${note?.text}!` }))).toEqual({ text: "undefined!" });
  expect(map.update("a", (note) => note && { text: `${note.text}?` })).toEqual({ text: "undefined!?" });
  expect(map.update("a", () => undefined)).toEqual({ text: "undefined!?" });
});

test("versions grow over all maps of a store, and each change has one", () => {
  const store = new Store();
  const [one, other] = ["one", "other"].map((name) => store.map<Note>({ name, mirror: noteMirror }));
  one?.set("a", { text: "1" });
  other?.set("a", { text: "1" });
  one?.touch("a");
  other?.delete("a");
  expect([one?.versionOf("a"), other?.versionOf("a"), one?.lastVersion, other?.lastVersion]).toEqual([3, 4, 3, 4]);
  expect(store.lastVersion).toBe(4);
  expect(one?.touch("b")).toBe(false);
  expect(other?.versionOf("b")).toBeUndefined();
});

test("a loaded value is not a change, and never goes over what memory knows better", () => {
  const map = createMap();
  expect(map.load("a", { text: "from the database" })).toBe(true);
  expect([map.versionOf("a"), map.isPending("a"), map.lastVersion]).toEqual([0, false, 0]);
  expect(map.load("a", { text: "again" })).toBe(false);
  map.set("b", { text: "newer" });
  expect(map.load("b", { text: "older" })).toBe(false);
  map.delete("b");
  expect(map.load("b", { text: "older" })).toBe(false);
  expect([...map.entries()]).toEqual([["a", { text: "from the database" }]]);
});

test("a forgotten key is out of memory, but what changed about it is still to be written and comes back on load", () => {
  const map = createMap();
  map.load("clean", { text: "as in the database" });
  map.set("changed", { text: "newer" });
  expect([map.forget("clean"), map.forget("changed"), map.forget("unknown")]).toEqual([true, true, false]);
  expect([map.size, map.isPending("clean"), map.isPending("changed")]).toEqual([0, false, true]);
  expect(map.load("changed", { text: "older" })).toBe(false);
  expect(map.get("changed")).toEqual({ text: "newer" });
});

test("a map without a mirror counts nothing and has nothing to wait for", async () => {
  const map = new Store().map<Note>({ name: "presence" });
  map.set("a", { text: "1" });
  map.delete("a");
  await map.flushed();
  expect(map.stats()).toMatchObject({ persistence: "ephemeral", size: 0, dirty: 0, tombstones: 0, highestVersion: 0 });
});

test("a container is read in pages of sorted keys, deleted ones that are pending with them", () => {
  const store = new Store();
  const map = store.map<Note>({ name: "notes", mirror: noteMirror });
  for (let index = 0; index < 997; index += 1) map.set(`k${(index * 541) % 997}`, { text: String(index) });
  map.delete("k5");
  const [container] = store.containers();
  const found: string[] = [];
  for (let after: string | undefined; ; after = found.at(-1)) {
    const page = container?.page(after, 10) ?? [];
    if (page.length === 0) break;
    found.push(...page.map(({ key }) => key));
  }
  expect(found).toEqual(Array.from({ length: 997 }, (_, index) => `k${index}`).sort());
  expect(container?.page("k4999", 1)).toEqual([
    {
      key: "k5",
      version: 998,
      pending: true,
      deleted: true,
      row: expect.objectContaining({ id: "k5", deleted: true, version: 998 }),
    },
  ]);
});
