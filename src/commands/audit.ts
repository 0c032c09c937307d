import { auditDatabase } from "../audit/database.js";
import { exitCodes } from "../core/errors.js";
import { type FailLevel, parseFailLevel } from "../core/fail-level.js";
import { findingLines, stateLines, summaryLine } from "./audit-lines.js";
import { type AuditAnswer, addLive, type LiveChoice, liveFlags, parseLive } from "./audit-live.js";
import { liveLines } from "./audit-live-lines.js";
import { defineCommand, type ParsedInput } from "./command.js";

interface AuditCommandOptions {
  readonly failOn: FailLevel;
  readonly estimate: boolean;
  readonly states?: readonly string[];
  readonly live?: LiveChoice;
}

export const audit = defineCommand<AuditCommandOptions, AuditAnswer>({
  name: "audit",
  summary: "Say which state survives a restart, and find what is wrong",
  description: [
    "For each entry of the catalogue: its table, its shape, its rows, the newest write, whether a restart loses it.",
    "Then what is wrong with the schema and the rows, each with the command to type next. Changes nothing.",
    "All numbers belong to one moment. Tables that are locked or may not be read become findings.",
    "With --live a running server is asked what it holds in memory, and that is compared with the rows: docs/audit-live.md.",
  ],
  flags: [
    {
      flags: "--fail-on <level>",
      description: "Exit 3 on findings of this level or above: error, warning, info or none (default: error)",
    },
    { flags: "--estimate", description: "Take rows from the planner's statistics instead of counting each table" },
    {
      flags: "--state <name>",
      description: "Only this state and what belongs to its table; repeatable (default: all)",
      isRepeatable: true,
    },
    ...liveFlags,
  ],
  examples: [
    { command: "roomctl audit", explanation: "everything; exit 3 when there are errors" },
    { command: "roomctl audit --fail-on warning --json", explanation: "for a pipeline that tolerates no warning" },
    { command: "roomctl audit --state active-rooms --state users", explanation: "two states only" },
  ],
  parse: parseAuditOptions,
  async run(options, context) {
    await using database = await context.openDatabase();
    const lockTimeoutMs = context.settings.lockTimeoutMs.value || undefined;
    const { app, onProgress } = context;
    const { live, states, ...choices } = options;
    const rows = await auditDatabase(database, app, { ...choices, states, lockTimeoutMs, onProgress });
    const result: AuditAnswer = live ? await addLive(rows, live, { database, context, states }) : rows;
    return { ...result, findings: result.findings.map((one) => ({ ...one, hint: context.repeat(one.hint) })) };
  },
  render: (result, style) => [
    ...stateLines(result, style),
    ...liveLines(result.live, style),
    ...findingLines(result.findings, style),
    "",
    summaryLine(result, style),
  ],
  exitCode: ({ ok }) => (ok ? exitCodes.ok : exitCodes.findings),
});

function parseAuditOptions({ flags }: ParsedInput): AuditCommandOptions {
  const { failOn, state } = flags;
  const states = typeof state === "string" ? [state] : Array.isArray(state) ? state.map(String) : undefined;
  return { failOn: parseFailLevel(failOn), estimate: flags["estimate"] === true, states, live: parseLive(flags) };
}
