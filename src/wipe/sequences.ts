import { formatName } from "../db/identifier.js";
import type { Connection, Database } from "../db/pool.js";
import type { SequenceFacts } from "../db/schema.js";
import { readSequenceStates, type SequenceState } from "../db/sequences.js";
import { withTransaction } from "../db/transaction.js";

/** `behind`: it would hand out an id that exists. `near overflow`: its range, or its column's, is nearly used up. */
type SequenceCondition = "ok" | "behind" | "near overflow" | "unreadable";

/** One sequence, for people and JSON. Numbers are bigint as decimal text; null where they cannot be read. */
interface SequenceLine {
  readonly sequence: string;
  /** `users.id`; empty for a sequence that no column draws from. */
  readonly columns: readonly string[];
  readonly state: SequenceCondition;
  /** What it handed out last; null before the first. */
  readonly lastValue: string | null;
  readonly nextValue: string | null;
  /** The largest value in its columns, or the smallest when it counts down. */
  readonly columnExtreme: string | null;
  readonly usedPercent: number | null;
}

interface SequenceFinding {
  readonly sequence: string;
  readonly state: Exclude<SequenceCondition, "ok">;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly hint: string;
}

export interface SequenceReport {
  readonly sequences: readonly SequenceLine[];
  readonly findings: readonly SequenceFinding[];
}

/** The state of every sequence of the app, and a finding for each that is not well. Reads only. */
export async function checkSequences(database: Database): Promise<SequenceReport> {
  const states = await withTransaction(database, { readOnly: true }, (connection) => readVisibleStates(connection));
  return {
    sequences: states.map(describeSequence),
    findings: states.flatMap(findSequence),
  };
}

/** Reads the sequences that are wanted, all unless told, with an error where row security would hide rows that matter. */
export async function readVisibleStates(
  connection: Connection,
  isWanted?: (sequence: SequenceFacts) => boolean,
): Promise<readonly SequenceState[]> {
  await connection.query("SELECT set_config('row_security', 'off', true)");
  return readSequenceStates(connection, isWanted);
}

/** True when the role may not read the sequence, or a column that draws from it. */
export function isUnreadable(state: SequenceState): boolean {
  return !state.sequence.isReadable || state.columns.some((column) => !column.isReadable);
}

function describeSequence(state: SequenceState): SequenceLine {
  return {
    sequence: formatName(state.sequence),
    columns: state.columns.map(({ table, column }) => `${formatName(table)}.${column}`),
    state: conditionOf(state),
    lastValue: state.isCalled ? state.lastValue : null,
    nextValue: state.nextValue,
    columnExtreme: state.extreme,
    usedPercent: state.usedPercent,
  };
}

function conditionOf(state: SequenceState): SequenceCondition {
  if (state.isBehind) return "behind";
  if (state.headRoom !== null) return "near overflow";
  return isUnreadable(state) ? "unreadable" : "ok";
}

function findSequence(state: SequenceState): readonly SequenceFinding[] {
  const condition = conditionOf(state);
  if (condition === "ok") return [];
  const name = formatName(state.sequence);
  const column = state.columns[0];
  const where = column ? `${formatName(column.table)}.${column.column}` : "no column";
  switch (condition) {
    case "behind":
      return [
        {
          sequence: name,
          state: condition,
          severity: "error",
          message: `${name} would hand out ${state.nextValue}, and ${where} already reaches ${state.extreme}`,
          hint: "roomctl sequences reset",
        },
      ];
    case "near overflow":
      return [
        {
          sequence: name,
          state: condition,
          severity: state.headRoom ?? "warning",
          message: state.isExhausted
            ? `${name} is used up: the next insert into ${where} fails`
            : `${name} has used ${state.usedPercent} % of the values that ${where} can hold`,
          hint: `widen the column to bigint (and the sequence: ALTER SEQUENCE … AS bigint) in a migration`,
        },
      ];
    case "unreadable":
      return [
        {
          sequence: name,
          state: condition,
          severity: "warning",
          message: `${name}, or a column that draws from it (${where}), may not be read by this role`,
          hint: "connect as the owner of the tables",
        },
      ];
  }
}
