import type { Random } from "./drill-random.js";

/** What is done to a server or its database while users are at work. `docs/recover-drill.md` describes each. */
export const nemeses = [
  "kill",
  "kill-at-failpoint",
  "delay-at-failpoint",
  "kill-in-recovery",
  "kill-in-drain",
  "drain",
  "long-downtime",
  "zombie",
  "postgres-stop",
  "postgres-stop-kill",
  "backends",
  "cut",
  "delay",
  "late",
] as const;
export type Nemesis = (typeof nemeses)[number];

/** One cycle of a drill, all of it chosen before it begins. Durations in milliseconds. */
export interface CyclePlan {
  readonly cycle: number;
  readonly nemesis: Nemesis;
  readonly users: number;
  /** How long users work before the strike. */
  readonly loadMs: number;
  /** How long they go on with what the strike broke, where it does not end the server. */
  readonly aftermathMs: number;
  /** Of the server that is struck. */
  readonly graceMs: number;
  /** Armed in the server that is struck: the value of ROOMCTL_FAILPOINT. */
  readonly failpoint: string | undefined;
  /** Armed in the server that starts after the strike. */
  readonly recoveryFailpoint: string | undefined;
  /** Wait for the dead server's sessions to end, and look at the rows and at what a dry run says, before the start. */
  readonly looksBefore: boolean;
  /** Between the end of one server and the start of the next. */
  readonly downtimeMs: number;
  /** What the proxy does to the database's connections: held back for so long. */
  readonly latencyMs: number;
}

/** Those that the database's connections go through a proxy for. */
export function needsProxy({ nemesis }: CyclePlan): boolean {
  return nemesis === "cut" || nemesis === "delay" || nemesis === "late" || nemesis === "zombie";
}

const loadFailpoints = [
  { name: "after-drain-before-send", most: 30 },
  { name: "after-send-before-result", most: 30 },
  { name: "after-commit-before-ack", most: 30 },
  { name: "after-memory-before-dirty", most: 150 },
  { name: "between-two-batches", most: 10 },
] as const;

/**
 * The plan of a cycle (the first is 1). Every nemesis that was chosen comes once in as many cycles as there are, in an
 * order of the seed's, with a plain kill in every fourth cycle between them.
 */
export function planCycle(random: Random, cycle: number, chosen: readonly Nemesis[] = nemeses): CyclePlan {
  const own = random.fork(`cycle ${cycle}`);
  const nemesis = nemesisOf(random, cycle, chosen);
  return {
    cycle,
    nemesis,
    users: own.integer(10, 18),
    loadMs: own.integer(200, 800),
    aftermathMs: own.integer(50, 400),
    graceMs: own.pick([500, 500, 2_000, 2_000, 10_000]) ?? 10_000,
    failpoint: failpointOf(nemesis, own, cycle),
    recoveryFailpoint: recoveryFailpointOf(nemesis, own),
    looksBefore: nemesis !== "zombie" && own.chance(0.5),
    downtimeMs: nemesis === "long-downtime" ? 4_000 : own.chance(0.2) ? own.integer(50, 600) : 0,
    latencyMs: own.integer(20, 150),
  };
}

function nemesisOf(random: Random, cycle: number, chosen: readonly Nemesis[]): Nemesis {
  const others = chosen.filter((nemesis) => nemesis !== "kill");
  const hasKill = others.length < chosen.length;
  if (others.length === 0 || (hasKill && cycle % 4 === 0)) return "kill";
  const index = cycle - 1 - (hasKill ? Math.floor(cycle / 4) : 0);
  const round = Math.floor(index / others.length);
  return random.fork(`round ${round}`).shuffle(others)[index % others.length] ?? "kill";
}

function failpointOf(nemesis: Nemesis, random: Random, cycle: number): string | undefined {
  if (nemesis === "kill-in-drain") return random.chance(0.5) ? "in-sigterm-flush" : undefined;
  if (nemesis !== "kill-at-failpoint" && nemesis !== "delay-at-failpoint") return undefined;
  const chosen = random.pick(loadFailpoints.slice(0, nemesis === "kill-at-failpoint" ? 5 : 3));
  const { name, most } = chosen ?? loadFailpoints[cycle % 3] ?? loadFailpoints[0];
  if (nemesis === "kill-at-failpoint") return `${name}:${random.integer(1, most)}:kill`;
  // Several, so that one is likely to be waiting when the kill comes.
  const counts = [1, 2, 3].map((step) => step * random.integer(2, 8));
  return [...new Set(counts)].map((count) => `${name}:${count}:delay=${random.integer(50, 250)}`).join(",");
}

function recoveryFailpointOf(nemesis: Nemesis, random: Random): string | undefined {
  const name = random.pick(["after-fence-before-load", "during-recovery-load"]) ?? "after-fence-before-load";
  if (nemesis === "kill-in-recovery") return `${name}:1:kill`;
  return random.chance(0.1) ? `${name}:1:delay=${random.integer(20, 200)}` : undefined;
}
