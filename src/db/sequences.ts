import { RoomctlError } from "../core/errors.js";
import { formatName, type QualifiedName, quoteIdentifier, quoteName } from "./identifier.js";
import type { Queryable } from "./pool.js";
import { readSequences, type SequenceColumn, type SequenceFacts } from "./schema.js";

/** Where a sequence stands, against the columns that draw from it. Numbers are bigint as decimal text. */
export interface SequenceState {
  readonly sequence: SequenceFacts;
  /** Null when the role may not read the sequence. */
  readonly lastValue: string | null;
  /** False while `lastValue` itself has not been handed out. Null when the role may not read the sequence. */
  readonly isCalled: boolean | null;
  /** What `nextval` would return. Null when it would fail, or when the sequence cannot be read. */
  readonly nextValue: string | null;
  /** `nextval` would fail: the end is reached and the sequence does not cycle. */
  readonly isExhausted: boolean;
  /** True when any column holds a value that the sequence has still ahead of it. */
  readonly isBehind: boolean;
  /** The farthest value of all columns: the largest, or the smallest when the sequence counts down. Null without values. */
  readonly extreme: string | null;
  readonly columns: readonly SequenceColumnState[];
  /** Share of the values that are used up, 0 to 100, bounded by the sequence and by its narrowest column. Null when unreadable. */
  readonly usedPercent: number | null;
}

interface SequenceColumnState {
  readonly table: QualifiedName;
  readonly column: string;
  readonly type: string;
  /** The largest value, or the smallest when the sequence counts down. Null without values, or when unreadable. */
  readonly extreme: string | null;
  /** False when the role may not read the column: then nothing is known about it. */
  readonly isReadable: boolean;
  /** A sequence that cycles is meant to hand out values again, so it is never behind. */
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
  return judgeSequence(sequence, position, columns);
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
  { schema, table: name, column, type }: SequenceColumn,
): Promise<ColumnExtreme> {
  const table = { schema, name };
  const [privilege] = await queryable.query<{ mayRead: boolean }>(
    // CASE decides the order: to look a table up by name in a schema that may not be used is itself an error.
    `SELECT CASE WHEN has_schema_privilege($1, 'USAGE') THEN has_column_privilege($2, $3, 'SELECT') END AS "mayRead"`,
    [schema, quoteName(table), column],
  );
  if (!privilege?.mayRead) return { table, column, type, extreme: null, isReadable: false };
  const [row] = await queryable.query<{ extreme: string | null }>(
    `SELECT ${isDescending(sequence) ? "min" : "max"}(${numberOf(column, type)})::text AS extreme FROM ${quoteName(table)}`,
  );
  return { table, column, type, extreme: row?.extreme?.replace(/\..*$/, "") ?? null, isReadable: true };
}

/** An integer column as it is, so that an index answers; of any other type, the values that read as whole numbers. */
function numberOf(column: string, type: string): string {
  const quoted = quoteIdentifier(column);
  if (Object.hasOwn(integerMaximum, type)) return quoted;
  return `CASE WHEN ${quoted}::text ~ '^-?[0-9]{1,30}([.]0*)?$' THEN ${quoted}::text::numeric END`;
}

/** What the numbers mean. Pure: exact in BigInt. */
function judgeSequence(
  sequence: SequenceFacts,
  position: SequencePosition | undefined,
  extremes: readonly ColumnExtreme[],
): SequenceState {
  const next = position && nextValue(sequence, position);
  const isBehind = (extreme: string | null) =>
    extreme !== null && typeof next === "bigint" && !sequence.cycles && !isBeyond(sequence, next, BigInt(extreme));
  const columns = extremes.map((column) => ({ ...column, isBehind: isBehind(column.extreme) }));
  return {
    sequence,
    lastValue: position?.lastValue ?? null,
    isCalled: position?.isCalled ?? null,
    nextValue: next?.toString() ?? null,
    isExhausted: position !== undefined && next === null,
    isBehind: columns.some((column) => column.isBehind),
    extreme: farthest(sequence, columns)?.toString() ?? null,
    columns,
    usedPercent: position ? usedPercent(sequence, position) : null,
  };
}

/** Null when the sequence has reached its end. */
function nextValue(sequence: SequenceFacts, { lastValue, isCalled }: SequencePosition): bigint | null {
  if (!isCalled) return BigInt(lastValue);
  const next = BigInt(lastValue) + BigInt(sequence.increment);
  const [minimum, maximum] = [BigInt(sequence.minimum), BigInt(sequence.maximum)];
  if (next >= minimum && next <= maximum) return next;
  if (!sequence.cycles) return null;
  return isDescending(sequence) ? maximum : minimum;
}

function farthest(sequence: SequenceFacts, columns: readonly ColumnExtreme[]): bigint | undefined {
  const values = columns.flatMap(({ extreme }) => (extreme === null ? [] : [BigInt(extreme)]));
  return values.reduce<bigint | undefined>(
    (best, value) => (best === undefined || isBeyond(sequence, value, best) ? value : best),
    undefined,
  );
}

function usedPercent(sequence: SequenceFacts, { lastValue, isCalled }: SequencePosition): number {
  const descending = isDescending(sequence);
  const [minimum, maximum] = [BigInt(sequence.minimum), BigInt(sequence.maximum)];
  const limits = sequence.columns.map(({ type }) => integerMaximum[type]).filter((limit) => limit !== undefined);
  const first = descending ? maximum : minimum;
  const last = descending
    ? limits.map((limit) => -limit - 1n).reduce(larger, minimum)
    : limits.reduce(smaller, maximum);
  const total = absolute(last - first) + 1n;
  const used = absolute(BigInt(lastValue) - first) + (isCalled ? 1n : 0n);
  return Number((smaller(used, total) * 10_000n) / total) / 100;
}

const integerMaximum: Readonly<Record<string, bigint>> = {
  smallint: 2n ** 15n - 1n,
  integer: 2n ** 31n - 1n,
  bigint: 2n ** 63n - 1n,
};

function isDescending(sequence: SequenceFacts): boolean {
  return sequence.increment.startsWith("-");
}

/** True when `value` comes strictly after `other` in the sequence's direction. */
function isBeyond(sequence: SequenceFacts, value: bigint, other: bigint): boolean {
  return isDescending(sequence) ? value < other : value > other;
}

const smaller = (a: bigint, b: bigint) => (a < b ? a : b);
const larger = (a: bigint, b: bigint) => (a > b ? a : b);
const absolute = (value: bigint) => (value < 0n ? -value : value);
