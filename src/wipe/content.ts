import { digestOf } from "../core/digest.js";
import { formatName, quoteIdentifier } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { LastWrite } from "./place.js";
import { partitionsOf, type RelationGraph } from "./relations.js";

/** What a table held, and how it was built, when the plan was made. With equal marks and equal counts both are the same. */
export interface TableMark {
  /**
   * A number that every committed write to the rows changes; null where the count alone must do: an access method other
   * than heap, or a role that may read some columns only. See `contentColumns`.
   */
  readonly content: string | null;
  /** Changes with the table's columns, defaults, constraints, triggers, rules, policies, partitions and owner. */
  readonly structure: string;
}

export interface TableContent {
  /** Exact. */
  readonly rows: number;
  readonly mark: TableMark;
  readonly lastWrite: LastWrite | null;
}

/** What can be read of a table's rows; of a partitioned table with its partitions. */
export interface ContentFacts {
  readonly table: string;
  /** An SQL expression over one row; null where rows cannot be marked. */
  readonly rowMark: string | null;
  readonly timeColumns: readonly string[];
  readonly structure: string;
}

/** For each of the tables (oids), what `readContent` needs to read of it. One statement, however many tables. */
export async function readContentFacts(
  connection: Connection,
  graph: RelationGraph,
  oids: readonly number[],
): Promise<ReadonlyMap<number, ContentFacts>> {
  const families = oids.map((oid) => ({ oid, members: [oid, ...partitionsOf(graph, oid).map((part) => part.oid)] }));
  const members = [...new Set(families.flatMap((family) => family.members))];
  const rows = await connection.query<FactsRow>(loadStatement("wipe/content-facts"), [members]);
  const byOid = new Map(rows.map((row) => [row.oid, row]));
  return new Map(
    families.map((family) => {
      const parts = family.members.flatMap((member) => byOid.get(member) ?? []);
      return [family.oid, describeFacts(parts)];
    }),
  );
}

/**
 * Reads rows and mark in one scan. `from` is what follows FROM, with its WHERE if only some rows count:
 * `ONLY "public"."rooms" WHERE ended_at < now()`.
 */
export async function readContent(connection: Connection, facts: ContentFacts, from: string): Promise<TableContent> {
  const [row] = await connection.query<ContentRow>(`SELECT ${contentColumns(facts)} FROM ${from}`);
  return contentOf(facts, row);
}

/** A row of `contentColumns`, with `last0`, `last1` … for the columns that tell the time of a write. */
type ContentRow = { readonly rows: string; readonly mark: string | null } & Readonly<
  Record<string, Date | number | string | null>
>;

/**
 * The select list that counts and marks rows.
 *
 * The mark is the sum, over the rows, of a hash of xmin: the transaction that wrote this version of the row. A row that
 * was there when the plan was made was written by a transaction that had committed by then, and one that came later by
 * one that had not: no transaction wrote both. So whatever was inserted, updated, or deleted and inserted again has
 * exchanged terms of the sum for those of other transactions. Nothing else changes it: locking a row writes xmax,
 * freezing keeps xmin and sets a bit beside it, VACUUM FULL and CLUSTER copy it.
 * (https://www.postgresql.org/docs/current/ddl-system-columns.html)
 *
 * Why a hash: the plain sum of xmin fails where a transaction that began before the plan writes after it: its number may
 * be smaller than those it replaces, smaller and larger can make up for each other, and numbers wrap around. The hash
 * is parallel safe, which age(xmin) is not, and costs about what xmin::text::bigint costs on 15, and a third of it on 18.
 *
 * Its limits: two contents have the same mark by accident once in 2^32; and a row that was written by a transaction
 * whose number came round again, 2^32 transactions later, looks like the old one.
 */
function contentColumns({ rowMark, timeColumns }: ContentFacts): string {
  return [
    "count(*) AS rows",
    `${rowMark ? `coalesce(sum(${rowMark}), 0)` : "NULL"}::text AS mark`,
    ...timeColumns.map((column, index) => `max(${quoteIdentifier(column)}) AS last${index}`),
  ].join(", ");
}

/** What a row of `contentColumns` says. */
function contentOf(facts: ContentFacts, row: ContentRow | undefined): TableContent {
  const written = facts.timeColumns.flatMap((column, index): readonly LastWrite[] => {
    // `infinity` arrives as a number.
    const at = row?.[`last${index}`];
    return at instanceof Date ? [{ at, from: "column", column: `${facts.table}.${column}` }] : [];
  });
  const [lastWrite = null] = written.toSorted((a, b) => b.at.getTime() - a.at.getTime());
  return {
    rows: Number(row?.rows),
    mark: { content: row?.mark ?? null, structure: facts.structure },
    lastWrite,
  };
}

interface FactsRow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly isReadable: boolean;
  readonly isHeap: boolean;
  readonly hashesXid: boolean;
  readonly timeColumns: readonly string[];
  readonly structure: string;
}

/** The table first, then its partitions. */
function describeFacts(parts: readonly FactsRow[]): ContentFacts {
  const [own] = parts;
  const structure = digestOf(parts.map((part) => [part.oid, part.structure])).slice(0, 16);
  if (!own) return { table: "a table that is gone", rowMark: null, timeColumns: [], structure };
  const isMarked = own.isReadable && parts.every((part) => part.isHeap);
  const rowMark = own.hashesXid ? "pg_catalog.hashxid(xmin)" : "pg_catalog.hash_array(ARRAY[xmin])";
  return {
    table: formatName(own),
    rowMark: isMarked ? rowMark : null,
    timeColumns: own.isReadable ? own.timeColumns : [],
    structure,
  };
}
