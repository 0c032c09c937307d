import type { Clock } from "../core/clock.js";
import { messageOf } from "../core/errors.js";
import { judge } from "./drill-checks.js";
import { type Ground, type Legacy, nothingBefore, type Running } from "./drill-cycle.js";
import type { Evidence } from "./drill-evidence.js";
import { gather } from "./drill-gather.js";
import type { Account } from "./drill-http.js";
import type { Violation } from "./drill-invariants.js";
import { runLoad } from "./drill-load.js";
import { strike } from "./drill-nemesis.js";
import { type CyclePlan, type Nemesis, planCycle } from "./drill-plan.js";
import { clearPlanted, preparePast } from "./drill-planted.js";
import { restartArmed, startServer } from "./drill-start.js";
import { type CycleReport, type DrillVerdict, type FoundViolation, sumUp } from "./drill-verdict.js";
import { type Aftermath, recoverAndLook } from "./drill-verify.js";
import { bearWitness } from "./drill-witness.js";

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
    for (const user of [...legacy.users, ...legacy.witnesses.watchers]) user.drop();
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
  const { users, ghosts } = await gather(history, port, { plan, survivors });
  const work = new AbortController();
  const stop = AbortSignal.any([work.signal, signal]);
  const cycleRandom = random.fork(`load ${plan.cycle}`);
  const working = Promise.all([
    runLoad({ history, port, random: cycleRandom, newId, users, stop }),
    bearWitness({ history, port, stop }, legacy.witnesses),
  ]);
  // Awaited below; a failure of its own must not go unhandled while the strike is under way.
  working.catch(() => work.abort());
  const { server } = running;
  try {
    const struck = await strike({ ...ground, plan, server, port, stopLoad: () => work.abort(), signal });
    // Whoever asks a server that sleeps is not answered before it is awake.
    const [{ links }] = struck.isAsleep ? [{ links: [] }] : await working;
    const facts = { plan, next, running, strike: struck, users, ghosts, links, legacy };
    const found = await recoverAndLook(ground, facts);
    await working;
    const { evidence } = found;
    await clearPlanted(database, evidence.planted);
    const { limited } = ghosts;
    return { running: found.running, evidence, legacy: { ...bequeath(found, legacy), ...handOn(found, limited) } };
  } finally {
    // Nobody stays at work when the cycle could not be finished.
    work.abort();
    await Promise.allSettled([working]);
  }
}

/** Who came back and is in a room goes on there in the next cycle, once; the others leave. */
function bequeath({ back, evidence }: Aftermath, legacy: Legacy): Omit<Legacy, keyof Inherited> {
  const before = new Set(legacy.users);
  const staying = back.filter((user) => !before.has(user) && user.room()?.status === "active");
  for (const user of back) if (!staying.includes(user) && user.isConnected()) user.drop();
  const rows = evidence.afterZombie?.rows ?? evidence.rows;
  const endedBefore = new Set([...legacy.endedBefore, ...rows.histories.map(({ roomId }) => roomId)]);
  const timersBefore = new Map(rows.users.map(({ userId, timerSeconds }) => [userId, timerSeconds]));
  const planted = evidence.planted.map(({ roomId }) => roomId);
  const knownBefore = new Set([...legacy.knownBefore, ...planted, ...rows.rooms.map(({ roomId }) => roomId)]);
  const { marksAfter: marksBefore, connectedMs } = evidence;
  return { users: staying, endedBefore, timersBefore, marksBefore, knownBefore, connectedMs };
}

type Inherited = Pick<Legacy, "witnesses" | "silences" | "usedLimit">;

/** What was planted for the server that runs now is judged when that one has been struck. */
function handOn({ watchers, planted }: Aftermath, limited: Account | undefined): Inherited {
  const { silences, usedLimit } = planted;
  return { witnesses: { watchers, limited }, silences, ...(usedLimit ? { usedLimit } : {}) };
}
