import type { WipeScope } from "../core/catalogue.js";
import { formatName } from "../db/identifier.js";
import type { Connection, Database } from "../db/pool.js";
import { withTransaction } from "../db/transaction.js";
import { readBasis } from "./basis.js";
import { resolveChoice, type WipeChoice, type WipeNames } from "./choice.js";
import type { WipeEffects } from "./effects.js";
import { type CascadedTable, measureTables, type WipedTable } from "./measure.js";
import { latestWrite, type Place } from "./place.js";
import { type PlannedReset, planResets, type RestartedSequence } from "./resets.js";
import { tokenOf } from "./token.js";

/** Everything that a wipe would do, and to which database. Table names are written as SQL needs them. */
export interface WipePlan extends Place {
  /** `tables`: whole tables, by TRUNCATE. `rows`: some of their rows, by DELETE; see `rows-plan.ts`. */
  readonly kind: "tables" | "rows";
  readonly scopes: readonly string[];
  /** Tables that were named themselves. */
  readonly namedTables: readonly string[];
  readonly tables: readonly WipedTable[];
  /** Tables that nobody chose and that foreign keys drag along. */
  readonly cascades: readonly CascadedTable[];
  readonly resets: readonly PlannedReset[];
  /** Rows that stay and lose a value because a row they refer to goes; a TRUNCATE has none. */
  readonly detached: readonly DetachedRows[];
  readonly sequences: readonly RestartedSequence[];
  /** Triggers, publications, slots, standbys and materialized views that it concerns. */
  readonly effects: WipeEffects;
  /** Rows that would be deleted, cascades included. */
  readonly rows: number;
  /** Of the tables, cascades included. */
  readonly sizeBytes: number;
  /** Changes with the database, its marker, the role, the choice, and the structure and rows of the tables: consent to one plan. */
  readonly token: string;
  /** A plan by estimates is a `WipeEstimate`. */
  readonly isEstimate?: false;
}

/** Rows whose foreign key's ON DELETE puts their columns back, to null or to the default. */
export interface DetachedRows {
  readonly table: string;
  readonly columns: readonly string[];
  readonly onDelete: "SET NULL" | "SET DEFAULT";
  readonly rows: number;
  /** `rooms(owner) → users` */
  readonly reason: string;
}

/**
 * Reads, in one snapshot, what a wipe of these scopes and tables would do; neither means the scope `all`. Changes
 * nothing. Throws E_UNKNOWN_SCOPE, E_UNKNOWN_TABLE, E_SCHEMA for a missing table of a scope, E_PROTECTED where the wipe
 * would reach what must stay. Without counting: `estimateWipe`.
 */
export async function planWipe(
  database: Database,
  scopes: readonly WipeScope[],
  names: WipeNames | readonly string[],
): Promise<WipePlan> {
  const choice = resolveChoice(scopes, isList(names) ? { scopes: names, tables: [] } : names);
  return withTransaction(database, { isolation: "REPEATABLE READ", readOnly: true }, (connection) =>
    readPlan(connection, database, choice),
  );
}

/** The plan as this session's transaction sees the database now. */
export async function readPlan(connection: Connection, database: Database, choice: WipeChoice): Promise<WipePlan> {
  // A policy would hide rows from the counts, which TRUNCATE does not heed; with this it is an error instead.
  await connection.query("SELECT set_config('row_security', 'off', true)");
  const { place, graph, reached, emptied, sequences, effects } = await readBasis(connection, database, choice);
  const { tables, cascades, lastWrites } = await measureTables(connection, graph, emptied);
  const resets = await planResets(connection, { graph, reached, resets: choice.resets });
  const measured = [...tables, ...cascades];
  const { scopes } = choice;
  const namedTables = (choice.named ?? []).map(formatName);
  return {
    kind: "tables",
    ...place,
    lastWrite: latestWrite(place, lastWrites),
    scopes,
    namedTables,
    tables,
    cascades,
    resets,
    detached: [],
    sequences,
    effects,
    rows: measured.reduce((sum, { rows }) => sum + rows, 0),
    sizeBytes: measured.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    token: tokenOf({
      place,
      scopes,
      namedTables,
      graph,
      relations: [...reached.keys()],
      emptied: measured,
      resets,
      sequences,
    }),
  };
}

function isList(names: WipeNames | readonly string[]): names is readonly string[] {
  return Array.isArray(names);
}
