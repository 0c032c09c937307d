import { exitCodes } from "../core/errors.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatCount, plural } from "../report/text.js";
import { applySequenceReset, planSequenceReset, type SequenceResetResult } from "../wipe/sequence-reset.js";
import { defineCommand } from "./command.js";

interface SequencesResetOptions {
  readonly tables: readonly string[];
  readonly rewind: boolean;
  readonly isDryRun: boolean;
}

/** Without `sequences` it is a dry run. */
type SequencesResetResult =
  | SequenceResetResult
  | (Pick<SequenceResetResult, "plan"> & { readonly applied: false; readonly sequences?: undefined });

export const sequencesReset = defineCommand<SequencesResetOptions, SequencesResetResult>({
  name: "sequences reset",
  summary: "Move sequences past the ids that exist",
  description: [
    "Moves a sequence that is behind its column to the next free value, in its own steps, while nobody can insert. It never moves one back unless --rewind says so.",
    "Exit code 5 when some were moved and others could not be, 1 when none could be; a dry run that finds one that cannot be moved ends with 3.",
  ],
  flags: [
    {
      flags: "--table <table>",
      description: "Only sequences of this table; may be repeated (default: all)",
      isRepeatable: true,
    },
    {
      flags: "--rewind",
      description: "Also move back those that are ahead: ids that live on elsewhere would be given again",
      isConsent: true,
    },
    { flags: "--dry-run", description: "Show what would be moved and change nothing" },
  ],
  examples: [
    { command: "roomctl sequences reset --dry-run", explanation: "see which sequences would be moved" },
    { command: "roomctl sequences reset", explanation: "move those that are behind" },
  ],
  parse: ({ flags }) => ({
    tables: Array.isArray(flags["table"]) ? flags["table"] : [],
    rewind: flags["rewind"] === true,
    isDryRun: flags["dryRun"] === true,
  }),
  async run({ tables, rewind, isDryRun }, context) {
    await using database = await context.openDatabase();
    const plan = await planSequenceReset(database, { tables, rewind });
    if (plan.sequences.some(({ action }) => action === "rewind")) {
      context.warn("ids that were given out may live on in clients, files or other databases, and will be given again");
    }
    if (isDryRun) return { applied: false, plan };
    const { settings, clock, signal } = context;
    return await applySequenceReset(database, plan, {
      clock,
      signal,
      lockTimeoutMs: settings.lockTimeoutMs.value,
      lockWaitMs: settings.lockWaitMs.value,
    });
  },
  render({ plan, sequences }, style) {
    if (plan.sequences.length === 0) {
      return [`nothing to do: ${plural(plan.examined, "sequence")} checked, none is behind`];
    }
    const lines = sequences ?? plan.sequences.map((planned) => ({ ...planned, state: planned.action }));
    const rows = lines.map((line) => [line.sequence, line.from ?? "–", line.to ?? "–", line.state, line.reason]);
    return [...tableLines(columns, rows, style), "", countLine({ plan, sequences }, style)];
  },
  exitCode({ plan, sequences }) {
    if (sequences === undefined) return plan.sequences.some(isImpossible) ? exitCodes.findings : exitCodes.ok;
    if (!sequences.some(({ state }) => state === "failed")) return exitCodes.ok;
    return sequences.some(({ state }) => state === "done") ? exitCodes.partial : exitCodes.failed;
  },
});

function countLine({ plan, sequences }: Pick<SequencesResetResult, "plan" | "sequences">, style: Style): string {
  if (sequences === undefined) {
    const stuck = plan.sequences.filter(isImpossible).length;
    const would = `${plural(plan.sequences.length - stuck, "sequence")} would be moved`;
    return `${would}${stuck > 0 ? style.bad(`, ${formatCount(stuck)} cannot be`) : ""}; nothing was changed`;
  }
  const count = (wanted: string) => sequences.filter(({ state }) => state === wanted).length;
  const [moved, failed] = [count("done"), count("failed")];
  const done = moved > 0 ? `${style.good("moved")} ${plural(moved, "sequence")}` : "no sequence was moved";
  return failed > 0 ? `${done}; ${style.bad(`${formatCount(failed)} could not be`)}` : done;
}

function isImpossible({ action }: SequenceResetResult["plan"]["sequences"][number]): boolean {
  return action === "impossible";
}

const columns = [
  { title: "sequence" },
  { title: "next value", align: "right" },
  { title: "becomes", align: "right" },
  { title: "state" },
  { title: "why" },
] as const;
