import type { ParsedStatement } from "../db/parse.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { byStatement, findingAt, objectsOf, refusedAt, type Subject, verbOf } from "./finding.js";
import { type FollowedRun, followRun } from "./follow.js";
import type { ProofFinding } from "./model.js";
import type { Stop } from "./run.js";
import { type ProofState, type RowChange, rowChanges, schemaChanges } from "./state.js";

/** Where a script is run again. */
export interface Rerun {
  readonly subject: Subject;
  /** True where the app's tables were given rows, before it ran first and where that had left none. */
  readonly isOverRows: boolean;
}

/** Runs the script once more where it has run, for good, and says what that changed and which statement did it. */
export async function rerunFindings(connection: Connection, rerun: Rerun): Promise<readonly ProofFinding[]> {
  await connection.execute(loadStatement("prove/own-sequences"));
  await connection.execute(loadStatement("prove/use-sequences"));
  const run = await followRun(connection, rerun.subject.script);
  return [
    ...(run.stop ? [failedFinding(rerun, run.stop)] : []),
    ...schemaFindings(rerun, run),
    ...rowFindings(rerun, run),
    ...sequenceFindings(rerun.subject, run),
  ];
}

function whenOf({ isOverRows }: Rerun): string {
  return isOverRows ? "run again where it is applied and tables hold rows" : "run again where it is applied";
}

function failedFinding(rerun: Rerun, stop: Stop): ProofFinding {
  return refusedAt("rerun-fails", rerun.subject, {
    stop,
    what: `${whenOf(rerun)}, it fails`,
    hint: "guard the statement: IF NOT EXISTS, IF EXISTS, OR REPLACE, or a DO block that looks in the catalog first",
  });
}

function schemaFindings(rerun: Rerun, run: FollowedRun): readonly ProofFinding[] {
  const changes = schemaChanges(run.before.schema, run.after.schema);
  return byStatement(changes, ({ object }) => run.schemaCulprit(object)).map(([statement, own]) => {
    const verb = own[0] === undefined ? "changes" : verbOf(own[0]);
    return findingAt("rerun-changes-schema", rerun.subject, {
      statement,
      changes: own,
      message: `${whenOf(rerun)}, it ${run.stop ? "" : "succeeds and "}${verb} ${objectsOf(own)}`,
      hint: "let one condition decide about all that belongs together: a DO block that looks in the catalog first",
    });
  });
}

function rowFindings(rerun: Rerun, run: FollowedRun): readonly ProofFinding[] {
  const changes = rowChanges(run.before, run.after);
  return byStatement(changes, ({ table }) => run.rowsCulprit(table)).flatMap(([statement, own]) => {
    const written = { rerun, run, statement };
    return [
      ...rowFinding("rerun-changes-rows", { ...written, changes: own.filter((change) => !isRewriting(change)) }),
      ...rowFinding("rerun-rewrites-rows", { ...written, changes: own.filter(isRewriting) }),
    ];
  });
}

function isRewriting({ added, removed }: RowChange): boolean {
  return added + removed === 0;
}

interface WrittenRows {
  readonly rerun: Rerun;
  readonly run: FollowedRun;
  readonly statement: ParsedStatement | undefined;
  readonly changes: readonly RowChange[];
}

function rowFinding(
  kind: "rerun-changes-rows" | "rerun-rewrites-rows",
  { rerun, run, statement, changes }: WrittenRows,
): readonly ProofFinding[] {
  if (changes.length === 0) return [];
  const { does, hint } = rowWordings[kind];
  const details = {
    statement,
    hint,
    changes: changes.map((change) => rowsAsChange(change, run)),
    message: `${whenOf(rerun)}, it ${does}: ${changes.map(rowWords).join(", ")}`,
  };
  // Made-up rows may meet a condition that the app's own seldom do, or do for good reason.
  const isChosen = rerun.isOverRows && deletesChosen(statement);
  return [findingAt(kind, rerun.subject, isChosen ? { ...details, severity: "warning" } : details)];
}

const rowWordings = {
  "rerun-changes-rows": {
    does: "writes other rows",
    hint: "write only what is missing: ON CONFLICT DO NOTHING, or a WHERE that leaves out what is done",
  },
  "rerun-rewrites-rows": {
    does: "writes the same rows once more",
    hint: "leave out what is done with a WHERE: IS DISTINCT FROM the new value",
  },
};

function deletesChosen(statement: ParsedStatement | undefined): boolean {
  const { node } = statement ?? {};
  return node !== undefined && "DeleteStmt" in node && node.DeleteStmt.whereClause !== undefined;
}

function rowWords({ table, added, removed, rewritten }: RowChange): string {
  if (added + removed === 0) return `${rewritten} of ${table}`;
  if (added === removed) return `${added} of ${table} changed`;
  return [
    ...(added > 0 ? [`${added} added to ${table}`] : []),
    ...(removed > 0 ? [`${removed} gone from ${table}`] : []),
  ].join(", ");
}

function rowsAsChange({ table }: RowChange, { before, after }: FollowedRun) {
  const rows = (state: ProofState) => `${state.tables.get(table)?.count ?? 0} rows`;
  return { object: `rows of ${table}`, expected: rows(before), found: rows(after) };
}

/** One that is set back hands out numbers that are taken; one that goes on only leaves a gap. */
function sequenceFindings(subject: Subject, run: FollowedRun): readonly ProofFinding[] {
  const moved = [...run.after.sequences]
    .map(([name, found]) => ({ object: `sequence ${name}`, name, expected: run.before.sequences.get(name), found }))
    .filter((move): move is typeof move & { expected: string | null } => move.expected !== undefined)
    .filter(({ expected, found }) => expected !== found);
  return moved.map(({ object, name, expected, found }) => {
    const isGap = expected !== null && found !== null && BigInt(found) > BigInt(expected);
    const place = found === null ? "its start" : found;
    return findingAt("rerun-moves-sequence", subject, {
      statement: run.sequenceCulprit(name),
      severity: isGap ? "warning" : "error",
      changes: [{ object, expected, found }],
      message: isGap
        ? `run again where it is applied, it takes numbers from ${object}`
        : `run again after the app took a number, it sets ${object} from ${expected} back to ${place}`,
      hint: isGap
        ? "leave out rows that are there before they are inserted: WHERE NOT EXISTS takes no number"
        : "set it only forward: setval with greatest() of the value wanted and last_value",
    });
  });
}
