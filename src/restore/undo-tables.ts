import { readSource } from "../backup/contents.js";
import type { Manifest, ManifestTable } from "../backup/manifest.js";
import { readSelectable, type SelectedTable } from "../backup/selection.js";
import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName, parseName, type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Queryable } from "../db/pool.js";
import { readSequences } from "../db/schema.js";
import { loadStatement } from "../db/statement.js";
import { isFed, ownSchema, presentSequences } from "./choice.js";
import { assertFits } from "./fit.js";
import type { WipeRecord } from "./undo-record.js";

/** One table of a wipe, as the backup has it and as it is now. */
export interface UndoTable {
  readonly entry: ManifestTable;
  readonly facts: SelectedTable;
  /** The wipe deleted rows of it; otherwise it only changed columns. */
  readonly isDeleted: boolean;
  /** Columns that the wipe put to another value. */
  readonly groups: readonly ColumnGroup[];
  /** Tells rows apart: the primary key, else a unique index of columns that are never null. */
  readonly key?: UniqueFacts;
  readonly unique: readonly UniqueFacts[];
  readonly parents: readonly ParentFacts[];
}

/** Columns that come back together or not at all, each with the SQL expression of what the wipe left in it. */
interface ColumnGroup {
  readonly columns: readonly { readonly name: string; readonly left: string }[];
}

export interface UniqueFacts {
  readonly name: string;
  /** Every column that its parts and its condition use. */
  readonly columns: readonly string[];
  readonly parts: readonly { readonly expression: string; readonly operator: string }[];
  readonly predicate: string | null;
  readonly isNullEqual: boolean;
  readonly isKey: boolean;
}

export interface ParentFacts {
  readonly name: string;
  readonly parent: QualifiedName;
  readonly isParentPartitioned: boolean;
  readonly parts: readonly { readonly column: string; readonly parentColumn: string; readonly operator: string }[];
}

export interface UndoGround {
  readonly tables: readonly UndoTable[];
  readonly present: readonly SelectedTable[];
  readonly sequences: readonly QualifiedName[];
}

/**
 * Reads what an undo works on, on a session with `applyReadSettings`. Throws E_SCHEMA where tables or columns are not as
 * they were in a way that keeps the rows out, or where the backup lacks a table that the wipe emptied.
 */
export async function readUndoGround(
  queryable: Queryable,
  manifest: Manifest,
  record: WipeRecord,
): Promise<UndoGround> {
  const present = await readSelectable(queryable);
  const wanted = manifest.tables
    .filter(({ schema }) => schema !== ownSchema)
    .map((entry) => ({ entry, facts: present.find((table) => isSameName(table, entry)) }))
    .map(({ entry, facts }) => ({ entry, facts, ...touchedBy(record, entry, facts?.isPartition ?? false) }))
    .filter(({ isDeleted, resets, detached }) => isDeleted || resets.length > 0 || detached.length > 0);
  assertHeld(record, manifest);
  const deleted = wanted.filter(({ isDeleted }) => isDeleted).map(({ entry }) => entry);
  const saved = manifest.sequences.filter((one) => one.schema !== ownSchema && isFed(deleted, one.feeds));
  const sequences = presentSequences(await readSequences(queryable), saved, deleted);
  const { encoding } = await readSource(queryable);
  refit(manifest.id, () =>
    assertFits({ manifest, wanted: wanted.map(({ entry }) => entry), saved, present, encoding, sequences }),
  );
  const oids = wanted.flatMap(({ facts }) => facts?.oid ?? []);
  const unique = await queryable.query<UniqueFacts & Owned>(loadStatement("restore/undo-unique"), [oids]);
  const parents = await queryable.query<ParentFacts & Owned>(loadStatement("restore/undo-parents"), [oids]);
  const tables: UndoTable[] = [];
  for (const { entry, facts, isDeleted, resets, detached } of wanted) {
    if (!facts) continue;
    const own = unique.filter(({ tableOid }) => tableOid === facts.oid);
    const key = own.find(({ isKey }) => isKey);
    const groups = [
      ...resets.map(({ column, value }) => ({ columns: [{ name: column, left: value }] })),
      ...(await readDetachedGroups(queryable, entry, detached)),
    ];
    const binding = parents.filter(({ tableOid }) => tableOid === facts.oid);
    tables.push({ entry, facts, isDeleted, groups, ...(key ? { key } : {}), unique: own, parents: binding });
  }
  return { tables, present, sequences: sequences.map(({ schema, name }) => ({ schema, name })) };
}

interface Owned {
  readonly tableOid: number;
}

/** A wipe names a partitioned table, and the backup its partitions; an UPDATE reaches heirs, a deletion names each of them. */
function touchedBy({ tables, resets, detached }: WipeRecord, entry: ManifestTable, isPartition: boolean) {
  const isNamed = (text: string, reachesHeirs: boolean) => {
    const name = parseName(text);
    if (isSameName(name, entry)) return true;
    return reachesHeirs && entry.ancestors.some((ancestor) => isSameName(name, ancestor));
  };
  return {
    isDeleted: tables.some(({ table, rowsDeleted }) => rowsDeleted > 0 && isNamed(table, isPartition)),
    resets: resets.filter(({ table, rowsChanged }) => rowsChanged > 0 && isNamed(table, true)),
    detached: detached.filter(({ table, rowsChanged }) => rowsChanged > 0 && isNamed(table, isPartition)),
  };
}

function assertHeld({ tables, resets, detached }: WipeRecord, { id, tables: held }: Manifest): void {
  const touched = [
    ...tables.map(({ table, rowsDeleted }) => ({ table, rows: rowsDeleted })),
    ...[...resets, ...detached].map(({ table, rowsChanged }) => ({ table, rows: rowsChanged })),
  ];
  const missing = touched.find(({ table, rows }) => {
    const name = parseName(table);
    return rows > 0 && !held.some((entry) => [entry, ...entry.ancestors].some((one) => isSameName(one, name)));
  });
  if (!missing) return;
  throw new RoomctlError("E_SCHEMA", `backup ${id} does not hold ${missing.table}, which the wipe changed`, {
    hint: "roomctl wipe receipts",
  });
}

/** The way out of a schema that does not fit is another one than for a restore. */
function refit(id: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof RoomctlError)) throw error;
    throw new RoomctlError(error.code, error.message, {
      cause: error.cause,
      hint: `bring these back to what they were at the wipe (a migration, or SQL), then: roomctl wipe undo ${id}`,
    });
  }
}

async function readDetachedGroups(
  queryable: Queryable,
  entry: ManifestTable,
  detached: WipeRecord["detached"],
): Promise<readonly ColumnGroup[]> {
  const groups: ColumnGroup[] = [];
  for (const { columns, onDelete } of detached) {
    const defaults = onDelete === "SET DEFAULT" ? await readDefaults(queryable, entry) : new Map<string, string>();
    groups.push({ columns: columns.map((name) => ({ name, left: defaults.get(name) ?? "NULL" })) });
  }
  return groups;
}

async function readDefaults(queryable: Queryable, table: QualifiedName): Promise<ReadonlyMap<string, string>> {
  const rows = await queryable.query<{ name: string; value: string }>(
    `SELECT attname AS name, pg_get_expr(adbin, adrelid) AS value
       FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum WHERE adrelid = $1::regclass`,
    [quoteName(table)],
  );
  return new Map(rows.map(({ name, value }) => [name, value]));
}

/** `"a", "b"`: the columns that the backup has, optionally of an alias. */
export function columnList({ entry }: Pick<UndoTable, "entry">, alias?: string): string {
  const prefix = alias === undefined ? "" : `${alias}.`;
  return entry.columns.map(({ name }) => `${prefix}${quoteIdentifier(name)}`).join(", ");
}

/** True where two rows, by their aliases, have the same key. */
export function sameKey({ parts }: UniqueFacts, one: string, other: string): string {
  return parts
    .map(({ expression, operator }) => `${one}.${expression} ${operator} ${other}.${expression}`)
    .join(" AND ");
}

export function nameOf({ entry }: Pick<UndoTable, "entry">): string {
  return formatName(entry);
}
