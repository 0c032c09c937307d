import { type ExitCode, exitCodes } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import type { Style } from "../report/style.js";
import { plainStyle } from "../report/style.js";
import { estimateWipe, type WipeEstimate } from "../wipe/estimate.js";
import type { GuardLook } from "../wipe/guard.js";
import { allowedGuards, readGuards, recheckGuards } from "../wipe/guards.js";
import type { WipePlan } from "../wipe/plan.js";
import { wipeCommand } from "../wipe/stale.js";
import { type CommandContext, defineCommand } from "./command.js";
import { type Guarded, guardRequest, passGuards } from "./guarding.js";
import { type FreshResult, wipeFresh } from "./wipe-fresh.js";
import { freshExit, freshLines } from "./wipe-fresh-lines.js";
import { guardLines } from "./wipe-guard-lines.js";
import { type AppliedWipe, wipeEstimateLines, wipePlanLines, wipeResultLines } from "./wipe-lines.js";
import { parseWipe, type WipeOptions, wipeFlags } from "./wipe-options.js";
import { planChosen, type WipeWay } from "./wipe-way.js";

interface ShownPlan {
  readonly applied: false;
  readonly plan: WipePlan;
  readonly token: string;
  /** The command that does it, after a confirmation. */
  readonly next: string;
  /** What each guard sees now. */
  readonly guards: readonly GuardLook[];
}

interface ShownEstimate {
  readonly kind: "estimate";
  readonly applied: false;
  readonly plan: WipeEstimate;
  /** The command that counts. */
  readonly exact: string;
}

type Result = ShownPlan | ShownEstimate | FreshResult | AppliedWipe;

export const wipe = defineCommand<WipeOptions, Result>({
  name: "wipe",
  summary: "Delete the rows of chosen scopes after showing exactly what would go",
  description: [
    "Without --confirm or --plan it only shows the plan: which database, every table with its exact rows, what foreign keys would drag along, and which guard would refuse.",
    "With consent it deletes in one transaction, after a verified backup that it takes while nobody can write: all of it or nothing. The backup's id is the receipt: roomctl wipe undo RECEIPT brings everything back.",
    "Whole tables are emptied, and their sequences begin anew; with --older-than, --where, --room, --user or --test-users only those rows go, and what refers to them. roomctl's own records are never wiped.",
  ],
  words: [{ syntax: "[words...]", description: "none: scopes are given with --scope" }],
  flags: wipeFlags,
  examples: [
    { command: "roomctl wipe", explanation: "show what a wipe of everything would delete" },
    { command: "roomctl wipe --estimate", explanation: "the same at once, without counting" },
    { command: "roomctl wipe --scope rooms --scope chat", explanation: "show it for two scopes" },
    { command: "roomctl wipe --scope chat --older-than 30d", explanation: "show it for old messages" },
    { command: "roomctl wipe --test-users '%@example.com'", explanation: "show what goes with the test users" },
    { command: "roomctl wipe --scope rooms --confirm", explanation: "delete the rooms, after asking" },
    { command: "roomctl wipe --table todos --where done --confirm", explanation: "delete some rows of a table" },
    { command: "roomctl wipe --fresh", explanation: "show what starting anew in development would take" },
    { command: "roomctl wipe scopes", explanation: "list the scopes" },
  ],
  parse: parseWipe,
  run: runWipe,
  render: renderWipe,
  exitCode: wipeExit,
});

async function runWipe(options: WipeOptions, context: CommandContext): Promise<Result> {
  if (options.isFresh) return wipeFresh(options, context);
  await using database = await context.openDatabase();
  if (options.isEstimate) return await showEstimate(database, options, context);
  const way = await planChosen(database, options, context);
  const isEmpty = way.plan.kind === "rows" && way.plan.rows === 0;
  if (isEmpty || options.isDryRun || (options.confirm === undefined && options.token === undefined)) {
    return await showPlan(database, way, { options, context });
  }
  return await applyChosen(database, way, { options, context });
}

async function showEstimate(database: Database, options: WipeOptions, context: CommandContext): Promise<ShownEstimate> {
  const plan = await estimateWipe(database, context.app.scopes, options);
  const exact = context.repeat(wipeCommand(options.scopes, options.tables));
  return { kind: "estimate", applied: false, plan, exact };
}

interface Chosen {
  readonly options: WipeOptions;
  readonly context: CommandContext;
}

async function showPlan(database: Database, way: WipeWay, chosen: Chosen): Promise<ShownPlan> {
  const guards = await readGuards(database, guardRequest(guarded(database, way, chosen)));
  return { ...shown(way, chosen), guards };
}

async function applyChosen(database: Database, way: WipeWay, chosen: Chosen): Promise<AppliedWipe> {
  const { options, context } = chosen;
  const { command } = way;
  if (options.token !== undefined) way.assertToken(options.token);
  way.assertAccepted();
  const guards = guarded(database, way, chosen);
  await passGuards(guards);
  if (options.confirm !== undefined || options.token === undefined) {
    const lines = wipePlanLines(shown(way, chosen), plainStyle);
    await context.confirm({ database, given: options.confirm, command, lines });
  }
  if (!options.takesBackup) context.warn("no backup is taken: nothing will keep what this deletes or resets");
  const done = await way.apply(async () => allowedGuards(await recheckGuards(database, guardRequest(guards))));
  return done.receipt === undefined ? done : { ...done, undo: context.repeat(`roomctl wipe undo ${done.receipt}`) };
}

function shown({ plan, command }: WipeWay, { context }: Chosen) {
  return { applied: false, plan, token: plan.token, next: `${context.repeat(command)} --confirm` } as const;
}

function guarded(database: Database, { plan, command }: WipeWay, { options, context }: Chosen): Guarded {
  const touched = [...plan.tables, ...plan.cascades, ...plan.resets, ...plan.detached];
  return { database, tables: touched.map(({ table }) => table), command, allowed: options.allowed, context };
}

function renderWipe(result: Result, style: Style): readonly string[] {
  if ("kind" in result) return result.kind === "fresh" ? freshLines(result, style) : wipeEstimateLines(result, style);
  if (result.applied) return wipeResultLines(result, style);
  return [...wipePlanLines(result, style), ...guardLines(result.guards, style)];
}

function wipeExit(result: Result): ExitCode {
  if ("kind" in result) return result.kind === "fresh" ? freshExit(result) : exitCodes.ok;
  return result.applied && result.state === "partly" ? exitCodes.partial : exitCodes.ok;
}
