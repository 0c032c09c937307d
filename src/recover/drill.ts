import type { Clock } from "../core/clock.js";
import { messageOf } from "../core/errors.js";
import { mapParallel } from "../core/parallel.js";
import { judge } from "./drill-checks.js";
import { type Ghosts, type Ground, type Legacy, nothingBefore, type Running } from "./drill-cycle.js";
import { createAccount } from "./drill-http.js";
import { runLoad } from "./drill-load.js";
import type { Evidence, Violation } from "./drill-model.js";
import { strike } from "./drill-nemesis.js";
import { type CyclePlan, type Nemesis, planCycle } from "./drill-plan.js";
import { clearPlanted, preparePast } from "./drill-rows.js";
import { restartArmed, startServer } from "./drill-start.js";
import { createUser, type DrillUser } from "./drill-user.js";
import { type CycleReport, type DrillVerdict, type FoundViolation, sumUp } from "./drill-verdict.js";
import { recoverAndLook } from "./drill-verify.js";

export interface DrillOptions {
  readonly seed: number;
  /** How many cycles; fewer when a violation is found, or the time is over. */
  readonly cycles: number;
  /** Ways to strike; all unless told. */
  readonly nemeses?: readonly Nemesis[];
  /** Begin no cycle after so long. */
  readonly timeMs: number;
  readonly clock: Clock;
  readonly onProgress?: (event: { message: string; done?: number; total?: number }) => void;
}

/**
 * Words of the drill. A *cycle* lets users work on a server, strikes it, starts its successor and compares what is there
 * with what was told. A *nemesis* is a way to strike. *Evidence* is what was found; an *invariant* is what must hold.
 *
 * Runs cycles until one shows a violation. Throws when the first server does not start, or when it is interrupted.
 */
export async function runDrill(ground: Ground, options: DrillOptions): Promise<DrillVerdict> {
  const { clock, onProgress = () => {}, seed, cycles } = options;
  const { history, random, database, signal } = ground;
  const startedMs = clock.monotonicMs();
  const planOf = (cycle: number) => planCycle(random, cycle, options.nemeses);
  await preparePast(database);
  const reports: CycleReport[] = [];
  const violations: FoundViolation[] = [];
  let legacy = nothingBefore;
  let running = await startServer(ground, { plan: planOf(1) });
  try {
    for (let cycle = 1; cycle <= cycles && violations.length === 0; cycle += 1) {
      const cycleStartedMs = clock.monotonicMs();
      if (cycleStartedMs - startedMs > options.timeMs) break;
      signal.throwIfAborted();
      const plan = planOf(cycle);
      onProgress({ message: `${plan.nemesis}, ${history.counts.operations} operations`, done: cycle, total: cycles });
      history.startCycle(cycle);
      const outcome = await attempt(ground, { running, legacy, plan, next: planOf(cycle + 1) });
      if (outcome.kind === "broken") violations.push(found(ground, plan, outcome.violation));
      else {
        running = outcome.running;
        legacy = outcome.legacy;
        const { evidence } = outcome;
        const judgement = judge(evidence, history.story(0));
        violations.push(...judgement.violations.map((violation) => found(ground, plan, violation)));
        const durationMs = clock.monotonicMs() - cycleStartedMs;
        const { windowMs, allowanceMs } = evidence;
        reports.push({ ...judgement, nemesis: plan.nemesis, durationMs, windowMs, allowanceMs });
      }
    }
  } finally {
    for (const user of legacy.users) user.drop();
  }
  return sumUp({ seed, counts: history.counts, reports, violations, durationMs: clock.monotonicMs() - startedMs });
}

const sliceLines = 10;

function found({ history }: Ground, { nemesis }: CyclePlan, violation: Violation): FoundViolation {
  history.note("violation", violation);
  return { ...violation, nemesis, history: history.slice(violation.about, sliceLines) };
}

type Outcome =
  | { readonly kind: "done"; readonly running: Running; readonly legacy: Legacy; readonly evidence: Evidence }
  | { readonly kind: "broken"; readonly violation: Violation };

/** A cycle that cannot be finished is a finding: the server did not come back. */
async function attempt(ground: Ground, wish: CycleWish): Promise<Outcome> {
  try {
    return { kind: "done", ...(await runCycle(ground, wish)) };
  } catch (error) {
    ground.signal.throwIfAborted();
    const { cycle } = wish.plan;
    return { kind: "broken", violation: { invariant: "I0", cycle, about: "server", message: messageOf(error) } };
  }
}

interface CycleWish {
  readonly running: Running;
  readonly legacy: Legacy;
  readonly plan: CyclePlan;
  readonly next: CyclePlan;
}

async function runCycle(ground: Ground, wish: CycleWish) {
  const { plan, next, legacy } = wish;
  const { history, random, newId, database, signal } = ground;
  const running = plan.failpoint === undefined ? wish.running : await restartArmed(ground, wish.running, plan);
  const { port } = running.listening;
  const survivors = legacy.users.filter((user) => user.isConnected());
  const { users, ghosts } = await gather(ground, port, { plan, survivors });
  const work = new AbortController();
  const stop = AbortSignal.any([work.signal, signal]);
  const cycleRandom = random.fork(`load ${plan.cycle}`);
  const load = runLoad({ history, port, random: cycleRandom, newId, users, stop });
  // Awaited below; a failure of its own must not go unhandled while the strike is under way.
  load.catch(() => work.abort());
  const { server } = running;
  const struck = await strike({ ...ground, plan, server, port, stopLoad: () => work.abort(), signal });
  // Whoever asks a server that sleeps is not answered before it is awake.
  const { links } = struck.isAsleep ? { links: [] } : await load;
  const facts = { plan, next, running, strike: struck, users, ghosts, links, legacy };
  const { evidence, running: successor, back } = await recoverAndLook(ground, facts);
  await load;
  await clearPlanted(database, evidence.planted);
  return { running: successor, evidence, legacy: bequeath(back, evidence, legacy) };
}

const gatheredAtOnce = 6;
const ghostCount = 4;

async function gather(
  { history }: Ground,
  port: number,
  { plan, survivors }: { readonly plan: CyclePlan; readonly survivors: readonly DrillUser[] },
): Promise<{ readonly users: readonly DrillUser[]; readonly ghosts: Ghosts }> {
  const wanted = Math.max(2, plan.users - survivors.length) + ghostCount;
  const names = Array.from({ length: wanted }, (_, index) => `user ${plan.cycle}.${index}`);
  const made = await mapParallel(names, gatheredAtOnce, (name) => createAccount(history, port, name));
  const accounts = made.filter((account) => account !== undefined);
  const fresh = accounts
    .slice(ghostCount)
    .map((account, index) => createUser(history, account, index % 2 === 0 ? "text" : "video"));
  return { users: [...survivors, ...fresh], ghosts: accounts.slice(0, ghostCount) };
}

/** Who came back and is in a room goes on there in the next cycle, once; the others leave. */
function bequeath(back: readonly DrillUser[], evidence: Evidence, legacy: Legacy): Legacy {
  const before = new Set(legacy.users);
  const staying = back.filter((user) => !before.has(user) && user.room()?.status === "active");
  for (const user of back) if (!staying.includes(user) && user.isConnected()) user.drop();
  const rows = evidence.afterZombie?.rows ?? evidence.rows;
  const endedBefore = new Set([...legacy.endedBefore, ...rows.histories.map(({ roomId }) => roomId)]);
  const timersBefore = new Map(rows.users.map(({ userId, timerSeconds }) => [userId, timerSeconds]));
  const planted = evidence.planted.map(({ roomId }) => roomId);
  const knownBefore = new Set([...legacy.knownBefore, ...planted, ...rows.rooms.map(({ roomId }) => roomId)]);
  return { users: staying, endedBefore, timersBefore, knownBefore, connectedMs: evidence.connectedMs };
}
