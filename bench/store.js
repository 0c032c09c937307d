// What memory-first costs: a DualMap against a plain Map, writing behind against one statement per change, how long the
// event loop is held up meanwhile, and messages acknowledged after a group's commit. Ratios of one run on a server with
// fsync on; medians of interleaved rounds.
// usage: node bench/store.js [rounds]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binariesIn } from "../dist/db/binaries.js";
import { destroyEmbedded, startEmbedded } from "../dist/db/embedded.js";
import { openDatabase } from "../dist/db/pool.js";
import { logStatement } from "../dist/store/log-statement.js";
import { mirrorStatement } from "../dist/store/mirror-statement.js";
import { Store } from "../dist/store/store.js";
import { benchMap } from "./store-map.js";

const rounds = Number(process.argv[2] ?? 7);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const percentile = (numbers, share) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length * share)];
const longest = (numbers) => numbers.reduce((most, one) => Math.max(most, one), 0);
const perSecond = (count, ms) => Math.round((count / ms) * 1000);

await benchMap(rounds);
const folder = mkdtempSync(join(tmpdir(), "roomctl-bench-store-"));
const options = {
  directory: join(folder, "server"),
  ...(process.env.PG_BIN ? { binaries: binariesIn(process.env.PG_BIN) } : {}),
  settings: { fsync: "on", synchronous_commit: "on" },
};
const { target } = await startEmbedded(options);
const database = await openDatabase({ ...target, database: "postgres" });
try {
  const [row] = await database.query("SELECT version(), current_setting('fsync') AS fsync");
  console.log(
    `node ${process.version}, ${row.version.split(" on ")[0]}, fsync ${row.fsync}, median of ${rounds} rounds`,
  );
  await benchWriteBehind();
  await benchLog();
} finally {
  await database[Symbol.asyncDispose]();
  await destroyEmbedded(options);
  rmSync(folder, { recursive: true, force: true });
}

function roomOf(index, round) {
  return {
    id: `room-${index}`,
    state: { round, users: ["ava", "ben"], note: "x".repeat(230), at: 1_790_000_000_000 + index },
  };
}

async function benchWriteBehind() {
  const rows = 10_000;
  const columns = { id: "text", state: "jsonb" };
  await database.execute(
    "CREATE TABLE rooms (id text PRIMARY KEY, state jsonb, epoch bigint, version bigint); CREATE TABLE owners (epoch bigint PRIMARY KEY); INSERT INTO owners VALUES (1)",
  );
  const store = new Store({ freeze: false });
  const rooms = store.map({
    name: "rooms",
    mirror: {
      table: "rooms",
      statement: mirrorStatement({ table: "rooms", key: ["id"], columns }),
      toRow: (_key, room, mark) => ({ ...room, ...mark }),
    },
  });
  const fence = { epoch: "1", owner: "SELECT epoch FROM owners WHERE epoch = $2::bigint FOR SHARE" };
  store.attach(database, fence);
  const samples = {
    behind: [],
    one: [],
    cpu: [],
    operations: [],
    turns: { wall: [], cpu: [] },
    idle: { wall: [], cpu: [] },
  };
  const single = Math.min(rows, 1000);
  for (let round = 0; round < rounds + 1; round += 1) {
    const behind = await measureFlush(store, rooms, rows, round, samples);
    const one = await timed(async () => {
      for (let index = 0; index < single; index += 1) {
        const room = roomOf(index, -round);
        await database.execute(
          "INSERT INTO rooms VALUES ($1, $2, 1, 0) ON CONFLICT (id) DO UPDATE SET state = excluded.state",
          [room.id, JSON.stringify(room.state)],
        );
      }
    });
    if (round === 0) continue;
    samples.behind.push(perSecond(rows, behind.ms));
    samples.cpu.push(behind.cpuUs / rows);
    samples.one.push(perSecond(single, one));
  }
  await store.detach();
  const [behind, one] = [median(samples.behind), median(samples.one)];
  console.log(`write-behind ${behind} rows/s, one by one ${one} rows/s, best ${Math.max(...samples.one)}`);
  console.log(`write-behind is x${(behind / one).toFixed(1)} of one by one (wanted: >= 10)`);
  console.log(`Node CPU ${median(samples.cpu).toFixed(1)} us per row (wanted: <= 8)`);
  const waits = (turns) =>
    `p99 ${arrivalPercentile(turns, 0.99).toFixed(2)} ms, at most ${longest(turns).toFixed(2)} ms`;
  console.log(
    `during a flush a set takes p99 ${(percentile(samples.operations, 0.99) * 1000).toFixed(1)} us (wanted: < 1000), and comes to its turn after p99 ${percentile(samples.turns.wall, 0.99).toFixed(2)} ms`,
  );
  console.log(
    `CPU of one turn, weighted by time: ${waits(samples.turns.cpu)}; without a flush ${waits(samples.idle.cpu)}`,
  );
  console.log(`the same by the clock: ${waits(samples.turns.wall)}; without a flush ${waits(samples.idle.wall)}`);
}

/** Timed for throughput first, then again with a probe: one that keeps the event loop busy would count as its cost. */
async function measureFlush(store, rooms, rows, round, samples) {
  const change = () => {
    for (let index = 0; index < rows; index += 1) rooms.set(`room-${index}`, roomOf(index, round));
  };
  change();
  const cpuBefore = process.cpuUsage();
  const ms = await timed(() => store.flushed());
  const { user, system } = process.cpuUsage(cpuBefore);
  change();
  const flushing = store.flushed();
  await probe(flushing, samples.turns, () => {
    const startedMs = performance.now();
    rooms.set("probe", { id: "probe", state: {} });
    samples.operations.push(performance.now() - startedMs);
  });
  await store.flushed();
  await probe(new Promise((resolve) => setTimeout(resolve, ms)), samples.idle, () => {});
  return { ms, cpuUs: user + system };
}

/** What somebody else sees until the promise resolves: how long each turn of the event loop takes. */
async function probe(promise, turns, act) {
  let isDone = false;
  const ending = promise.then(() => {
    isDone = true;
  });
  while (!isDone) {
    const askedMs = performance.now();
    const before = process.cpuUsage();
    await new Promise((resolve) => setImmediate(resolve));
    const { user, system } = process.cpuUsage(before);
    turns.wall.push(performance.now() - askedMs);
    turns.cpu.push((user + system) / 1000);
    act();
  }
  await ending;
}

/** How long something that comes at any time waits until the turn that is under way then is over. */
function arrivalPercentile(turns, share) {
  const total = turns.reduce((sum, ms) => sum + ms, 0);
  const longer = (waitMs) => turns.reduce((sum, ms) => sum + Math.max(0, ms - waitMs), 0) / total;
  let [low, high] = [0, longest(turns)];
  for (let step = 0; step < 40; step += 1) {
    const middle = (low + high) / 2;
    if (longer(middle) > 1 - share) low = middle;
    else high = middle;
  }
  return high;
}

/** 64 people who each send the next message when the one before is acknowledged. */
async function benchLog() {
  const senders = 64;
  const perSender = 40;
  await database.execute("CREATE TABLE messages (id text PRIMARY KEY, body text, number bigserial)");
  const store = new Store();
  const log = store.log({
    name: "messages",
    statement: logStatement({
      table: "messages",
      id: "id",
      columns: { id: "text", body: "text" },
      returning: ["number"],
    }),
    toRow: (message) => message,
    fromRow: (receipt) => receipt.number,
  });
  store.attach(database);
  const memory = [];
  const kinds = {
    group: (message) => log.append(message),
    single: (message) =>
      database.query("INSERT INTO messages (id, body) VALUES ($1, $2) RETURNING number", [message.id, message.body]),
    none: async (message) => memory.push(message),
  };
  const samples = { group: [], single: [], none: [] };
  for (let round = 0; round < rounds + 1; round += 1) {
    for (const [kind, send] of Object.entries(kinds)) {
      const ms = await timed(() =>
        Promise.all(
          Array.from({ length: senders }, async (_, sender) => {
            for (let index = 0; index < perSender; index += 1) {
              await send({ id: `${kind}-${round}-${sender}-${index}`, body: "hello there, how are you today?" });
            }
          }),
        ),
      );
      if (round > 0) samples[kind].push(perSecond(senders * perSender, ms));
    }
  }
  await store.detach();
  const [group, single, none] = [samples.group, samples.single, samples.none].map(median);
  console.log(
    `messages acknowledged by ${senders} senders: ${group}/s after a group's commit, ${single}/s each with an INSERT of its own on 40 connections, ${none}/s without durability`,
  );
  console.log(
    `group commit is x${(group / single).toFixed(1)} of one INSERT per message, and x${(group / none).toFixed(3)} of no durability`,
  );
}

async function timed(work) {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
