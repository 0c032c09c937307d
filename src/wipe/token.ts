import { digestOf } from "../core/digest.js";
import type { WipedTable } from "./measure.js";
import type { Place } from "./place.js";
import type { RelationGraph } from "./relations.js";
import type { PlannedReset, RestartedSequence } from "./resets.js";

export interface TokenFacts {
  readonly place: Place;
  readonly scopes: readonly string[];
  readonly namedTables: readonly string[];
  readonly graph: RelationGraph;
  /** Oids of all that lose rows. */
  readonly relations: readonly number[];
  readonly emptied: readonly Pick<WipedTable, "table" | "rows" | "mark">[];
  readonly resets: readonly PlannedReset[];
  readonly sequences: readonly RestartedSequence[];
  /** What else the consent is to. */
  readonly more?: unknown;
}

/**
 * Sixteen hex digits that stay the same only while the same role would delete the same rows of the same tables from the
 * same database, under the same marker.
 */
export function tokenOf({ place, graph, ...facts }: TokenFacts): string {
  const relations = new Set(facts.relations);
  return digestOf({
    place: [place.systemIdentifier, place.databaseOid, place.role, place.environment ?? null],
    scopes: facts.scopes.toSorted(),
    namedTables: facts.namedTables.toSorted(),
    relations: facts.relations
      .toSorted((a, b) => a - b)
      .map((oid) => [oid, graph.relations.get(oid)?.columns.map(({ name, type }) => [name, type])]),
    foreignKeys: graph.foreignKeys
      .filter(({ child, parent }) => relations.has(child) || relations.has(parent))
      .map(({ oid, child, parent, columns, onDelete }) => [oid, child, parent, columns, onDelete])
      .toSorted(([a], [b]) => Number(a) - Number(b)),
    rows: facts.emptied.map(({ table, rows, mark }) => [table, rows, mark]),
    resets: facts.resets,
    sequences: facts.sequences,
    more: facts.more ?? null,
  }).slice(0, 16);
}
