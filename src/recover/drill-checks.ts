import { type Check, lostMsOf, openCase } from "./drill-case.js";
import { checkDurable, checkInvented } from "./drill-checks-durable.js";
import {
  checkCooldowns,
  checkEphemeral,
  checkFence,
  checkLinkTargets,
  checkPlan,
  checkTimers,
} from "./drill-checks-others.js";
import { checkAges, checkGrace, checkResurrections, checkRowStates, checkSeats } from "./drill-checks-rooms.js";
import { checkLosses, listLosses } from "./drill-loss.js";
import type { Evidence, Story, Violation } from "./drill-model.js";

const checks: readonly Check[] = [
  checkDurable,
  checkInvented,
  checkLosses,
  checkRowStates,
  checkResurrections,
  checkAges,
  checkGrace,
  checkSeats,
  checkLinkTargets,
  checkTimers,
  checkCooldowns,
  checkFence,
  checkPlan,
  checkEphemeral,
];

export interface Judgement {
  readonly violations: readonly Violation[];
  /** Age, at the end of the server, of each change that it had told of from memory and that is lost. */
  readonly lossesMs: readonly number[];
}

/** Judges one strike by what was asked, what was answered, and what was found afterwards. Pure. */
export function judge(evidence: Evidence, story: Story): Judgement {
  const facts = openCase(evidence, story);
  return {
    violations: checks.flatMap((check) => check(facts)),
    lossesMs: listLosses(facts).map(({ toldAt }) => lostMsOf(evidence, toldAt)),
  };
}
