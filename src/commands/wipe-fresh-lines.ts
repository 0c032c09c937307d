import { type ExitCode, exitCodes } from "../core/errors.js";
import type { Style } from "../report/style.js";
import { plural } from "../report/text.js";
import type { AppliedFresh, FreshResult, ShownFresh } from "./wipe-fresh.js";
import type { FreshSteps, StepOutcome } from "./wipe-fresh-steps.js";
import { guardLines } from "./wipe-guard-lines.js";
import { wipePlanLines, wipeResultLines } from "./wipe-lines.js";

/** What a fresh start would do, or did. */
export function freshLines(result: FreshResult, style: Style): string[] {
  if (result.applied) return freshResultLines(result, style);
  return [...freshPlanLines(result, style), ...guardLines(result.guards, style)];
}

/** Partly done when the wipe was, and something after it failed. */
export function freshExit(result: FreshResult): ExitCode {
  if (!result.applied) return exitCodes.ok;
  return [result.migrate, result.seed].some(({ state }) => state === "failed") ? exitCodes.partial : exitCodes.ok;
}

/** The plan of the wipe, and what comes after it. */
export function freshPlanLines(shown: Omit<ShownFresh, "guards">, style: Style): string[] {
  return [...stepLines(shown.steps, style), "", ...wipePlanLines(shown, style)];
}

function stepLines({ pending, seedFile, seedSkipped, refusal }: FreshSteps, style: Style): string[] {
  return [
    style.strong("A fresh start: everything below goes, then the migrations run, then the seed."),
    ...(pending === null ? ["migrate: left out, the app has no migrations"] : pendingLines(pending)),
    seedFile === null ? `seed:    left out, ${seedSkipped}` : `seed:    ${seedFile}`,
    ...(refusal ? [style.bad(`It would be refused: ${refusal.message}`), `  next: ${refusal.hint ?? ""}`] : []),
  ];
}

function pendingLines(pending: readonly string[]): string[] {
  if (pending.length === 0) return ["migrate: nothing is pending"];
  return [`migrate: ${plural(pending.length, "migration")} would be applied`, ...pending.map((name) => `  ${name}`)];
}

function freshResultLines({ wipe, migrate, seed }: AppliedFresh, style: Style): string[] {
  const failed = [migrate, seed].find(({ state }) => state === "failed");
  return [
    ...wipeResultLines(wipe, style),
    "",
    outcomeLine("migrate", migrate, style),
    outcomeLine("seed", seed, style),
    ...(failed ? cutShortLines({ wipe, migrate, seed }, failed) : []),
  ];
}

function outcomeLine(name: string, { state, summary }: StepOutcome, style: Style): string {
  const paint = { done: style.good, skipped: style.warning, failed: style.bad };
  return `${`${name}:`.padEnd(9)}${paint[state](state)}, ${summary}`;
}

/** Somebody has an empty database now, and must know it, how to go on, and how to go back. */
function cutShortLines(
  { wipe, migrate }: Pick<AppliedFresh, "wipe" | "migrate" | "seed">,
  failed: StepOutcome,
): string[] {
  const rest = failed === migrate ? "roomctl migrate && roomctl seed" : "roomctl seed";
  return [
    "",
    `The wipe is done and stays done: the tables are empty${failed === migrate ? ", and the schema is not up to date" : ""}.`,
    `  next: ${failed.hint ?? rest}`,
    `  then, to go on:  ${rest}`,
    wipe.receipt === undefined
      ? "  there is no backup of what was deleted"
      : `  or, to go back:  roomctl wipe undo ${wipe.receipt}`,
  ];
}
