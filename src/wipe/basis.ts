import type { Connection, Database } from "../db/pool.js";
import { type Reach, traceTruncate } from "./cascade.js";
import { findChosen, type WipeChoice } from "./choice.js";
import { describeTables, type EmptiedTable } from "./describe.js";
import { readEffects, type WipeEffects } from "./effects.js";
import { type Place, readPlace } from "./place.js";
import { type RelationGraph, readRelationGraph } from "./relations.js";
import { planRestarts, type RestartedSequence } from "./resets.js";
import { assertWipeable } from "./selected.js";

/** All that a plan says without reading a row. */
export interface PlanBasis {
  readonly place: Place;
  readonly graph: RelationGraph;
  readonly reached: ReadonlyMap<number, Reach>;
  readonly emptied: readonly EmptiedTable[];
  readonly sequences: readonly RestartedSequence[];
  readonly effects: WipeEffects;
}

/** Reads the catalog. Throws E_SCHEMA, E_UNKNOWN_TABLE for missing tables, E_PROTECTED for tables that must stay. */
export async function readBasis(connection: Connection, database: Database, choice: WipeChoice): Promise<PlanBasis> {
  const place = await readPlace(connection, database);
  const graph = await readRelationGraph(connection);
  const chosen = findChosen(graph, choice);
  const reached = traceTruncate(graph, [...chosen.keys()]);
  assertWipeable(graph, reached);
  return {
    place,
    graph,
    reached,
    emptied: await describeTables(connection, { graph, reached, chosen }),
    sequences: await planRestarts(connection, { graph, reached }),
    effects: await readEffects(connection, [...reached.keys()], "tables"),
  };
}
