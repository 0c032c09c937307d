import { setTimeout as sleep } from "node:timers/promises";
import type { Ghosts, Ground, Legacy, Running } from "./drill-cycle.js";
import type { Evidence } from "./drill-evidence.js";
import type { Rows, Story } from "./drill-model.js";
import type { Strike } from "./drill-nemesis.js";
import type { CyclePlan } from "./drill-plan.js";
import { type Planted, plantEdge, plantRows } from "./drill-planted.js";
import { readBack } from "./drill-return.js";
import { readRooms } from "./drill-rooms.js";
import { readMarks, readRows, readRowsOfStart, waitForSessions } from "./drill-rows.js";
import { startAndDie, startServer } from "./drill-start.js";
import type { DrillUser } from "./drill-user.js";

export interface Aftermath {
  readonly evidence: Evidence;
  readonly running: Running;
  /** Users who came back. */
  readonly back: readonly DrillUser[];
  readonly watchers: readonly DrillUser[];
  readonly planted: Planted;
}

export interface Struck {
  readonly plan: CyclePlan;
  /** Of the next cycle: the server that starts now is struck there. */
  readonly next: CyclePlan;
  readonly running: Running;
  readonly strike: Strike;
  readonly users: readonly DrillUser[];
  readonly ghosts: Ghosts;
  readonly links: readonly { readonly code: string; readonly expected: string }[];
  readonly legacy: Legacy;
}

/** The flush interval of the server, and what a batch may take on top where the machine is idle. */
const windowMs = 50;
const batchMs = 120;
const zombiePatienceMs = 20_000;

/** Starts the successor of a server that was struck, lets users return to it, and collects what can be seen. */
export async function recoverAndLook(ground: Ground, struck: Struck): Promise<Aftermath> {
  const { history, database } = ground;
  const { plan, next, strike, legacy } = struck;
  sendAway(struck);
  const wish = { ...struck, newId: ground.newId, random: ground.random.fork(`planted ${plan.cycle}`) };
  const planted = await plantRows(database, wish);
  const look = plan.looksBefore ? await lookBefore(ground, next) : {};
  await sleep(plan.downtimeMs, undefined, { signal: ground.signal });
  if (plan.nemesis === "kill-in-recovery") await startAndDie(ground, { plan: next, failpoint: plan.recoveryFailpoint });
  const delay = plan.nemesis === "kill-in-recovery" ? undefined : plan.recoveryFailpoint;
  const rooms = [...planted.rooms, ...(await plantEdge(database, wish))];
  const successor = await startServer(ground, { plan: next, ...(delay ? { failpoint: delay } : {}) });
  const { startedAt } = successor.server;
  const reading = readRowsOfStart(database, wanted(history.story(0)), { startedAt, signal: ground.signal });
  // Awaited below; when it is interrupted, users are still on their way.
  reading.catch(() => {});
  const { limited } = legacy.witnesses;
  const { back, watchers } = await readBack(ground, successor, { ...struck, limited, startedAt });
  const rows = await reading;
  const zombie = strike.isAsleep ? await awaken(ground, struck) : undefined;
  const marksAfter = await readMarks(database);
  const seen = { ...look, rows, marksAfter, planted: rooms, ...(zombie ? { afterZombie: zombie } : {}) };
  const evidence = { ...describe(ground, struck, successor), ...seen };
  return { running: successor, back, watchers, planted: { ...planted, rooms }, evidence };
}

/** Nothing that the old server tells from here on is believed. */
function sendAway({ strike, users, legacy }: Struck): void {
  for (const user of [...users, ...legacy.witnesses.watchers]) {
    if (strike.isAsleep) user.mute();
    else if (user.isConnected()) user.drop();
  }
}

/** What is known of the strike itself, of both servers and of the cycles before. */
function describe(
  ground: Ground,
  struck: Struck,
  successor: Running,
): Omit<Evidence, "rows" | "planted" | "marksAfter"> {
  const { plan, next, running, strike, users, legacy } = struck;
  const { isAsleep: _asleep, slowedMs, ...facts } = strike;
  const connected = users.map((user) => [user.account.userId, user.connectedMs()] as const);
  return {
    ...facts,
    cycle: plan.cycle,
    nemesis: plan.nemesis,
    servedFrom: running.listening.at,
    windowMs,
    allowanceMs: Math.max(batchMs, 2 * slowestBatch(ground, struck)) + slowedMs + ground.stallMs(),
    epoch: successor.listening.epoch,
    listeningAt: successor.listening.at,
    startedAt: successor.server.startedAt,
    graceMs: next.graceMs,
    endedBefore: legacy.endedBefore,
    timersBefore: legacy.timersBefore,
    marksBefore: legacy.marksBefore,
    silences: legacy.silences,
    ...(legacy.usedLimit ? { usedLimit: legacy.usedLimit } : {}),
    knownBefore: legacy.knownBefore,
    connectedMs: new Map([...legacy.connectedMs, ...connected]),
  };
}

async function lookBefore(
  { database, history, planRooms, signal }: Ground,
  next: CyclePlan,
): Promise<Pick<Evidence, "before" | "planned">> {
  const waitedMs = await waitForSessions(database, signal);
  history.note("sessions ended", { waitedMs });
  const before = await readRows(database, wanted(history.story(0)));
  return { before, planned: await planRooms(next.graceMs) };
}

/** Wakes the server that was overtaken, and waits for it to end by itself. */
async function awaken(
  { history, database, signal }: Ground,
  { running: { server } }: Struck,
): Promise<{ readonly rows: Rows; readonly exitCode: number | null }> {
  history.note("awake", { pid: server.pid });
  server.signal("SIGCONT");
  await Promise.race([server.exited, sleep(zombiePatienceMs, undefined, { signal })]);
  server.signal("SIGKILL");
  const { code } = await server.exited;
  history.note("zombie ended", { code });
  // What the successor has taken over it writes within a flush interval.
  await sleep(4 * windowMs, undefined, { signal });
  return { exitCode: code, rows: await readRows(database, wanted(history.story(0))) };
}

/** Users, rooms and links of the cycles that the history still knows. */
function wanted(story: Story) {
  const found = (name: string) =>
    story.operations.flatMap((operation) => (operation.name === name ? (operation.settled?.found ?? []) : []));
  const actors = story.operations.filter(({ name }) => name !== "account").map(({ actor }) => actor);
  return {
    users: [...new Set([...actors, ...found("account")])],
    // Of a room that began in a cycle that is forgotten, what was said since is known.
    rooms: [...new Set([...readRooms(story).keys(), ...story.operations.flatMap(({ roomId }) => roomId ?? [])])],
    links: found("link"),
  };
}

/** What a server answers once its database has: how long a batch may take is seen by any of them. */
const askingDatabase = ["account", "connect", "link", "limit", "chat:message", "room:leave"];

/**
 * How long the slowest question to the database took, or had taken when the server died: what a batch may take on this
 * machine just now. A change may have to wait for one batch before its own.
 */
function slowestBatch({ history }: Ground, { running, strike }: Struck): number {
  // Nothing may be lost then, however long it took.
  if (strike.safeAt !== undefined) return 0;
  const from = running.listening.at;
  const until = Math.min(strike.deadAt, strike.outageFrom ?? strike.deadAt);
  const tookMs = history.story(0).operations.map(({ name, invokedAt, settled }) => {
    if (!askingDatabase.includes(name) || invokedAt < from || invokedAt > until) return 0;
    // Whoever never got in shows how the server ended, not how quick its database was.
    if (name !== "chat:message" && settled?.outcome !== "ok") return 0;
    return Math.min(settled?.outcome === "info" ? until : (settled?.at ?? until), until) - invokedAt;
  });
  return Math.max(0, ...tookMs);
}
