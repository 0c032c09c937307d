import type { BackupReceipt } from "../backup/create.js";
import type { WipeScope } from "../core/catalogue.js";
import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { formatName, isSameName, parseName } from "../db/identifier.js";
import { type Environment, readMarker } from "../db/marker.js";
import type { Database, Queryable } from "../db/pool.js";
import { readTables } from "../db/schema.js";
import { plainStyle } from "../report/style.js";
import { assertCascadeAccepted, type WipeResult } from "../wipe/apply.js";
import type { GuardLook } from "../wipe/guard.js";
import { allowedGuards, readGuards, recheckGuards } from "../wipe/guards.js";
import type { WipePlan } from "../wipe/plan.js";
import { assertToken } from "../wipe/stale.js";
import type { CommandContext } from "./command.js";
import { type Guarded, guardRequest, passGuards } from "./guarding.js";
import { freshPlanLines } from "./wipe-fresh-lines.js";
import {
  type FreshSteps,
  migrateFresh,
  planSteps,
  type StepOutcome,
  seedFresh,
  skipSteps,
} from "./wipe-fresh-steps.js";
import type { WipeOptions } from "./wipe-options.js";
import { planChosen, type WipeWay } from "./wipe-way.js";

export interface ShownFresh {
  readonly kind: "fresh";
  readonly applied: false;
  readonly environment: Environment;
  readonly plan: WipePlan;
  readonly token: string;
  /** The command that does it, after a confirmation. */
  readonly next: string;
  readonly steps: FreshSteps;
  readonly guards: readonly GuardLook[];
}

export interface AppliedFresh {
  readonly kind: "fresh";
  readonly applied: true;
  readonly wipe: WipeResult<BackupReceipt>;
  readonly migrate: StepOutcome;
  readonly seed: StepOutcome;
}

export type FreshResult = ShownFresh | AppliedFresh;

/**
 * A development database as on its first day: every scope wiped with all that refers to it, the schema brought up, the
 * demonstration data loaded. The wipe is one transaction with a backup before it; what fails after it is in the result.
 * Throws E_PROTECTED on production and unmarked databases, whatever is allowed, and all that a wipe throws.
 */
export async function wipeFresh(options: WipeOptions, context: CommandContext): Promise<FreshResult> {
  await using database = await context.openDatabase();
  const environment = await requireDevelopment(database, context);
  const steps = await planSteps(database, environment, context);
  const way = await planAll(database, options, context);
  const fresh = { database, way, options, context, environment, steps };
  const isAsked = options.confirm !== undefined || options.token !== undefined;
  return await (options.isDryRun || !isAsked ? show(fresh) : apply(fresh));
}

interface Fresh {
  readonly database: Database;
  readonly way: WipeWay;
  readonly options: WipeOptions;
  readonly context: CommandContext;
  readonly environment: Environment;
  readonly steps: FreshSteps;
}

/** Nobody may step over this one: a URL that points to the wrong place is all that it takes. */
async function requireDevelopment(queryable: Queryable, context: CommandContext): Promise<Environment> {
  const marker = await readMarker(queryable);
  if (marker && marker.environment !== "production") return marker.environment;
  const what = marker ? "is marked production" : "is not marked as development";
  throw new RoomctlError("E_PROTECTED", `nothing was changed: this database ${what}, and --fresh is for development`, {
    hint: marker ? "choose another database: -d URL, or --embedded" : context.repeat("roomctl config mark development"),
  });
}

async function planAll(database: Database, options: WipeOptions, context: CommandContext): Promise<WipeWay> {
  const scopes = await presentScopes(database, context.app.scopes);
  const app = { ...context.app, scopes };
  const command = options.takesBackup ? "roomctl wipe --fresh" : "roomctl wipe --fresh --no-backup";
  const way = await planChosen(database, { ...options, acceptsCascade: true }, { ...context, app });
  return { ...way, command };
}

/** The same scopes where what the database does not have is left out: the migrations that follow make it. */
async function presentScopes(queryable: Queryable, scopes: readonly WipeScope[]): Promise<readonly WipeScope[]> {
  const tables = await readTables(queryable);
  const hasColumn = (table: string, column: string) =>
    tables.some((one) => isSameName(one, parseName(table)) && one.columns.some(({ name }) => name === column));
  return scopes.map((scope) => ({
    ...scope,
    tables: [],
    optionalTables: [...scope.tables, ...(scope.optionalTables ?? [])],
    resets: (scope.resets ?? []).filter(({ table, column }) => hasColumn(table, column)),
  }));
}

async function show(fresh: Fresh): Promise<ShownFresh> {
  const guards = await readGuards(fresh.database, guardRequest(guarded(fresh)));
  return { ...shown(fresh), guards };
}

async function apply(fresh: Fresh): Promise<AppliedFresh> {
  const { database, way, options, context, steps } = fresh;
  if (steps.refusal) throw steps.refusal;
  if (options.token !== undefined) assertToken(way.plan, options.token);
  assertCascadeAccepted(way.plan, true);
  const guards = guarded(fresh);
  await passGuards(guards);
  await consent(fresh);
  if (!options.takesBackup) context.warn("no backup is taken: nothing will keep what this deletes or resets");
  const wipe = await way.apply(async () => allowedGuards(await recheckGuards(database, guardRequest(guards))));
  const migrate = await migrateFresh(database, steps, context);
  const isUp = migrate.state !== "failed";
  const seed = isUp ? await seedFresh(database, steps, context) : skipSteps("the migrations did not all run");
  return { kind: "fresh", applied: true, wipe, migrate, seed };
}

/** What is not development is named by whoever means it; a token alone does not name it. */
async function consent(fresh: Fresh): Promise<void> {
  const { database, way, options, context, environment } = fresh;
  const isNameless = options.confirm === undefined && options.token !== undefined;
  if (isNameless && environment === "development") return;
  if (isNameless) {
    const name = database.target.database;
    throw new RoomctlError("E_CONFIRM_REQUIRED", `nothing was changed: ${name} is marked ${environment}, so name it`, {
      hint: context.repeat(`${way.command} --plan ${way.plan.token} --confirm=${shellWord(name)}`),
    });
  }
  const lines = freshPlanLines(shown(fresh), plainStyle);
  await context.confirm({ database, given: options.confirm, command: way.command, lines });
}

function shown({ way: { plan, command }, context, environment, steps }: Fresh): Omit<ShownFresh, "guards"> {
  const next = `${context.repeat(command)} --confirm`;
  return { kind: "fresh", applied: false, environment, plan, token: plan.token, next, steps };
}

function guarded({ database, way: { plan, command }, options, context }: Fresh): Guarded {
  const touched = [...plan.tables, ...plan.cascades, ...plan.resets].map(({ table }) => formatName(parseName(table)));
  return { database, tables: touched, command, allowed: options.allowed, context };
}
