// The part of bench/store.js that needs no database: a DualMap against a plain Map.
import { Store } from "../dist/store/store.js";

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** The same operations on a DualMap as in production, whose changes are written now and then, and on a Map of the same keys. */
export async function benchMap(rounds) {
  const count = 100_000;
  const chunks = 20;
  const perChunk = 20_000;
  const keys = Array.from({ length: count }, (_, index) => `room-${index}`);
  const mixes = [
    { name: "get", wanted: 1.3, get: 1, set: 0 },
    { name: "90/9/1 get, set, delete", wanted: 1.25, get: 0.9, set: 0.09 },
    { name: "set", wanted: 3, get: 0, set: 1 },
  ];
  const kinds = {
    map: { run: compileRun(), create: () => ({ map: new Map(), settle: async () => {} }) },
    dual: { run: compileRun(), create: createDual },
  };
  for (const mix of mixes) {
    const samples = { ratio: [], map: [], dual: [] };
    // The first rounds only warm up.
    for (let round = -2; round < rounds; round += 1) {
      const programs = Array.from({ length: chunks }, () => draw(mix, keys, perChunk));
      const { map, dual } = await timeMaps(kinds, keys, programs);
      if (round < 0) continue;
      samples.ratio.push(dual / map);
      samples.map.push((map / chunks / perChunk) * 1e6);
      samples.dual.push((dual / chunks / perChunk) * 1e6);
    }
    const [ratio, plain, dual] = [samples.ratio, samples.map, samples.dual].map(median);
    console.log(
      `${mix.name}: a DualMap takes x${ratio.toFixed(2)} of a Map, ${dual.toFixed(0)} ns against ${plain.toFixed(0)} ns (wanted: <= ${mix.wanted})`,
    );
  }
}

/** What is to be done is drawn before: drawing it would cost as much as doing it. */
function draw({ get, set }, keys, operations) {
  const acts = new Uint8Array(operations);
  const chosen = [];
  for (let index = 0; index < operations; index += 1) {
    const chance = Math.random();
    acts[index] = chance < get ? 0 : chance < get + set ? 1 : 2;
    chosen.push(keys[Math.floor(Math.random() * keys.length)]);
  }
  return { acts, chosen };
}

/** Its own code for each kind of map, as an app has that uses only one. */
function compileRun() {
  return new Function(
    "map",
    "acts",
    "chosen",
    "value",
    `let found = 0;
     for (let index = 0; index < acts.length; index += 1) {
       const key = chosen[index];
       if (acts[index] === 0) found += map.get(key) === undefined ? 0 : 1;
       else if (acts[index] === 1) map.set(key, value);
       else map.delete(key);
     }
     return found;`,
  );
}

/** With a database that takes every batch at once: what is measured is memory. */
function createDual() {
  const connection = {
    client: {},
    query: async () => [{ owned: true, written: 0 }],
    discard() {},
    async [Symbol.asyncDispose]() {},
  };
  const store = new Store({ freeze: false, flushMs: 60_000, maxRows: 1_000_000 });
  const mirror = { table: "rooms", statement: "", toRow: () => ({}) };
  const map = store.map({ name: "rooms", mirror });
  store.attach({ connect: async () => connection });
  return { map, settle: () => store.flushed(), end: () => store.detach() };
}

/** Milliseconds that the programs take on each kind of map, in turns of one program. */
async function timeMaps(kinds, keys, programs) {
  const value = { status: "active" };
  const sides = Object.entries(kinds).map(([name, { run, create }]) => ({ name, run, ms: 0, ...create() }));
  for (const { map } of sides) for (const key of keys) map.set(key, value);
  for (const [index, { acts, chosen }] of programs.entries()) {
    for (const { settle } of sides) await settle();
    for (const side of index % 2 === 0 ? sides : sides.toReversed()) {
      const startedMs = performance.now();
      side.run(side.map, acts, chosen, value);
      side.ms += performance.now() - startedMs;
    }
  }
  for (const { settle, end } of sides) {
    await settle();
    await end?.();
  }
  return Object.fromEntries(sides.map(({ name, ms }) => [name, ms]));
}
