import type { BackupReceipt } from "../backup/create.js";
import { RoomctlError } from "../core/errors.js";
import { parseName } from "../db/identifier.js";
import type { Connection, Database } from "../db/pool.js";
import { plainStyle } from "../report/style.js";
import { applyWipe, assertCascadeAccepted, type WipeResult } from "../wipe/apply.js";
import { planWipe, type WipePlan } from "../wipe/plan.js";
import { assertToken, wipeCommand } from "../wipe/stale.js";
import { backUpBefore } from "./backup-before.js";
import { type CommandContext, defineCommand, type ParsedInput } from "./command.js";
import { wipePlanLines, wipeResultLines } from "./wipe-lines.js";

interface WipeOptions {
  readonly scopes: readonly string[];
  /** `true` for a bare --confirm, else the name that was typed. */
  readonly confirm: string | true | undefined;
  readonly token: string | undefined;
  readonly acceptsCascade: boolean;
  readonly isDryRun: boolean;
  readonly takesBackup: boolean;
}

interface ShownPlan {
  readonly applied: false;
  readonly plan: WipePlan;
  readonly token: string;
  /** The command that does it, after a confirmation. */
  readonly next: string;
}

export const wipe = defineCommand<WipeOptions, ShownPlan | WipeResult<BackupReceipt>>({
  name: "wipe",
  summary: "Delete the rows of chosen scopes after showing exactly what would go",
  description: [
    "Without --confirm or --plan it only shows the plan: which database, every table with its exact rows, and what foreign keys would drag along.",
    "With consent it deletes in one transaction, after a verified backup that it takes while nobody can write: all of it or nothing.",
    "Sequences of emptied tables begin anew. roomctl's own records are never wiped.",
    "Old values of a column that a scope resets are in the backup too, but a restore fills empty tables only: getting them back takes another database.",
  ],
  words: [{ syntax: "[words...]", description: "none: scopes are given with --scope" }],
  flags: [
    {
      flags: "--scope <name>",
      description: "A scope to wipe; may be repeated (default: all; list them with: roomctl wipe scopes)",
      isRepeatable: true,
    },
    {
      flags: "--confirm [database]",
      description: "Consent: asks for the database's name on a terminal; give the name where there is none",
      isConsent: true,
    },
    {
      flags: "--plan <token>",
      description: "Consent to exactly the plan of this token, and no other",
      isConsent: true,
    },
    {
      flags: "--cascade",
      description: "Accept that tables beyond the scopes are emptied where foreign keys demand it",
      isConsent: true,
    },
    { flags: "--dry-run", description: "Show the plan and change nothing, whatever else is given" },
    { flags: "--no-backup", description: "Take no backup before: nothing keeps what goes then", isConsent: true },
    { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
  ],
  examples: [
    { command: "roomctl wipe", explanation: "show what a wipe of everything would delete" },
    { command: "roomctl wipe --scope rooms --scope chat", explanation: "show it for two scopes" },
    { command: "roomctl wipe --scope rooms --confirm", explanation: "delete the rooms, after asking" },
    { command: "roomctl wipe scopes", explanation: "list the scopes" },
  ],
  parse: parseWipe,
  run: runWipe,
  render: (result, style) => (result.applied ? wipeResultLines(result, style) : wipePlanLines(result, style)),
});

function parseWipe({ words, flags }: ParsedInput): WipeOptions {
  const [word] = words;
  if (word !== undefined) {
    throw new RoomctlError("E_USAGE", `scopes are given with --scope, not as ${JSON.stringify(word)}`, {
      hint: wipeCommand(words),
    });
  }
  const { scope, confirm, plan, cascade, dryRun, backup } = flags;
  return {
    scopes: Array.isArray(scope) ? scope : [],
    confirm: typeof confirm === "string" || confirm === true ? confirm : undefined,
    token: typeof plan === "string" ? plan : undefined,
    acceptsCascade: cascade === true,
    isDryRun: dryRun === true,
    takesBackup: backup !== false,
  };
}

async function runWipe(options: WipeOptions, context: CommandContext): Promise<ShownPlan | WipeResult<BackupReceipt>> {
  await using database = await context.openDatabase();
  const plan = await planWipe(database, context.app.scopes, options.scopes);
  const shown = {
    applied: false,
    plan,
    token: plan.token,
    next: `${context.repeat(commandFor(options, plan))} --confirm`,
  } as const;
  if (options.isDryRun || (options.confirm === undefined && options.token === undefined)) return shown;
  if (options.token !== undefined) assertToken(plan, options.token);
  assertCascadeAccepted(plan, options.acceptsCascade);
  if (options.confirm !== undefined || options.token === undefined) {
    await context.confirm({
      database,
      given: options.confirm,
      command: commandFor(options, plan),
      lines: wipePlanLines(shown, plainStyle),
    });
  }
  if (!options.takesBackup) context.warn("no backup is taken: nothing will keep what this deletes or resets");
  const { settings, clock, signal, onProgress } = context;
  return await applyWipe<BackupReceipt>(database, plan, {
    scopes: context.app.scopes,
    acceptsCascade: options.acceptsCascade,
    ...(options.takesBackup
      ? { beforeDelete: (connection: Connection) => backUp(connection, { database, plan, context }) }
      : {}),
    clock,
    signal,
    lockTimeoutMs: settings.lockTimeoutMs.value,
    lockWaitMs: settings.lockWaitMs.value,
    onProgress,
  });
}

/** The command as typed, with what the plan needs besides, and without its consent. */
function commandFor(options: WipeOptions, plan: WipePlan): string {
  const isCascadeNeeded = plan.cascades.some(({ rows }) => rows > 0);
  return [
    wipeCommand(options.scopes),
    ...(isCascadeNeeded || options.acceptsCascade ? ["--cascade"] : []),
    ...(options.takesBackup ? [] : ["--no-backup"]),
  ].join(" ");
}

function backUp(
  connection: Connection,
  {
    database,
    plan,
    context,
  }: { readonly database: Database; readonly plan: WipePlan; readonly context: CommandContext },
): Promise<BackupReceipt> {
  const names = [...plan.tables, ...plan.cascades, ...plan.resets].map(({ table }) => table);
  const tables = [...new Set(names)].map(parseName);
  return backUpBefore({ database, connection, tables, command: wipeCommand(plan.scopes), context });
}
