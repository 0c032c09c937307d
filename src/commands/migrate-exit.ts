import { type ExitCode, errorExits, exitCodes } from "../core/errors.js";
import type { UpPlan } from "../migrate/plan.js";
import type { RunResult } from "../migrate/run.js";

/** Partly done when something was, before what failed. */
export function runExit({ steps, failure }: RunResult): ExitCode {
  if (failure === null) return exitCodes.ok;
  return steps.some(({ state }) => state === "done") ? exitCodes.partial : exitCodes[errorExits[failure.code]];
}

/** What migrate would exit with before it runs anything. */
export function planExit({ refusal }: UpPlan): ExitCode {
  return refusal === null ? exitCodes.ok : exitCodes[errorExits[refusal.code]];
}
