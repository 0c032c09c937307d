import { type ExitCode, errorExits, exitCodes } from "../core/errors.js";
import type { MigrationFailure } from "../migrate/failure.js";
import type { UpPlan } from "../migrate/plan.js";
import type { RunResult } from "../migrate/run.js";

/** Partly done when something was, before what failed. */
export function runExit({ steps, failure }: RunResult): ExitCode {
  if (failure === null) return exitCodes.ok;
  if (isInterruption(failure)) return exitCodes[errorExits[failure.code]];
  return steps.some(({ state }) => state === "done") ? exitCodes.partial : exitCodes[errorExits[failure.code]];
}

/** Ctrl-C and its like keep their exit code, whatever was done before. */
export function isInterruption({ code }: MigrationFailure): boolean {
  return code === "E_INTERRUPTED" || code === "E_TERMINATED";
}

/** What migrate would exit with before it runs anything. */
export function planExit({ refusal }: UpPlan): ExitCode {
  return refusal === null ? exitCodes.ok : exitCodes[errorExits[refusal.code]];
}
