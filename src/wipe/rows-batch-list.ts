import type { Connection } from "../db/pool.js";
import type { RowClosure } from "./rows-closure.js";
import { listedRows } from "./rows-list.js";
import type { RowBasis } from "./rows-plan.js";

/** All rows of the plan, as the backup holds them; a table of the session. Chosen rows have a position, from 1 on. */
const savedRows = "pg_temp.roomctl_wipe_saved";

export interface SavedList {
  readonly basis: RowBasis;
  /** How many rows were chosen. */
  readonly chosen: number;
  /** Changes when a table is written anew, and its rows have other places. */
  readonly storage: string;
}

/** Positions of chosen rows, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Keeps the listed rows for the transactions that come. */
export async function saveList(connection: Connection, basis: RowBasis): Promise<SavedList> {
  await connection.execute(
    `CREATE TEMP TABLE roomctl_wipe_saved AS
     SELECT relation, id, version, part, via,
            CASE WHEN part = 'chosen' THEN row_number() OVER (PARTITION BY part ORDER BY relation, id) END AS position
       FROM ${listedRows};
     CREATE INDEX ON ${savedRows} (relation, id);
     CREATE INDEX ON ${savedRows} (position);
     ANALYZE ${savedRows}`,
  );
  const [row] = await connection.query<{ chosen: string }>(`SELECT count(position) AS chosen FROM ${savedRows}`);
  return { basis, chosen: Number(row?.chosen), storage: await readStorage(connection, basis) };
}

/** The files of the tables that can lose or change rows. */
export async function readStorage(connection: Connection, { reach }: RowClosure): Promise<string> {
  const [row] = await connection.query<{ files: string | null }>(
    "SELECT string_agg(oid || ':' || coalesce(pg_relation_filenode(oid), 0), ',' ORDER BY oid) AS files FROM unnest($1::oid[]) AS oid",
    [reach.leaves.map(({ oid }) => oid)],
  );
  return row?.files ?? "";
}

/** The same closure, of the chosen rows at these positions only, as far as they are what they were and still match. */
export function narrowClosure(basis: RowBasis, { from, to }: Range): RowBasis {
  const isSaved = `(tableoid, ctid, xmin::text::int8) IN (
    SELECT relation, id, version FROM ${savedRows} WHERE position BETWEEN ${from} AND ${to})`;
  const chosen = basis.chosen.map((rows) => ({ ...rows, condition: `${rows.condition} AND ${isSaved}` }));
  return { ...basis, chosen };
}

/** Listed rows that the backup does not hold as they are: neither saved, nor written by one of these transactions. */
export async function countStrangers(connection: Connection, ours: readonly number[]): Promise<number> {
  const [row] = await connection.query<{ rows: string }>(
    `SELECT count(*) AS rows FROM ${listedRows} AS listed
      WHERE version <> ALL ($1::int8[])
        AND NOT EXISTS (SELECT FROM ${savedRows} AS saved
                         WHERE saved.relation = listed.relation AND saved.id = listed.id AND saved.version = listed.version)`,
    [ours],
  );
  return Number(row?.rows);
}

export interface KeyedCount {
  readonly key: number;
  readonly rows: number;
}

/** References that the listed rows lose and that the plan knew of, by foreign key. */
export async function countDetached(connection: Connection): Promise<readonly KeyedCount[]> {
  return counted(
    connection,
    `SELECT via::float8 AS key, count(*) AS rows FROM ${listedRows} AS listed
      WHERE part = 'detached'
        AND NOT EXISTS (SELECT FROM ${savedRows} AS saved
                         WHERE saved.relation = listed.relation AND saved.id = listed.id AND saved.part <> 'detached')
      GROUP BY via`,
  );
}

/** Saved rows that were to go, by leaf. */
export async function countPlanned(connection: Connection): Promise<readonly KeyedCount[]> {
  return counted(
    connection,
    `SELECT relation::int8::float8 AS key, count(*) AS rows FROM ${savedRows} WHERE part <> 'detached' GROUP BY relation`,
  );
}

/** Those of one leaf that are still what they were; `leaf` as FROM takes it. */
export async function countKept(connection: Connection, leaf: string): Promise<number> {
  const [row] = await connection.query<{ rows: string }>(
    `SELECT count(*) AS rows FROM ${leaf} AS kept
       JOIN ${savedRows} AS saved ON saved.relation = kept.tableoid AND saved.id = kept.ctid AND saved.version = kept.xmin::text::int8
      WHERE saved.part <> 'detached'`,
  );
  return Number(row?.rows);
}

async function counted(connection: Connection, sql: string): Promise<readonly KeyedCount[]> {
  const rows = await connection.query<{ key: number; rows: string }>(sql);
  return rows.map((row) => ({ key: row.key, rows: Number(row.rows) }));
}
