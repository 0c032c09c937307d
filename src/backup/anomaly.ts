import { formatName, type QualifiedName } from "../db/identifier.js";
import type { Manifest, ManifestTable } from "./manifest.js";

/** Something that a backup has much less of than the one before it. */
export interface AnomalyFinding {
  readonly problem: "table-rows" | "table-gone" | "total-rows" | "total-bytes";
  /** Of a table with partitions or children, the one above them all; null for what is about the whole. */
  readonly table: QualifiedName | null;
  readonly before: number;
  readonly after: number;
  readonly message: string;
}

/** Half of it gone is a collapse, if that half is worth a word. */
const collapsedShare = 0.5;
const fewestRows = 1000;
const fewestBytes = 1024 * 1024;

/**
 * Compares a backup with the whole one before it, of the same database: tables that lost half of their rows and 1,000 at
 * least, tables with rows that are gone, and the same for all rows and for all bytes (1 MiB at least) as COPY sent them.
 * Partitions and heirs count as one table, so that a partition that is dropped every night is nothing new.
 */
export function findAnomalies(previous: Manifest, current: Manifest): readonly AnomalyFinding[] {
  const familyOf = groupFamilies([...previous.tables, ...current.tables]);
  const [before, after] = [sumFamilies(previous, familyOf), sumFamilies(current, familyOf)];
  const since = `in the backup ${previous.id}`;
  const findings: AnomalyFinding[] = [];
  for (const [family, { table, rows }] of before) {
    const left = after.get(family)?.rows;
    if (left === undefined && rows > 0) {
      const message = `table ${formatName(table)} is gone; it had ${rows} rows ${since}`;
      findings.push({ problem: "table-gone", table, before: rows, after: 0, message });
    } else if (left !== undefined && isCollapse(rows, left, fewestRows)) {
      const message = `table ${formatName(table)} has ${left} rows; it had ${rows} ${since}`;
      findings.push({ problem: "table-rows", table, before: rows, after: left, message });
    }
  }
  return [
    ...findings,
    ...compareTotals("total-rows", [totalRows(previous), totalRows(current)], fewestRows, since),
    ...compareTotals("total-bytes", [totalBytes(previous), totalBytes(current)], fewestBytes, since),
  ];
}

interface Family {
  readonly table: QualifiedName;
  readonly rows: number;
}

/** The top of each table's line, by name. Of two tops, as inheritance allows, always the same one. */
function groupFamilies(tables: readonly ManifestTable[]): (table: QualifiedName) => QualifiedName {
  const tops = new Map<string, QualifiedName>();
  const topOf = (name: QualifiedName): QualifiedName => {
    const above = tops.get(keyOf(name));
    return above === undefined ? name : topOf(above);
  };
  const heirs = tables.filter(({ ancestors }) => ancestors.length > 0);
  const members = new Map<string, number>();
  for (const name of heirs.flatMap(({ ancestors }) => ancestors)) {
    members.set(keyOf(name), (members.get(keyOf(name)) ?? 0) + 1);
  }
  for (const { schema, name, ancestors } of heirs) {
    const line = [{ schema, name }, ...ancestors].map(topOf);
    const rank = (one: QualifiedName) => members.get(keyOf(one)) ?? 0;
    const top = line.reduce((best, one) =>
      rank(one) > rank(best) || (rank(one) === rank(best) && keyOf(one) < keyOf(best)) ? one : best,
    );
    for (const one of line) if (keyOf(one) !== keyOf(top)) tops.set(keyOf(one), top);
  }
  return topOf;
}

function sumFamilies({ tables }: Manifest, familyOf: (table: QualifiedName) => QualifiedName): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const { rows, schema, name } of tables) {
    const table = familyOf({ schema, name });
    families.set(keyOf(table), { table, rows: rows + (families.get(keyOf(table))?.rows ?? 0) });
  }
  return families;
}

function compareTotals(
  problem: "total-rows" | "total-bytes",
  [before, after]: readonly [number, number],
  fewest: number,
  since: string,
): AnomalyFinding[] {
  if (!isCollapse(before, after, fewest)) return [];
  const unit = problem === "total-rows" ? "rows" : "bytes";
  const message = `all tables together have ${after} ${unit}; they had ${before} ${unit} ${since}`;
  return [{ problem, table: null, before, after, message }];
}

function isCollapse(before: number, after: number, fewest: number): boolean {
  return before - after >= fewest && before - after >= before * collapsedShare;
}

function totalRows({ tables }: Manifest): number {
  return tables.reduce((sum, { rows }) => sum + rows, 0);
}

function totalBytes({ tables, largeObjects }: Manifest): number {
  const stored = [...tables, ...(largeObjects ? [largeObjects.pages] : [])];
  const blocks = stored.flatMap(({ chunks }) => chunks.flatMap((chunk) => chunk.blocks));
  return blocks.reduce((sum, [rawBytes]) => sum + rawBytes, 0);
}

function keyOf({ schema, name }: QualifiedName): string {
  return JSON.stringify([schema, name]);
}
