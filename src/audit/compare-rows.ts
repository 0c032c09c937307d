import { messageOf } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import { codeOf } from "../db/sqlstate.js";
import { withTransaction } from "../db/transaction.js";
import { compareStatement } from "./compare-statement.js";
import type { ComparedTable, TypedColumn } from "./live-target.js";

/** A row as memory has it: column → value. */
export type MemoryRow = Readonly<Record<string, unknown>>;

/** One column whose values differ, both as JSON text. */
export interface FieldDifference {
  readonly field: string;
  readonly memory: string | null;
  readonly database: string | null;
}

/** What the database has for one row of memory. */
export interface RowMatch {
  /** The key as the database spells it; null where the row of memory has none that fits. */
  readonly key: string | null;
  readonly isThere: boolean;
  readonly version: string | null;
  readonly epoch: string | null;
  readonly fields: readonly FieldDifference[];
  /** Why the row of memory can be no row of this table: a value that its column does not take. */
  readonly refusal?: string;
}

interface CompareOptions {
  readonly toleranceMs: number;
  readonly lockTimeoutMs: number;
}

export interface Comparer {
  readonly database: Database;
  readonly target: ComparedTable;
  readonly options: CompareOptions;
}

/**
 * Holds rows of memory against the table, one match for each, in order. Reads only, in short repeatable-read transactions.
 * Columns that the table does not have are left out. Throws PostgreSQL's error where the table cannot be read.
 */
export async function compareRows(comparer: Comparer, rows: readonly MemoryRow[]): Promise<readonly RowMatch[]> {
  const matches: RowMatch[] = new Array(rows.length);
  for (const { columns, members } of groupByColumns(comparer.target, rows)) {
    const found = hasKey(comparer.target, columns)
      ? await compareGroup(comparer, columns, members)
      : members.map(() => refused(null, "its row names no value for each column of the key"));
    for (const [position, member] of members.entries()) matches[member.index] = found[position] ?? refused(null, "");
  }
  return matches;
}

interface Member {
  readonly index: number;
  readonly row: MemoryRow;
}

interface Group {
  readonly columns: readonly TypedColumn[];
  readonly members: readonly Member[];
}

/** A column that a row does not name is not compared, so rows with other columns need another statement. */
function groupByColumns(target: ComparedTable, rows: readonly MemoryRow[]): readonly Group[] {
  const groups = new Map<string, { columns: readonly TypedColumn[]; members: Member[] }>();
  for (const [index, row] of rows.entries()) {
    const columns = columnsOf(target, row);
    const name = JSON.stringify(columns.map((column) => column.name));
    const group = groups.get(name) ?? { columns, members: [] };
    group.members.push({ index, row });
    groups.set(name, group);
  }
  return [...groups.values()];
}

function columnsOf({ columns, versionColumn, epochColumn }: ComparedTable, row: MemoryRow): readonly TypedColumn[] {
  const isMark = (name: string) => name === versionColumn || name === epochColumn;
  return [...columns.values()].filter(({ name }) => Object.hasOwn(row, name) && !isMark(name));
}

function hasKey({ key }: ComparedTable, columns: readonly TypedColumn[]): boolean {
  return key.every((column) => columns.includes(column));
}

/** A value that its column does not take fails the whole statement: halves find the row, and the rest is compared. */
async function compareGroup(
  comparer: Comparer,
  columns: readonly TypedColumn[],
  members: readonly Member[],
): Promise<readonly RowMatch[]> {
  try {
    return await runComparison(comparer, columns, members);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const [only] = members;
    if (members.length === 1 && only) return [await compareKeyOnly(comparer, columns, only, messageOf(error))];
    const half = Math.ceil(members.length / 2);
    return [
      ...(await compareGroup(comparer, columns, members.slice(0, half))),
      ...(await compareGroup(comparer, columns, members.slice(half))),
    ];
  }
}

/** Its row may be there all the same. */
async function compareKeyOnly(
  comparer: Comparer,
  columns: readonly TypedColumn[],
  member: Member,
  reason: string,
): Promise<RowMatch> {
  const { key } = comparer.target;
  if (columns.length === key.length) return refused(null, reason);
  const [match] = await compareGroup(comparer, key, [member]);
  return { ...(match ?? refused(null, reason)), refusal: reason };
}

async function runComparison(
  { database, target, options }: Comparer,
  columns: readonly TypedColumn[],
  members: readonly Member[],
): Promise<readonly RowMatch[]> {
  const given = members.map(({ row }) => Object.fromEntries(columns.map(({ name }) => [name, row[name] ?? null])));
  const { lockTimeoutMs, toleranceMs } = options;
  const found = await withTransaction(
    database,
    { isolation: "REPEATABLE READ", readOnly: true, lockTimeoutMs },
    (connection) =>
      connection.query<RowMatch & { ordinal: number }>(compareStatement(target, columns), [
        JSON.stringify(given),
        toleranceMs,
      ]),
  );
  const byOrdinal = new Map(found.map((match) => [match.ordinal, match]));
  return members.map((_, index) => {
    const { key, isThere, version, epoch, fields } = byOrdinal.get(index + 1) ?? refused(null, "");
    return { key, isThere, version, epoch, fields: isThere ? fields : [] };
  });
}

function refused(key: string | null, refusal: string): RowMatch {
  return { key, isThere: false, version: null, epoch: null, fields: [], refusal };
}

/** Classes 22 and 23: the value, not the statement, is what is wrong. */
function isDataError(error: unknown): boolean {
  return /^2[23]/.test(codeOf(error) ?? "");
}
