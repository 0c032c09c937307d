import { quoteLiteral } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import type { Writes } from "./writes.js";

/** What a transaction did to the rows of one table, of the catalog or of the app. */
export interface RowTrace {
  readonly relation: string;
  /** How many rows are there. */
  readonly live: number;
  /** One value for the rows that it wrote and that are there. */
  readonly written: string;
  /** One value for the rows of others that are there and that it had deleted or replaced in what was rolled back. */
  readonly replaced: string;
  /** Columns that it dropped: nobody sees them, and the catalog keeps them for good. */
  readonly residue: number;
}

/** Whether the work is still there, or was undone by ROLLBACK TO, or with the whole transaction by ROLLBACK. */
export type Moment = "with work" | "within transaction" | "after transaction";

/** What a transaction has left of what it wrote. */
export async function readTraces(
  connection: Connection,
  { relations, transactionId }: Pick<Writes, "relations" | "transactionId">,
  moment: Moment,
): Promise<readonly RowTrace[]> {
  if (transactionId === null || relations.length === 0) return [];
  const texts = relations.map((relation) => traceText(relation, transactionId, moment));
  return connection.query<RowTrace>(texts.join(" UNION ALL "));
}

/** True when a row is there that the open transaction wrote. */
export async function hasOwnRows(
  connection: Connection,
  { relations, transactionId }: Pick<Writes, "relations" | "transactionId">,
): Promise<boolean> {
  if (transactionId === null || relations.length === 0) return false;
  const probes = relations.map(
    (relation) => `EXISTS (SELECT FROM ONLY ${relation} WHERE age(xmin) <= ${ageOf(transactionId)})`,
  );
  const [row] = await connection.query<{ found: boolean }>(`SELECT ${probes.join(" OR ")} AS found`);
  return row?.found ?? true;
}

/**
 * True when the rows that are there with some work of a transaction say what those say that are there without it: as many,
 * and what it wrote is what it replaced. `without` is read after the work was rolled back, by the number that it left on the
 * rows it had replaced. One that another try has left there makes them count as not the same, never as the same.
 */
export function saysTheSame(withWork: readonly RowTrace[], without: readonly RowTrace[]): boolean {
  return withWork.every((one) => {
    const other = without.find(({ relation }) => relation === one.relation);
    if (other === undefined || one.live !== other.live) return false;
    return BigInt(one.written) === BigInt(other.written) + BigInt(other.replaced);
  });
}

function traceText(relation: string, transactionId: string, moment: Moment): string {
  const { content = "(roomctl_row.*)", dropped = "false" } = readings[relation] ?? {};
  // Its own, or of a subtransaction.
  const since = ageOf(transactionId);
  const isOwn = `age(xmin) <= ${since}`;
  const isReplaced = `age(xmax) <= ${since}`;
  // Rows that it wrote are gone after it, and none is marked by what is not undone: those need not be looked for.
  const touched = {
    "with work": isOwn,
    "within transaction": `(${isOwn} OR ${isReplaced})`,
    "after transaction": isReplaced,
  };
  return `SELECT ${quoteLiteral(relation)} AS relation,
                 (SELECT count(*)::float8 FROM ONLY ${relation} WHERE NOT ${dropped}) AS live,
                 coalesce(sum(hash) FILTER (WHERE is_own AND NOT is_dropped), 0)::text AS written,
                 coalesce(sum(hash) FILTER (WHERE NOT is_own AND NOT is_dropped), 0)::text AS replaced,
                 (count(*) FILTER (WHERE is_own AND is_dropped))::float8 AS residue
            FROM (SELECT ${isOwn} AS is_own, ${dropped} AS is_dropped, hashtextextended(${content}::text, 0) AS hash
                    FROM ONLY ${relation} AS roomctl_row WHERE ${touched[moment]}) AS touched`;
}

/** Numbers of transactions go in circles, so ages are compared; asked for once in a statement. */
function ageOf(transactionId: string): string {
  return `(SELECT age(${quoteLiteral(transactionId)}::xid))`;
}

interface Reading {
  readonly content?: string;
  readonly dropped?: string;
}

/**
 * Where not the whole row counts. Of pg_class, what only helps the planner or may be true for no reason any more is left out:
 * relhas… and counts; so is the file of a sequence, where a restart in place gives it another one.
 */
const readings: Readonly<Record<string, Reading>> = {
  "pg_catalog.pg_attribute": { dropped: "attisdropped" },
  "pg_catalog.pg_class": {
    content: `ROW(oid, relname, relnamespace, reltype, reloftype, relowner, relam, reltablespace, reltoastrelid, relisshared,
                  relpersistence, relkind, relchecks, relrowsecurity, relforcerowsecurity, relispopulated, relreplident,
                  relispartition, relacl, reloptions, relpartbound, CASE WHEN relkind <> 'S' THEN relfilenode END)`,
  },
};
