import type { BackupReceipt } from "../backup/create.js";
import { parseName, quoteName } from "../db/identifier.js";
import type { Connection, Database } from "../db/pool.js";
import { type ApplyWipeOptions, applyWipe, assertCascadeAccepted, type WipeResult } from "../wipe/apply.js";
import { planWipe, type WipePlan } from "../wipe/plan.js";
import { isDifferent, type PlannedReset } from "../wipe/resets.js";
import { applyRowWipe, assertBlockedAccepted, type RowWipeResult, rowsBeyond } from "../wipe/rows-apply.js";
import { type RowConditions, rowWipeCommand } from "../wipe/rows-choice.js";
import type { ListedRows } from "../wipe/rows-list.js";
import { planRowWipe } from "../wipe/rows-plan.js";
import { assertRowToken } from "../wipe/rows-stale.js";
import { assertToken, wipeCommand } from "../wipe/stale.js";
import { backUpBefore } from "./backup-before.js";
import type { CommandContext } from "./command.js";
import type { WipeOptions } from "./wipe-options.js";

/** What was chosen, planned, and how it is done once everybody agrees. */
export interface WipeWay {
  readonly plan: WipePlan;
  /** As typed, with what the plan needs besides, and without its consent. */
  readonly command: string;
  /** Throws E_PLAN_STALE unless that is the token of this plan. */
  assertToken(token: string): void;
  /** Throws E_CASCADE_REQUIRED when more would go than was accepted. */
  assertAccepted(): void;
  /** `guard` looks once more, under the locks. */
  apply(
    guard: ApplyWipeOptions<BackupReceipt>["guard"],
  ): Promise<WipeResult<BackupReceipt> | RowWipeResult<BackupReceipt>>;
}

/** Plans what the options choose: whole tables, or some of their rows. */
export function planChosen(database: Database, options: WipeOptions, context: CommandContext): Promise<WipeWay> {
  return options.rows === undefined
    ? planTables(database, options, context)
    : planRows(database, { ...options, rows: options.rows }, context);
}

async function planTables(database: Database, options: WipeOptions, context: CommandContext): Promise<WipeWay> {
  const plan = await planWipe(database, context.app.scopes, options);
  const isCascadeNeeded = plan.cascades.some(({ rows }) => rows > 0);
  const command = withNeeds(wipeCommand(options.scopes, options.tables), options, isCascadeNeeded);
  const save = (connection: Connection) => backUpTables({ database, connection, plan, command, context });
  return {
    plan,
    command,
    assertToken: (token) => assertToken(plan, token),
    assertAccepted: () => assertCascadeAccepted(plan, options.acceptsCascade),
    apply: (guard) =>
      applyWipe<BackupReceipt>(database, plan, {
        ...applyOptions(options, context),
        scopes: context.app.scopes,
        guard,
        ...(options.takesBackup ? { beforeDelete: save } : {}),
      }),
  };
}

type RowOptions = WipeOptions & { readonly rows: RowConditions };

async function planRows(database: Database, options: RowOptions, context: CommandContext): Promise<WipeWay> {
  const { scopes, tables, rows: conditions, batch, acceptsCascade } = options;
  const request = { app: context.app, scopes, tables, conditions, now: context.clock.now() };
  const plan = await planRowWipe(database, request);
  const isCascadeNeeded = rowsBeyond(plan, request).length > 0;
  const typed = [rowWipeCommand(request), ...(batch === undefined ? [] : [`--batch ${batch}`])].join(" ");
  const command = withNeeds(typed, options, isCascadeNeeded);
  const save = (connection: Connection, saved: ListedRows) =>
    backUpBefore({ database, connection, ...saved, command, context });
  return {
    plan,
    command,
    assertToken: (token) => assertRowToken(plan, token, request),
    assertAccepted: () => assertBlockedAccepted(plan, { acceptsCascade, request }),
    apply: (guard) =>
      applyRowWipe<BackupReceipt>(database, plan, {
        ...applyOptions(options, context),
        request,
        guard,
        ...(batch === undefined ? {} : { batch }),
        ...(options.takesBackup ? { beforeDelete: save } : {}),
      }),
  };
}

function applyOptions(options: WipeOptions, { settings, clock, signal, onProgress }: CommandContext) {
  return {
    acceptsCascade: options.acceptsCascade,
    clock,
    signal,
    lockTimeoutMs: settings.lockTimeoutMs.value,
    lockWaitMs: settings.lockWaitMs.value,
    onProgress,
  };
}

function withNeeds(command: string, options: WipeOptions, isCascadeNeeded: boolean): string {
  return [
    command,
    ...(isCascadeNeeded || options.acceptsCascade ? ["--cascade"] : []),
    ...(options.takesBackup ? [] : ["--no-backup"]),
  ].join(" ");
}

interface TablesToSave {
  readonly database: Database;
  readonly connection: Connection;
  readonly plan: WipePlan;
  readonly command: string;
  readonly context: CommandContext;
}

/** Whole tables where they are emptied; of a table whose column is put back, the rows that change. */
function backUpTables({ database, connection, plan, command, context }: TablesToSave): Promise<BackupReceipt> {
  const emptied = new Set([...plan.tables, ...plan.cascades].map(({ table }) => table));
  const kept = plan.resets.filter(({ table }) => !emptied.has(table));
  const tables = [...new Set([...emptied, ...kept.map(({ table }) => table)])].map(parseName);
  return backUpBefore({ database, connection, tables, conditions: changedRows(kept), command, context });
}

function changedRows(resets: readonly PlannedReset[]): ReadonlyMap<string, string> {
  const conditions = new Map<string, string>();
  for (const reset of resets) {
    const name = quoteName(parseName(reset.table));
    const known = conditions.get(name);
    conditions.set(name, known === undefined ? `(${isDifferent(reset)})` : `${known} OR (${isDifferent(reset)})`);
  }
  return conditions;
}
