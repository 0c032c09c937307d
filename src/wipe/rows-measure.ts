import { formatName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { orderChildrenFirst } from "./cascade.js";
import { readContentFacts } from "./content.js";
import type { CascadedTable, WipedTable } from "./measure.js";
import type { DetachedRows } from "./plan.js";
import { partitionsOf, type Relation } from "./relations.js";
import type { RowClosure, RowPart } from "./rows-closure.js";
import { consequenceOf, type RowForeignKey } from "./rows-foreign-keys.js";
import { describeKey, tracePaths } from "./rows-path.js";
import { readRowSizes } from "./rows-sizes.js";

/** Rows of one leaf that are in the closure for one reason. */
export interface RowCount {
  readonly relation: number;
  readonly part: RowPart;
  /** The foreign key's oid; 0 for chosen rows. */
  readonly via: number;
  readonly rows: number;
  /** Over the place and version of each row: another row, or another version of one, makes another mark. */
  readonly mark: string;
}

/** Rows that go because of one foreign key; the same table may have more, by another one or chosen. */
export interface RowCascade extends CascadedTable {
  /** The server would not delete them: they have to be accepted, or nothing can be deleted. */
  readonly needsConsent: boolean;
}

export interface MeasuredRows {
  /** Every chosen table, also where none of its rows was chosen. */
  readonly tables: readonly WipedTable[];
  readonly cascades: readonly RowCascade[];
  readonly detached: readonly DetachedRows[];
}

/** Sums up the counts by table and foreign key, children before parents. A size is the table's, by its share of the rows. */
export async function measureRows(
  connection: Connection,
  closure: RowClosure,
  counts: readonly RowCount[],
): Promise<MeasuredRows> {
  const { graph, reach } = closure;
  const sizes = await readRowSizes(connection, graph, counts);
  const oids = reach.units.map(({ oid }) => oid);
  const facts = await readContentFacts(connection, graph, oids);
  const units = orderChildrenFirst(graph, oids).flatMap((oid) => graph.relations.get(oid) ?? []);
  const total = (unit: Relation, found: readonly RowCount[]) => ({
    table: formatName(unit),
    kind: unit.kind === "partitioned" ? ("partitioned" as const) : ("table" as const),
    rows: sumOf(found, ({ rows }) => rows),
    sizeBytes: Math.round(sumOf(found, ({ relation, rows }) => rows * (sizes.get(relation) ?? 0))),
    partitions: partitionsOf(graph, unit.oid).map(formatName),
    mark: { content: markOf(found), structure: facts.get(unit.oid)?.structure ?? "" },
  });
  const of = (unit: Relation, part: RowPart) =>
    counts.filter((count) => count.part === part && reach.unitOf.get(count.relation)?.oid === unit.oid);
  const paths = pathsOf(closure, counts);
  const byKey = (unit: Relation, part: RowPart) =>
    reach.foreignKeys.flatMap((key) => {
      const found = of(unit, part).filter(({ via }) => via === key.oid);
      return found.length > 0 ? [{ key, found }] : [];
    });
  return {
    tables: units.flatMap((unit) => {
      const reason = reasonOf(closure, unit);
      return reason === "" ? [] : [{ ...total(unit, of(unit, "chosen")), reason }];
    }),
    cascades: units.flatMap((unit) =>
      (["follows", "blocks"] as const).flatMap((part) =>
        byKey(unit, part).map(({ key, found }) => {
          const path = paths.get(key.oid) ?? [describeKey(graph, key)];
          const needsConsent = part === "blocks";
          return { ...total(unit, found), reason: path.join(", "), path, onDelete: key.onDelete, needsConsent };
        }),
      ),
    ),
    detached: units.flatMap((unit) =>
      byKey(unit, "detached").map(({ key, found }) => detach(closure, unit, key, found)),
    ),
  };
}

function detach(closure: RowClosure, unit: Relation, key: RowForeignKey, found: readonly RowCount[]): DetachedRows {
  return {
    table: formatName(unit),
    columns: key.changedColumns,
    onDelete: key.onDelete === "SET DEFAULT" ? "SET DEFAULT" : "SET NULL",
    rows: sumOf(found, ({ rows }) => rows),
    reason: describeKey(closure.graph, key),
  };
}

function pathsOf({ graph, reach }: RowClosure, counts: readonly RowCount[]): ReadonlyMap<number, readonly string[]> {
  const used = new Set(counts.map(({ via }) => via));
  const chosen = new Set(counts.filter(({ part }) => part === "chosen").map(({ relation }) => relation));
  const foreignKeys = reach.foreignKeys.filter((key) => used.has(key.oid) && consequenceOf(key) !== "detaches");
  return tracePaths({ graph, foreignKeys, chosen });
}

/** Empty for a unit that no chosen table has rows in. */
function reasonOf({ graph, chosen, reach }: RowClosure, unit: Relation): string {
  const oids = reach.chosenFor.get(unit.oid) ?? [];
  const reasons = chosen.flatMap(({ oid, table, reason }) => {
    if (!oids.includes(oid)) return [];
    // A partition's rows are its root's, those of an heir are not.
    const isOwn = oid === unit.oid || graph.relations.get(oid)?.isPartition || unit.isPartition;
    return [isOwn ? reason : `inherits from ${table} (${reason})`];
  });
  return [...new Set(reasons)].join("; ");
}

/** Marks of several leaves as one; the order does not count. */
function markOf(counts: readonly RowCount[]): string {
  return counts.reduce((mark, count) => mark ^ BigInt(count.mark), 0n).toString();
}

function sumOf(counts: readonly RowCount[], value: (count: RowCount) => number): number {
  return counts.reduce((sum, count) => sum + value(count), 0);
}
