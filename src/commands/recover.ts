import type { RecoveryDefinition } from "../core/catalogue.js";
import { exitCodes, RoomctlError } from "../core/errors.js";
import { isForDevelopment, readMarker } from "../db/marker.js";
import type { Database } from "../db/pool.js";
import {
  applyRecovery,
  type ChangedVerdict,
  describeServer,
  type GraceEnds,
  refuseLiveServer,
} from "../recover/apply.js";
import type { RoomDecision } from "../recover/decide.js";
import type { Verdict } from "../recover/judge.js";
import { planRecovery, type RecoveryPlan } from "../recover/plan.js";
import { summaryLine } from "../recover/summary.js";
import type { Style } from "../report/style.js";
import { type Column, tableLines } from "../report/table.js";
import { formatCount, formatTime, plural } from "../report/text.js";
import { type CommandContext, defineCommand, type ParsedInput } from "./command.js";
import { drillExitCode, type RecoverDrillResult, runRecoverDrill } from "./recover-drill.js";
import { recoverDrillLines } from "./recover-drill-lines.js";
import { drillFlags, parseDrillOptions, type RecoverDrillOptions } from "./recover-drill-options.js";

interface RecoverOptions {
  /** Instead of all else. */
  readonly drill: RecoverDrillOptions | undefined;
  readonly dryRun: boolean;
  /** How many recovered rooms people are shown. */
  readonly limit: number;
  readonly confirm: string | true | undefined;
  /** The server that would start, with `dryRun`. */
  readonly instance: string | undefined;
}

interface RecoverResult {
  readonly applied: boolean;
  /** What would come back; once applied, what did. */
  readonly plan: RecoveryPlan;
  readonly changed: readonly ChangedVerdict[];
  readonly epoch?: string;
  /** Of recovered rooms, once applied: the server has to be up before. */
  readonly graceEnds?: GraceEnds | null;
  /** How long users have to come back, counted from the moment of the recovery. */
  readonly graceSeconds: number;
  readonly operationId?: number;
  /** One line, as for a log. */
  readonly summary: string;
  readonly limit: number;
  /** The command that applies it, after a dry run. */
  readonly next?: string;
}

export const recover = defineCommand<RecoverOptions, RecoverResult | RecoverDrillResult>({
  name: "recover",
  summary: "Bring back what a restart interrupted, or show what would come back",
  description: [
    "From the rows alone: rooms that were running come back with both users away and a few seconds to return; rooms whose",
    "time ran out end properly, with their history; the rest stays as it is. Refused while a server of the app is alive.",
    "Their time counts from the recovery, not from the server's start: start the server at once. A room whose time ran",
    "out before ends instead. A database that is not marked as development needs consent.",
    "With --drill nothing of yours is touched: it proves on a throw-away database, by killing the reference server at",
    "random moments and worse, that what was promised is there afterwards. Exit 3 when it is not.",
  ],
  flags: [
    { flags: "--dry-run", description: "Show what would come back, and why; change nothing" },
    { flags: "--limit <rooms>", description: "How many recovered rooms to list (default 20); --json lists all" },
    {
      flags: "--confirm [database]",
      description: "Consent; with the database's name it also works without a terminal",
      isConsent: true,
    },
    {
      flags: "--instance <name>",
      description: "With --dry-run: what a server of that name would bring back; other living servers keep their rooms",
    },
    ...drillFlags,
  ],
  examples: [
    { command: "roomctl recover --dry-run", explanation: "what a start would bring back, and why" },
    { command: "roomctl recover --dry-run --limit 300", explanation: "the same, with more of the rooms listed" },
    { command: "roomctl recover", explanation: "bring it back, right before the server starts" },
    { command: "roomctl recover --drill --cycles 3", explanation: "kill the reference server three times, and look" },
  ],
  parse: parseRecoverOptions,
  async run(options, context) {
    if (options.drill) return await runRecoverDrill(options.drill, context);
    const definition = requireRecovery(context);
    await using database = await context.openDatabase();
    const plan = await planRecovery(database, definition, { instance: options.instance });
    if (options.dryRun) {
      warnOfLiveServer(plan, context);
      const next = context.repeat("roomctl recover");
      const nothing = { applied: false, plan, changed: [], summary: summaryLine(plan), next };
      return { ...nothing, graceSeconds: definition.graceSeconds, limit: options.limit };
    }
    refuseLiveServer(plan, definition);
    await confirmUnlessDevelopment(options, { database, plan, context });
    const receipt = await apply(database, definition, { plan, context });
    return { applied: true, ...receipt, graceSeconds: definition.graceSeconds, limit: options.limit };
  },
  render: (result, style) => ("kind" in result ? recoverDrillLines(result, style) : recoverLines(result, style)),
  exitCode: (result) => ("kind" in result ? drillExitCode(result) : exitCodes.ok),
});

function parseRecoverOptions(input: ParsedInput): RecoverOptions {
  const { flags } = input;
  const { dryRun, limit = "20", confirm, instance } = flags;
  if (typeof limit !== "string" || !/^\d{1,9}$/.test(limit)) {
    throw new RoomctlError("E_USAGE", `--limit is not a number of rooms: ${JSON.stringify(limit)}`, {
      hint: "roomctl recover --dry-run --limit 50",
    });
  }
  if (instance !== undefined && dryRun !== true) {
    throw new RoomctlError("E_USAGE", "--instance goes with --dry-run: applying it speaks of all servers", {
      hint: "roomctl recover --dry-run --instance NAME; a server takes over by itself when it starts",
    });
  }
  return {
    drill: parseDrillOptions(input),
    instance: typeof instance === "string" ? instance : undefined,
    dryRun: dryRun === true,
    limit: Number(limit),
    confirm: confirm === true || typeof confirm === "string" ? confirm : undefined,
  };
}

function requireRecovery({ app, configPath }: CommandContext): RecoveryDefinition {
  if (app.recovery) return app.recovery;
  throw new RoomctlError("E_CONFIG", `${JSON.stringify(app.name)} does not say how its rooms come back`, {
    hint: `add app.recovery to ${configPath ?? "the configuration"}; docs/recovery.md describes it`,
  });
}

function warnOfLiveServer({ servers }: RecoveryPlan, { warn }: CommandContext): void {
  for (const server of servers.filter(({ isAlive }) => isAlive)) {
    warn(`${describeServer(server)} is alive: this is what its restart would bring back, and applying it is refused`);
  }
}

interface Step {
  readonly plan: RecoveryPlan;
  readonly context: CommandContext;
}

async function confirmUnlessDevelopment(
  { confirm }: RecoverOptions,
  { database, plan, context }: Step & { readonly database: Database },
): Promise<void> {
  const marker = await readMarker(database);
  if (confirm === undefined && (await isForDevelopment(database, marker))) return;
  const lines = [`Recover ${database.url}`, summaryLine(plan)];
  await context.confirm({ database, given: confirm, command: "roomctl recover", lines });
}

function apply(database: Database, definition: RecoveryDefinition, { plan, context }: Step) {
  const { settings, signal, onProgress } = context;
  return applyRecovery(database, definition, { plan, lockWaitMs: settings.lockWaitMs.value, signal, onProgress });
}

function recoverLines(result: RecoverResult, style: Style): readonly string[] {
  const { applied, plan, changed, epoch, limit } = result;
  const { recovered, ended, skipped } = plan.counts;
  const share = `${formatCount(recovered)} of ${plural(plan.rooms.length, "room")}`;
  const did = applied ? `Recovered ${share} under epoch ${epoch}` : `A start now would bring back ${share}`;
  const counts = [
    style.good(`${formatCount(recovered)} recovered`),
    style.warning(`${formatCount(ended)} ended`),
    style.faint(`${formatCount(skipped)} skipped`),
  ];
  const late = changed.length === 0 ? [] : [`${plural(changed.length, "verdict")} changed while the plan waited`];
  return [
    `${did}: ${counts.join(", ")}`,
    ...late,
    ...roomLines(plan.rooms, limit, style),
    ...stateLines(plan, style),
    ...closingLines(result, style),
  ];
}

function closingLines(
  { applied, plan, graceEnds, graceSeconds, next }: RecoverResult,
  style: Style,
): readonly string[] {
  if (!applied) {
    const hurry = `The ${graceSeconds} s that rooms have count from then on: start the server at once, or they end.`;
    return ["", `Nothing was changed. To apply it: ${next}`, ...(plan.counts.recovered > 0 ? [hurry] : [])];
  }
  if (!graceEnds) return [];
  const [first, last] = [formatTime(graceEnds.first), formatTime(graceEnds.last)];
  const rest = first === last ? "these rooms end" : `the first of these rooms end; by ${last} all of them have`;
  return ["", style.warning(`Start the server before ${first}, or ${rest}.`)];
}

const roomColumns: readonly Column[] = [
  { title: "room" },
  { title: "verdict" },
  { title: "seconds left", align: "right" },
  { title: "why" },
];

/** Rooms that do not come back are what a person must see; of the others, a few. */
function roomLines(rooms: readonly RoomDecision[], limit: number, style: Style): readonly string[] {
  const having = (wanted: Verdict) => rooms.filter(({ verdict }) => verdict === wanted);
  const recovered = having("recover");
  const shown = [...having("end"), ...having("skip"), ...recovered.slice(0, limit)];
  const rows = shown.map((room) => [room.roomId, room.verdict, room.secondsLeft?.toFixed(1) ?? "", room.explanation]);
  const hidden = Math.max(0, recovered.length - limit);
  const more = hidden === 0 ? [] : ["", style.faint(`and ${formatCount(hidden)} more recovered; --limit shows them`)];
  return [...(rows.length === 0 ? [] : ["", ...tableLines(roomColumns, rows, style)]), ...more];
}

const stateColumns: readonly Column[] = [
  { title: "state" },
  { title: "table" },
  { title: "live", align: "right" },
  { title: "expired", align: "right" },
  { title: "detail" },
];

function stateLines({ states }: RecoveryPlan, style: Style): readonly string[] {
  const rows = states.map((state) => [
    state.name,
    state.table,
    formatCount(state.live),
    formatCount(state.expired),
    state.detail,
  ]);
  return rows.length === 0 ? [] : ["", ...tableLines(stateColumns, rows, style)];
}
