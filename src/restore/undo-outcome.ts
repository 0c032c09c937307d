import { RoomctlError } from "../core/errors.js";
import { formatName, quoteLiteral } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { countRows } from "../db/schema.js";
import type { ConflictKind } from "./undo-judge.js";
import type { StagedTable } from "./undo-stage.js";
import { nameOf, type UndoTable } from "./undo-tables.js";

/** What comes back of one table. */
export interface UndoneTable {
  readonly table: string;
  /** Rows in the backup. */
  readonly saved: number;
  /** Rows that were gone, and come back. */
  readonly restored: number;
  /** Rows that stayed, and get the old values of `columns` back. */
  readonly changedBack: number;
  readonly columns: readonly string[];
  /** Rows that are there already, and equal. */
  readonly alreadyThere: number;
  readonly conflicts: readonly UndoConflict[];
}

/** Rows that stay out, and why. */
export interface UndoConflict {
  readonly kind: ConflictKind;
  readonly rows: number;
  /** The index, foreign key or columns that it is about. */
  readonly about: string;
  /** Keys of the first few of them; none where nothing tells rows apart. */
  readonly keys: readonly string[];
}

const keysShown = 3;

/** A table that is empty and gets all of its rows. */
export function loadedTable({ entry }: Pick<UndoTable, "entry">): UndoneTable {
  const { rows } = entry;
  const none = { changedBack: 0, columns: [], alreadyThere: 0, conflicts: [] };
  return { table: formatName(entry), saved: rows, restored: rows, ...none };
}

/** Reads the verdicts of a staged table. */
export async function readOutcome(connection: Connection, table: StagedTable): Promise<UndoneTable> {
  const { stage, verdict, detail, entry, groups } = table;
  const counts = await connection.query<{ verdict: string; about: string | null; rows: number }>(
    `SELECT ${verdict} AS verdict, ${detail} AS about, count(*)::float8 AS rows FROM ${stage} GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  const sum = (wanted: string) =>
    counts.filter((one) => one.verdict === wanted).reduce((total, { rows }) => total + rows, 0);
  const conflicts: UndoConflict[] = [];
  for (const one of counts) {
    if (["restore", "change", "present"].includes(one.verdict)) continue;
    const kind = one.verdict as ConflictKind;
    conflicts.push({ kind, rows: one.rows, about: one.about ?? "", keys: await readKeys(connection, table, one) });
  }
  return {
    table: nameOf(table),
    saved: entry.rows,
    restored: sum("restore"),
    changedBack: sum("change"),
    columns: [...new Set(groups.flatMap((group) => group.columns.map(({ name }) => name)))],
    alreadyThere: sum("present"),
    conflicts,
  };
}

async function readKeys(
  connection: Connection,
  { stage, verdict, detail, key }: StagedTable,
  conflict: { readonly verdict: string; readonly about: string | null },
): Promise<readonly string[]> {
  if (!key) return [];
  const parts = key.parts.map(({ expression }) => `${expression}::text`).join(", ");
  const rows = await connection.query<{ key: string }>(
    `SELECT concat_ws(', ', ${parts}) AS key FROM ${stage}
      WHERE ${verdict} = ${quoteLiteral(conflict.verdict)} AND ${detail} IS NOT DISTINCT FROM $1 ORDER BY ctid LIMIT ${keysShown}`,
    [conflict.about],
  );
  return rows.map((row) => row.key);
}

/** True when every saved row is back, or was there. */
export function isComplete(tables: readonly UndoneTable[]): boolean {
  return tables.every(({ conflicts }) => conflicts.length === 0);
}

/** Throws E_NOT_EMPTY naming the tables that a wipe emptied and that hold rows by now. */
export async function assertStillEmpty(
  connection: Connection,
  receipt: string,
  filled: readonly UndoTable[],
): Promise<void> {
  if (filled.length === 0) return;
  const held: string[] = [];
  for (const { entry } of filled) held.push(`${formatName(entry)} (${await countRows(connection, entry)} rows)`);
  throw inTheWay(receipt, `these tables hold rows by now: ${held.join(", ")}`);
}

/** Throws E_NOT_EMPTY naming what keeps rows out. A row that is there and equal is in nobody's way. */
export function assertNothingInTheWay(receipt: string, tables: readonly UndoneTable[]): void {
  const obstacles = tables.flatMap(({ table, conflicts }) =>
    conflicts.map((conflict) => `${table}: ${describeConflict(conflict)}`),
  );
  if (obstacles.length > 0) throw inTheWay(receipt, obstacles.join("; "));
}

/** For people: `2 rows whose key has other values now (7, 9)`. */
export function describeConflict({ kind, rows, about, keys }: UndoConflict): string {
  const what = {
    key: `${count(rows)} whose key is taken by other values now`,
    unique: `${count(rows)} whose value in ${about} is another row's now`,
    parent: `${count(rows)} that refer to rows which are gone (${about})`,
    gone: `${count(rows)} that the wipe had left, and that are gone now`,
    changed: `${count(rows)} with another value in ${about} since the wipe`,
    "no key": `${count(rows)}, and no primary key or unique index without nulls that tells rows apart`,
  }[kind];
  const more = keys.length > 0 && rows > keys.length ? ", …" : "";
  return keys.length > 0 ? `${what}: ${keys.join(" | ")}${more}` : what;
}

function count(rows: number): string {
  return rows === 1 ? "1 row" : `${rows} rows`;
}

function inTheWay(receipt: string, why: string): RoomctlError {
  return new RoomctlError("E_NOT_EMPTY", `nothing was changed: ${why}`, {
    hint: `bring back what has room, and overwrite nothing: roomctl wipe undo ${receipt} --merge`,
  });
}
