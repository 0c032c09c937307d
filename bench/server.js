// What the room server costs, as ratios of one run: signals relayed against a bare Socket.IO relay in the same layout
// (server a child process, clients here), with the database up and down; 5,000 connected people; the recovery of
// 100,000 rooms against reading them with psql. Interleaved rounds, medians.
// usage: node bench/server.js [relay] [clients] [recovery]   (all three unless told)
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { binariesIn } from "../dist/db/binaries.js";
import { destroyEmbedded, startEmbedded, stopEmbedded } from "../dist/db/embedded.js";
import { openDatabase } from "../dist/db/pool.js";
import { startChild } from "./server-child.js";
import { addPeople, connect } from "./server-people.js";
import { benchRelay } from "./server-relay.js";

const chosen = process.argv.slice(2);
const parts = { relay, clients: benchClients, recovery: benchRecovery };
const rounds = 5;
const relayPairs = 150;
const clientCount = 5000;
const roomCount = 100_000;
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const program = path("../bin/roomctl.js");
const binaries = process.env.PG_BIN ?? "/usr/lib/postgresql/15/bin";
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Every address may hold 200 connections; a proxy that is trusted says who is behind it. */
const serveWords = ["serve", "--port", "0", "--json", "--trusted-proxies", "1", "--instance", "bench"];

/** What a server leaves behind that was killed a moment ago. */
const roomsScript = `
  INSERT INTO server_instances (epoch, host, pid) VALUES (1000000, 'bench', 1);
  WITH people AS (
    INSERT INTO users (name) SELECT 'Bench ' || n FROM generate_series(1, ${roomCount * 2}) AS n RETURNING user_id
  ), numbered AS (SELECT user_id, row_number() OVER () - 1 AS n FROM people)
  INSERT INTO active_rooms (user_1, user_2, chat_mode, status, owner_epoch, version, started_at)
  SELECT one.user_id, two.user_id, CASE WHEN one.n % 4 = 0 THEN 'text' ELSE 'video' END, 'active', 1000000, one.n + 1,
         now() - interval '5 minutes'
    FROM numbered AS one JOIN numbered AS two ON two.n = one.n + 1 WHERE one.n % 2 = 0;
  ANALYZE;`;

const folder = mkdtempSync(join(tmpdir(), "roomctl-bench-server-"));
const cluster = { directory: join(folder, "server"), binaries: binariesIn(binaries) };
let { target } = await startEmbedded(cluster);
try {
  await inDatabase("postgres", (database) => database.execute("CREATE DATABASE rooms"));
  await inDatabase("rooms", async (database) => {
    const [row] = await database.query("SELECT version()");
    console.log(`node ${process.version}, ${row.version.split(" on ")[0]}, fsync on, median of ${rounds} rounds`);
    const migrations = path("../migrations/");
    for (const file of readdirSync(migrations)
      .filter((name) => name.endsWith(".up.sql"))
      .sort()) {
      await database.execute(readFileSync(join(migrations, file), "utf8"));
    }
  });
  for (const [name, run] of Object.entries(parts)) if (chosen.length === 0 || chosen.includes(name)) await run();
} finally {
  await destroyEmbedded(cluster);
  rmSync(folder, { recursive: true, force: true });
}

async function relay() {
  const tokens = await inDatabase("rooms", (database) => addPeople(database, relayPairs * 2));
  const bare = await startChild([path("bare-relay.js")]);
  const ours = await startServe();
  await benchRelay({ bare, ours, tokens, stopDatabase: () => stopEmbedded(cluster) });
  await ours.kill();
  await bare.kill();
  ({ target } = await startEmbedded(cluster));
}

/** People who are connected and do nothing but be there. */
async function benchClients() {
  const tokens = await inDatabase("rooms", (database) => addPeople(database, clientCount));
  const server = await startServe();
  const emptyBytes = server.residentBytes();
  const clients = [];
  let errors = 0;
  const startedMs = performance.now();
  const queue = tokens.entries();
  const worker = async () => {
    for (const [index, token] of queue) {
      try {
        clients.push(await connect(server.url, token, index));
      } catch {
        // Counted and told: the number is the result.
        errors += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: 100 }, worker));
  const seconds = (performance.now() - startedMs) / 1000;
  await wait(3000);
  const lost = clients.filter((client) => !client.connected).length;
  const perClient = (server.residentBytes() - emptyBytes) / clients.length;
  console.log(
    `clients: ${clients.length} connected in ${seconds.toFixed(1)} s (${(clients.length / seconds).toFixed(0)}/s), ` +
      `${errors} errors, ${lost} lost; server ${(server.residentBytes() / 1e6).toFixed(0)} MB, ${(perClient / 1000).toFixed(1)} kB a client (wanted: no errors)`,
  );
  for (const client of clients) client.disconnect();
  await server.kill();
}

/** Restarts of a server that was killed with rooms open; each round has its own copy of the rows. */
async function benchRecovery() {
  await inDatabase("rooms", (database) => database.execute(roomsScript));
  const samples = { ours: [], psql: [], stall: [], stallAfter: [] };
  let rooms;
  for (let round = 0; round < rounds; round += 1) {
    await inDatabase("postgres", (database) => database.execute("CREATE DATABASE copy TEMPLATE rooms"));
    samples.psql.push(psqlCopy("copy"));
    const server = await startServe("copy");
    samples.stall.push(await longestStallMs(server));
    samples.ours.push(server.listening.recovery.durationMs);
    rooms = server.listening.recovery.rooms;
    // Meanwhile the rooms are written under their new owner.
    await wait(5000);
    samples.stallAfter.push(await longestStallMs(server));
    await server.kill();
    samples.psql.push(psqlCopy("copy"));
    await inDatabase("postgres", (database) => database.execute("DROP DATABASE copy WITH (FORCE)"));
  }
  const [ours, psql] = [median(samples.ours), median(samples.psql)];
  console.log(
    `recovery: ${rooms.recovered} rooms in ${ours.toFixed(0)} ms, psql COPY to /dev/null ${psql.toFixed(0)} ms`,
  );
  console.log(`recovery: x${(ours / psql).toFixed(2)} of psql's COPY (wanted: <= 3)`);
  console.log(
    `recovery: longest stall of the event loop ${median(samples.stall).toFixed(0)} ms (wanted: < 100), ${median(samples.stallAfter).toFixed(0)} ms in the 5 s after`,
  );
}

/** Since the server was asked for the last time. */
async function longestStallMs({ url }) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/event_loop_delay_seconds\{quantile="1"\} (\S+)/.exec(text)[1]) * 1000;
}

function psqlCopy(database) {
  const startedMs = performance.now();
  const child = spawnSync(join(binaries, "psql"), ["-X", "-q", "-d", database, "-c", "copy active_rooms to stdout"], {
    env: { ...process.env, ...libpqEnvironment() },
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (child.status !== 0) throw new Error(`psql exited with ${child.status}: ${child.stderr}`);
  return performance.now() - startedMs;
}

function libpqEnvironment() {
  const { host, port, user, password } = target;
  return { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password };
}

function startServe(database = "rooms") {
  const { host, port, user, password } = target;
  const url = `postgresql://${user}:${password}@${host}:${port}/${database}?sslmode=disable`;
  return startChild([program, ...serveWords], { ROOMCTL_DATABASE_URL: url, NODE_ENV: "production" });
}

async function inDatabase(name, work) {
  const database = await openDatabase({ ...target, database: name });
  try {
    return await work(database);
  } finally {
    await database[Symbol.asyncDispose]();
  }
}
