import { digestOf } from "../core/digest.js";
import type { Reach } from "./cascade.js";
import type { WipedTable } from "./measure.js";
import type { RelationGraph } from "./relations.js";
import type { PlannedReset, RestartedSequence } from "./resets.js";

/** Which database this really is, as the server says it. */
export interface ServerFacts {
  readonly database: string;
  readonly databaseOid: number;
  readonly systemIdentifier: string;
  readonly address: string | null;
  readonly port: number | null;
  readonly role: string;
}

export interface TokenFacts {
  readonly server: ServerFacts;
  readonly scopes: readonly string[];
  readonly graph: RelationGraph;
  readonly reached: ReadonlyMap<number, Reach>;
  readonly emptied: readonly WipedTable[];
  readonly resets: readonly PlannedReset[];
  readonly sequences: readonly RestartedSequence[];
}

/** Sixteen hex digits that stay the same only while the same wipe of the same database would delete the same number of rows. */
export function tokenOf({ server, scopes, graph, reached, emptied, resets, sequences }: TokenFacts): string {
  const oids = [...reached.keys()].sort((a, b) => a - b);
  const facts = {
    server: [server.systemIdentifier, server.databaseOid],
    scopes: [...scopes].sort(),
    relations: oids.map((oid) => [oid, graph.relations.get(oid)?.columns.map(({ name, type }) => [name, type])]),
    foreignKeys: graph.foreignKeys
      .filter(({ child, parent }) => reached.has(child) || reached.has(parent))
      .map(({ oid, child, parent, columns, onDelete }) => [oid, child, parent, columns, onDelete])
      .sort(([a], [b]) => Number(a) - Number(b)),
    rows: emptied.map(({ table, rows }) => [table, rows]),
    resets,
    sequences,
  };
  return digestOf(facts).slice(0, 16);
}
