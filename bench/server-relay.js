// Signals through the room server against those through a bare Socket.IO relay, in interleaved rounds.
import { setTimeout as wait } from "node:timers/promises";
import { ask, connect } from "./server-people.js";

/** Short and many: what else the machine does then falls on both sides alike. */
const rounds = 21;
const roundMs = 700;
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
/** A signal of the usual size. */
const candidate = {
  candidate: "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.2 rport 46154 generation 0",
  sdpMid: "0",
  sdpMLineIndex: 0,
  usernameFragment: "EsAw",
};

/** Signals a second that reach the partner and are acknowledged, one under way per person. */
export async function benchRelay({ bare, ours, tokens, stopDatabase }) {
  const sides = { bare: await meetAll(bare, tokens), ours: await meetAll(ours, tokens) };
  const up = await compareRelays({ bare, ours }, sides);
  tellRelay("database up", up);
  await stopDatabase();
  await wait(1000);
  const down = await compareRelays({ bare, ours }, sides);
  tellRelay("database down", down);
  for (const socket of [...sides.bare, ...sides.ours]) socket.client.disconnect();
}

async function compareRelays(servers, sides) {
  const samples = { bare: [], ours: [] };
  for (const name of ["bare", "ours"]) await relayFor(sides[name], 1000);
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? ["bare", "ours"] : ["ours", "bare"]) {
      const cpuBefore = servers[name].cpuMs();
      const sample = await relayFor(sides[name], roundMs);
      samples[name].push({ ...sample, cpuMs: servers[name].cpuMs() - cpuBefore });
    }
  }
  return samples;
}

/** The clients here are half of the work: CPU time of the server alone tells more than the rate does. */
function tellRelay(title, { bare, ours }) {
  const of = (side, key) => median(side.map((sample) => sample[key]));
  const sum = (side, key) => side.reduce((total, sample) => total + sample[key], 0);
  const cpu = (side) => (sum(side, "cpuMs") * 1000) / sum(side, "relayed");
  const ratio = median(ours.map(({ perSecond }, round) => perSecond / bare[round].perSecond));
  const say = (text) => console.log(`relay, ${title}: ${text}`);
  say(`${of(ours, "perSecond").toFixed(0)} signals/s, bare Socket.IO ${of(bare, "perSecond").toFixed(0)}`);
  say(`x${ratio.toFixed(2)} of the bare relay's rate, median of ${rounds} pairs (wanted: >= 0.85)`);
  say(
    `server CPU ${cpu(ours).toFixed(0)} us a signal, bare ${cpu(bare).toFixed(0)} us: x${(cpu(ours) / cpu(bare)).toFixed(2)}`,
  );
  say(
    `p99 ${of(ours, "p99Ms").toFixed(0)} ms, bare ${of(bare, "p99Ms").toFixed(0)} ms; ${sum(ours, "refused")} refused`,
  );
}

/** Connects people two by two, so that each meets the next. */
async function meetAll(server, tokens) {
  const sides = [];
  for (let first = 0; first < tokens.length; first += 2) {
    const two = await Promise.all([0, 1].map((side) => connect(server.url, tokens[first + side], first)));
    const rooms = two.map((client) => new Promise((resolve) => client.once("room:state", ({ room }) => resolve(room))));
    for (const client of two) await ask(client, "queue:join", { mode: "video" });
    for (const [side, client] of two.entries()) sides.push({ client, roomId: (await rooms[side]).roomId });
  }
  return sides;
}

async function relayFor(sides, durationMs) {
  const tally = { received: 0, refused: 0 };
  const latencies = [];
  const startedMs = performance.now();
  const endsMs = startedMs + durationMs;
  await Promise.all(
    sides.map(async ({ client, roomId }) => {
      const count = () => (tally.received += 1);
      client.on("rtc:ice", count);
      while (performance.now() < endsMs) {
        const sentMs = performance.now();
        const answer = await ask(client, "rtc:ice", { roomId, candidate });
        latencies.push(performance.now() - sentMs);
        if (!answer.ok) tally.refused += 1;
      }
      client.off("rtc:ice", count);
    }),
  );
  const seconds = (performance.now() - startedMs) / 1000;
  const p99Ms = latencies.sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)];
  return { relayed: tally.received, refused: tally.refused, perSecond: tally.received / seconds, p99Ms };
}
