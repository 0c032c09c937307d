import { RoomctlError } from "../core/errors.js";
import { formatName, type QualifiedName, quoteIdentifier, quoteName } from "./identifier.js";
import type { Queryable } from "./pool.js";
import { readSequences, type SequenceColumn, type SequenceFacts } from "./schema.js";
import {
  endOf,
  errorPercent,
  hasNarrowColumn,
  isBeyond,
  isDescending,
  isInteger,
  nextValue,
  usedPercent,
  warningPercent,
} from "./sequence-range.js";

/** Where a sequence stands, against the columns that draw from it. Numbers are bigint as decimal text. */
export interface SequenceState {
  readonly sequence: SequenceFacts;
  /** Null when the role may not read the sequence. */
  readonly lastValue: string | null;
  /** False while `lastValue` itself has not been handed out. Null when the role may not read the sequence. */
  readonly isCalled: boolean | null;
  /** What `nextval` would return. Null when it would fail, or when the sequence cannot be read. */
  readonly nextValue: string | null;
  /** The next insert fails: the sequence is at its end and does not cycle, or the next value does not fit a column. */
  readonly isExhausted: boolean;
  /** True when any column holds a value that the sequence has still ahead of it. */
  readonly isBehind: boolean;
  /**
   * The farthest value of all columns: the largest, or the smallest when the sequence counts down. What lies outside of
   * the sequence's bounds, and so is never handed out, does not count. Null without values.
   */
  readonly extreme: string | null;
  readonly columns: readonly SequenceColumnState[];
  /** Share of the values that are used up, 0 to 100, bounded by the sequence and by its narrowest column. Null when unreadable. */
  readonly usedPercent: number | null;
  /** How urgent the end is; null while it is far, and for a sequence that cycles before any column is full. */
  readonly headRoom: "warning" | "error" | null;
}

interface SequenceColumnState {
  readonly table: QualifiedName;
  readonly column: string;
  readonly type: string;
  /** The largest value, or the smallest when the sequence counts down. Null without values, or when unreadable. */
  readonly extreme: string | null;
  /** False when the role may not read the column: then nothing is known about it. */
  readonly isReadable: boolean;
  /**
   * A sequence that cycles is meant to hand out values again: it is behind only when the very next one is taken in a
   * column that is unique.
   */
  readonly isBehind: boolean;
}

/** The states of the app's sequences that are wanted, all unless told. Reads each column's extreme, by its index where it has one. */
export async function readSequenceStates(
  queryable: Queryable,
  isWanted: (sequence: SequenceFacts) => boolean = () => true,
): Promise<readonly SequenceState[]> {
  const states: SequenceState[] = [];
  for (const sequence of (await readSequences(queryable)).filter(isWanted)) {
    states.push(await readSequenceState(queryable, sequence));
  }
  return states;
}

/** The state of one sequence. Columns are read before the sequence, so that inserts meanwhile cause no false alarm. */
export async function readSequenceState(queryable: Queryable, sequence: SequenceFacts): Promise<SequenceState> {
  const columns: ColumnExtreme[] = [];
  for (const column of sequence.columns) columns.push(await readColumn(queryable, sequence, column));
  const position = sequence.isReadable ? await readSequencePosition(queryable, sequence) : undefined;
  const isTaken = sequence.cycles && position ? await readTaken(queryable, sequence, position) : [];
  return judgeSequence(sequence, { position, columns, isTaken });
}

/** Where a sequence stands: `isCalled` says whether `lastValue` (decimal text) has been handed out already. */
export interface SequencePosition {
  readonly lastValue: string;
  readonly isCalled: boolean;
}

/** Reads one sequence; no snapshot holds it still, only `lockSequences` does. Throws 42501 when the role may not. */
export async function readSequencePosition(queryable: Queryable, sequence: QualifiedName): Promise<SequencePosition> {
  const [position] = await queryable.query<SequencePosition>(
    `SELECT last_value::text AS "lastValue", is_called AS "isCalled" FROM ${quoteName(sequence)}`,
  );
  if (position) return position;
  throw new RoomctlError("E_INTERNAL", `the sequence ${formatName(sequence)} has no row`);
}

type ColumnExtreme = Omit<SequenceColumnState, "isBehind">;

async function readColumn(
  queryable: Queryable,
  sequence: SequenceFacts,
  facts: SequenceColumn,
): Promise<ColumnExtreme> {
  const { schema, table: name, column, type } = facts;
  const table = { schema, name };
  if (!(await mayRead(queryable, facts))) return { table, column, type, extreme: null, isReadable: false };
  const bounds = `BETWEEN ${BigInt(sequence.minimum)} AND ${BigInt(sequence.maximum)}`;
  const [row] = await queryable.query<{ extreme: string | null }>(
    `SELECT ${isDescending(sequence) ? "min" : "max"}(number)::text AS extreme
       FROM (SELECT ${numberOf(column, type)} AS number FROM ${quoteName(table)}) AS numbers WHERE number ${bounds}`,
  );
  return { table, column, type, extreme: row?.extreme?.replace(/\..*$/, "") ?? null, isReadable: true };
}

/** False too where row security would hide rows, and for a foreign table, whose rows live on another server. */
async function mayRead(queryable: Queryable, { schema, table, column, isForeign }: SequenceColumn): Promise<boolean> {
  if (isForeign) return false;
  const [privilege] = await queryable.query<{ mayRead: boolean | null }>(
    // CASE decides the order: to look a table up by name in a schema that may not be used is itself an error.
    `SELECT CASE WHEN has_schema_privilege($1, 'USAGE')
                 THEN has_column_privilege($2, $3, 'SELECT') AND NOT row_security_active($2) END AS "mayRead"`,
    [schema, quoteName({ schema, name: table }), column],
  );
  return privilege?.mayRead ?? false;
}

/** An integer column as it is, so that an index answers; of any other type, the values that read as whole numbers. */
function numberOf(column: string, type: string): string {
  const quoted = quoteIdentifier(column);
  if (isInteger(type)) return quoted;
  return `CASE WHEN ${quoted}::text ~ '^-?[0-9]{1,30}([.]0*)?$' THEN ${quoted}::text::numeric END`;
}

/** For each column, whether it is unique and holds the next value, unless somebody drew that while we looked. */
async function readTaken(
  queryable: Queryable,
  sequence: SequenceFacts,
  position: SequencePosition,
): Promise<readonly boolean[]> {
  const next = nextValue(sequence, position);
  const taken: boolean[] = [];
  for (const column of sequence.columns) {
    const isLooked = column.isUnique && isInteger(column.type) && (await mayRead(queryable, column));
    const table = quoteName({ schema: column.schema, name: column.table });
    const sql = `SELECT FROM ${table} WHERE ${quoteIdentifier(column.column)} = ${next}`;
    taken.push(isLooked && (await queryable.query(sql)).length > 0);
  }
  if (!taken.includes(true)) return taken;
  const now = await readSequencePosition(queryable, sequence);
  const isStill = now.lastValue === position.lastValue && now.isCalled === position.isCalled;
  return taken.map((one) => one && isStill);
}

interface SequenceReading {
  readonly position: SequencePosition | undefined;
  readonly columns: readonly ColumnExtreme[];
  readonly isTaken: readonly boolean[];
}

function judgeSequence(
  sequence: SequenceFacts,
  { position, columns: extremes, isTaken }: SequenceReading,
): SequenceState {
  const next = position && nextValue(sequence, position);
  const isAhead = (extreme: string | null) =>
    extreme !== null && typeof next === "bigint" && !sequence.cycles && !isBeyond(sequence, next, BigInt(extreme));
  const columns = extremes.map((column, index) => ({
    ...column,
    isBehind: isTaken[index] === true || isAhead(column.extreme),
  }));
  const isExhausted = next === null || (next !== undefined && isBeyond(sequence, next, endOf(sequence)));
  const used = position ? usedPercent(sequence, position) : null;
  return {
    sequence,
    lastValue: position?.lastValue ?? null,
    isCalled: position?.isCalled ?? null,
    nextValue: next?.toString() ?? null,
    isExhausted,
    isBehind: columns.some((column) => column.isBehind),
    extreme: farthest(sequence, columns)?.toString() ?? null,
    columns,
    usedPercent: used,
    headRoom: isExhausted ? "error" : headRoom(sequence, used),
  };
}

function headRoom(sequence: SequenceFacts, used: number | null): SequenceState["headRoom"] {
  if (used === null || used < warningPercent || (sequence.cycles && !hasNarrowColumn(sequence))) return null;
  return used >= errorPercent ? "error" : "warning";
}

function farthest(sequence: SequenceFacts, columns: readonly ColumnExtreme[]): bigint | undefined {
  const values = columns.flatMap(({ extreme }) => (extreme === null ? [] : [BigInt(extreme)]));
  return values.reduce<bigint | undefined>(
    (best, value) => (best === undefined || isBeyond(sequence, value, best) ? value : best),
    undefined,
  );
}
