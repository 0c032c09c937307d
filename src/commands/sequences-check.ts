import { exitCodes } from "../core/errors.js";
import { tableLines } from "../report/table.js";
import { plural } from "../report/text.js";
import { checkSequences, type SequenceReport } from "../wipe/sequences.js";
import { defineCommand } from "./command.js";

export const sequencesCheck = defineCommand<object, SequenceReport>({
  name: "sequences check",
  summary: "Find sequences that would hand out ids that exist",
  description: [
    "Compares every sequence with the columns that draw from it: serial, identity, or a default that calls nextval, through functions and domains too where the catalog knows.",
    "Exit code 3 when one is behind its column, nearly used up (a warning from 75 % of its values, an error from 95 %, the narrower of sequence and column counts), or cannot be read.",
  ],
  flags: [],
  examples: [{ command: "roomctl sequences check", explanation: "see where every sequence stands" }],
  parse: () => ({}),
  async run(_options, context) {
    await using database = await context.openDatabase();
    return await checkSequences(database);
  },
  render({ sequences, findings }, style) {
    if (sequences.length === 0) return ["the database has no sequences"];
    const paint = { ok: style.good, behind: style.bad, "near overflow": style.warning, unreadable: style.warning };
    const rows = sequences.map((line) => [
      line.sequence,
      line.columns.join(", ") || "–",
      line.nextValue ?? "–",
      line.columnExtreme ?? "–",
      line.usedPercent === null ? "–" : `${line.usedPercent} %`,
      paint[line.state](line.state),
    ]);
    return [
      ...tableLines(columns, rows, style),
      "",
      ...findings.flatMap(({ message, hint }) => [message, `  next: ${hint}`]),
      findings.length === 0
        ? style.good(`${plural(sequences.length, "sequence")} checked, all well`)
        : `${plural(findings.length, "finding")} in ${plural(sequences.length, "sequence")}`,
    ];
  },
  exitCode: ({ findings }) => (findings.length > 0 ? exitCodes.findings : exitCodes.ok),
});

const columns = [
  { title: "sequence" },
  { title: "column" },
  { title: "next", align: "right" },
  { title: "in the column", align: "right" },
  { title: "used", align: "right" },
  { title: "state" },
] as const;
