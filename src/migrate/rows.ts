import { messageOf } from "../core/errors.js";
import { formatName, type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { type ColumnFacts, madeUpValue, type TextStyle, textStyles } from "./values.js";

/** What became of one table that was to be given rows. */
export interface FilledTable {
  readonly table: string;
  readonly rows: number;
  /** False for rows that a migration put there, and where there are none. */
  readonly isMadeUp: boolean;
  /** Why it has none; null when it has. */
  readonly reason: string | null;
}

interface TableFacts extends QualifiedName {
  readonly oid: number;
  readonly isPartition: boolean;
  readonly columns: readonly ColumnFacts[];
  readonly foreignKeys: readonly ForeignKeyFacts[];
}

interface ForeignKeyFacts {
  /** Numbers of the columns. */
  readonly columns: readonly number[];
  readonly tableOid: number;
  /** Names of the columns that they refer to. */
  readonly targets: readonly string[];
}

export interface FillOptions {
  /** How many rows a table is given at most. */
  readonly rows: number;
  /** Tables by oid that are to be left alone; those that were looked at are added. */
  readonly done: Map<number, FilledTable>;
  /** Only these tables, and those that they refer to; all unless told. */
  readonly isWanted?: (table: QualifiedName) => boolean;
  /** True where a transaction is open, which a row that is refused must not end. */
  readonly isInTransaction?: boolean;
}

/**
 * Gives made-up rows to the tables that were never filled before, referenced ones first, so that a statement finds some. A
 * table for which none can be made stays empty, and its reason is told.
 */
export async function fillTables(connection: Connection, options: FillOptions): Promise<void> {
  const { done, isWanted = () => true, isInTransaction = false } = options;
  const tables = await connection.query<TableFacts>(loadStatement("migrate/row-tables"));
  const byOid = new Map(tables.map((table) => [table.oid, table]));
  for (const table of inReferenceOrder(tables.filter(isWanted), byOid)) {
    if (done.has(table.oid) || table.isPartition) continue;
    done.set(table.oid, await fillTable(connection, table, { ...options, byOid }));
  }
  if (!isInTransaction) await connection.query("SELECT pg_catalog.pg_stat_force_next_flush()");
}

/** Takes the made-up rows away again. */
export async function emptyTables(connection: Connection, done: ReadonlyMap<number, FilledTable>): Promise<void> {
  const tables = await connection.query<TableFacts>(loadStatement("migrate/row-tables"));
  const names = tables.filter(({ oid }) => done.get(oid)?.isMadeUp).map(quoteName);
  if (names.length > 0) await connection.execute(`TRUNCATE ${names.join(", ")} CASCADE`);
}

function inReferenceOrder(
  tables: readonly TableFacts[],
  byOid: ReadonlyMap<number, TableFacts>,
): readonly TableFacts[] {
  const ordered = new Set<TableFacts>();
  const visiting = new Set<TableFacts>();
  const visit = (table: TableFacts) => {
    if (visiting.has(table)) return;
    visiting.add(table);
    for (const { tableOid } of table.foreignKeys) {
      const referenced = byOid.get(tableOid);
      if (referenced) visit(referenced);
    }
    ordered.add(table);
  };
  tables.forEach(visit);
  return [...ordered];
}

interface Filling extends FillOptions {
  readonly byOid: ReadonlyMap<number, TableFacts>;
}

async function fillTable(connection: Connection, table: TableFacts, filling: Filling): Promise<FilledTable> {
  const name = formatName(table);
  const present = await countRows(connection, table);
  if (present > 0) return { table: name, rows: present, isMadeUp: false, reason: null };
  const none = { table: name, rows: 0, isMadeUp: false };
  let reason = "";
  for (const style of textStyles) {
    const insertion = insertionInto(table, style, filling);
    if ("obstacle" in insertion) return { ...none, reason: insertion.obstacle };
    try {
      await insert(connection, insertion.sql, filling);
      if (!filling.isInTransaction) await connection.execute(`ANALYZE ${quoteName(table)}`);
      const count = await countRows(connection, table);
      if (count > 0) return { table: name, rows: count, isMadeUp: true, reason: null };
      reason = "a trigger or a rule kept the rows out";
    } catch (error) {
      // Another style of text may pass a check or a trigger; the last reason is the one that is told.
      reason = messageOf(error);
    }
  }
  return { ...none, reason };
}

async function insert(connection: Connection, sql: string, { isInTransaction }: Filling): Promise<void> {
  if (!isInTransaction) {
    await connection.execute(sql);
    return;
  }
  try {
    await connection.execute(`SAVEPOINT roomctl_rows; ${sql}; RELEASE SAVEPOINT roomctl_rows`);
  } catch (error) {
    await connection.execute("ROLLBACK TO SAVEPOINT roomctl_rows; RELEASE SAVEPOINT roomctl_rows");
    throw error;
  }
}

async function countRows(connection: Connection, table: QualifiedName): Promise<number> {
  const [row] = await connection.query<{ rows: number }>(`SELECT count(*)::float8 AS rows FROM ${quoteName(table)}`);
  return row?.rows ?? 0;
}

type Insertion = { readonly sql: string } | { readonly obstacle: string };

function insertionInto(table: TableFacts, style: TextStyle, filling: Filling): Insertion {
  const columns: string[] = [];
  const values: string[] = [];
  for (const column of table.columns) {
    const value = referenceOf(table, column, filling) ?? madeUpValue(column, style);
    if (value === null)
      return { obstacle: `no value of type ${column.declaredType} can be made up for ${column.name}` };
    if (value === undefined) continue;
    columns.push(quoteIdentifier(column.name));
    values.push(value);
  }
  const source = `generate_series(1, ${Math.max(1, filling.rows - siblings(table))}) AS n`;
  const into = `INSERT INTO ${quoteName(table)}`;
  // A table whose columns all have defaults still needs one column to insert so many rows at once.
  if (columns.length === 0) return { sql: `${into} SELECT FROM ${source} ON CONFLICT DO NOTHING` };
  return { sql: `${into} (${columns.join(", ")}) SELECT ${values.join(", ")} FROM ${source} ON CONFLICT DO NOTHING` };
}

/** How many foreign keys lead to a table that another one of the same table leads to as well, at most. */
function siblings({ foreignKeys }: TableFacts): number {
  return Math.max(0, ...foreignKeys.map((key) => placeAmongSiblings(foreignKeys, key)));
}

function placeAmongSiblings(keys: readonly ForeignKeyFacts[], key: ForeignKeyFacts): number {
  return keys.filter(({ tableOid }) => tableOid === key.tableOid).indexOf(key);
}

/**
 * The n-th key of the referenced table, from the first again when it has fewer; undefined for a column without a foreign
 * key. A second reference to the same table takes the key after it: the two sides of a pair are seldom allowed to be one.
 */
function referenceOf(table: TableFacts, column: ColumnFacts, { byOid, done }: Filling): string | undefined {
  const key = table.foreignKeys.find(({ columns }) => columns.includes(column.number));
  if (key === undefined) return undefined;
  const referenced = byOid.get(key.tableOid);
  const count = done.get(key.tableOid)?.rows ?? 0;
  if (referenced === undefined || count === 0) return column.isNotNull ? undefined : "NULL";
  const target = key.targets[key.columns.indexOf(column.number)] ?? "";
  const order = key.targets.map(quoteIdentifier).join(", ");
  const place = `(n - 1 + ${placeAmongSiblings(table.foreignKeys, key)}) % ${count} + 1`;
  return `(ARRAY(SELECT ${quoteIdentifier(target)} FROM ${quoteName(referenced)} ORDER BY ${order}))[${place}]`;
}
