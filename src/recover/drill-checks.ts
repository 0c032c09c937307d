import { type Check, lostMsOf, openCase } from "./drill-case.js";
import { checkDurable, checkInvented } from "./drill-checks-durable.js";
import { checkLimits } from "./drill-checks-limits.js";
import {
  checkCooldowns,
  checkEphemeral,
  checkFence,
  checkLinkTargets,
  checkPlan,
  checkTimers,
} from "./drill-checks-others.js";
import { checkAges, checkGrace, checkResurrections, checkRowStates, checkSeats } from "./drill-checks-rooms.js";
import { checkTorch } from "./drill-checks-torch.js";
import { checkVersions } from "./drill-checks-versions.js";
import type { Evidence } from "./drill-evidence.js";
import type { Violation } from "./drill-invariants.js";
import { checkLosses, listLosses } from "./drill-loss.js";
import type { Story } from "./drill-model.js";

const checks: readonly Check[] = [
  checkDurable,
  checkInvented,
  // What it shows is the cause of losses.
  checkVersions,
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
  checkTorch,
  checkLimits,
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
