import { formatName, isSameName, type QualifiedName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { readTables, requireTable, type SequenceFacts } from "../db/schema.js";
import { firstFree, isBeyond } from "../db/sequence-range.js";
import type { SequenceState } from "../db/sequences.js";
import { isUnreadable, readVisibleStates } from "./sequences.js";

export interface SequenceChoice {
  /** Only sequences that columns of these tables draw from; all unless told. */
  readonly tables?: readonly string[];
  /** Move sequences back, too, that are ahead of their columns. Ids may live on outside of the database. */
  readonly rewind?: boolean;
}

export interface SequenceResetPlan {
  readonly tables: readonly string[];
  readonly rewind: boolean;
  /** What would be moved, or ought to be and cannot. */
  readonly sequences: readonly PlannedSequence[];
  /** How many were looked at. */
  readonly examined: number;
}

export interface PlannedSequence {
  readonly sequence: string;
  /** Tables whose columns draw from it. */
  readonly tables: readonly string[];
  readonly action: "forward" | "rewind" | "impossible";
  /** The next value now, and after; decimal text. `to` is null where nothing can be done. */
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string;
}

/** The plan as this transaction sees the database now. Throws E_UNKNOWN_TABLE. */
export async function readResetPlan(connection: Connection, choice: SequenceChoice): Promise<SequenceResetPlan> {
  const chosen = choice.tables ?? [];
  const known = chosen.length > 0 ? await readTables(connection) : [];
  const tables: readonly QualifiedName[] = chosen.map((table) => requireTable(known, table));
  const draws = ({ columns }: SequenceFacts, table: QualifiedName) =>
    columns.some((column) => isSameName(table, { schema: column.schema, name: column.table }));
  // Only these are read: somebody's lock on another table is in nobody's way.
  const states = await readVisibleStates(
    connection,
    (sequence) =>
      sequence.columns.length > 0 && (tables.length === 0 || tables.some((table) => draws(sequence, table))),
  );
  const rewind = choice.rewind ?? false;
  const sequences = states.flatMap((state) => judge(state, rewind) ?? []);
  return { tables: tables.map(formatName), rewind, sequences, examined: states.length };
}

/** Undefined for a sequence that is well. */
function judge(state: SequenceState, rewind: boolean): PlannedSequence | undefined {
  const tables = [...new Set(state.columns.map(({ table }) => formatName(table)))];
  const base = { sequence: formatName(state.sequence), tables, from: state.nextValue };
  if (isUnreadable(state)) {
    return {
      ...base,
      action: "impossible",
      to: null,
      reason: "this role may not read it, or a column that draws from it",
    };
  }
  const reaches =
    state.extreme === null ? `${tables.join(", ")} holds no value` : `${tables.join(", ")} reaches ${state.extreme}`;
  const impossible = (why: string) =>
    ({ ...base, action: "impossible", to: null, reason: `${reaches}, ${why}` }) as const;
  const move = (action: "forward" | "rewind", to: bigint) =>
    state.sequence.isOwned
      ? { ...base, action, to: to.toString(), reason: reaches }
      : impossible("and only the owner of the sequence may move it");
  const extreme = state.extreme === null ? null : BigInt(state.extreme);
  if (state.isBehind && state.nextValue !== null) {
    const to = firstFree(state.sequence, BigInt(state.nextValue), extreme);
    return to === undefined
      ? impossible("and beyond that is the end of the sequence or of its column")
      : move("forward", to);
  }
  if (!rewind) return undefined;
  const to = firstFree(state.sequence, BigInt(state.sequence.start), extreme);
  if (to === undefined || !isBefore(state, to)) return undefined;
  return move("rewind", to);
}

/** True when `to` comes before what the sequence would hand out next. */
function isBefore({ sequence, nextValue }: SequenceState, to: bigint): boolean {
  if (nextValue === null) return true;
  return isBeyond(sequence, BigInt(nextValue), to);
}

/** True for one that can be moved, and shall be. */
export function isMove(planned: PlannedSequence): planned is PlannedSequence & { readonly to: string } {
  return planned.to !== null;
}
