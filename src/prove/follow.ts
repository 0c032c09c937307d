import type { ParsedStatement } from "../db/parse.js";
import type { Connection } from "../db/pool.js";
import type { Script } from "../migrate/script.js";
import { runWhole, type Stop } from "./run.js";
import { type ProofState, readState, rowChanges, schemaChanges } from "./state.js";
import { mayMoveSequences, readCounters, writesBetween } from "./writes.js";

/** A run of a script that was looked at after each statement. */
export interface FollowedRun {
  readonly stop: Stop | undefined;
  readonly before: ProofState;
  readonly after: ProofState;
  /** The statement that gave an object of the schema its last definition; undefined when none did. */
  schemaCulprit(object: string): ParsedStatement | undefined;
  /** The statement that last wrote rows of a table. */
  rowsCulprit(table: string): ParsedStatement | undefined;
  /** The statement that last moved a sequence. */
  sequenceCulprit(name: string): ParsedStatement | undefined;
}

/**
 * Runs a script as the runner does and looks at everything after each statement: slow, so only where a faster look has
 * shown that there is something to find.
 */
export async function followRun(connection: Connection, script: Script): Promise<FollowedRun> {
  const culprits = { schema: new Map<string, ParsedStatement>(), rows: new Map<string, ParsedStatement>() };
  const sequences = new Map<string, ParsedStatement>();
  const before = await readState(connection);
  let state = before;
  let counters = await readCounters(connection);
  const stop = await runWhole(connection, script, async (statement) => {
    if (script.isTransactional) {
      // Counters of a transaction grow; outside of one they say nothing, and the state is read each time.
      const next = await readCounters(connection);
      const { relations } = writesBetween(counters, next);
      counters = next;
      if (relations.length === 0 && !mayMoveSequences({ statements: [statement] })) return;
    }
    const next = await readState(connection);
    for (const { object } of schemaChanges(state.schema, next.schema)) culprits.schema.set(object, statement);
    for (const { table } of rowChanges(state, next)) culprits.rows.set(table, statement);
    for (const table of state.tables.keys()) if (!next.tables.has(table)) culprits.rows.set(table, statement);
    for (const [name, value] of next.sequences) if (state.sequences.get(name) !== value) sequences.set(name, statement);
    state = next;
  });
  return {
    stop,
    before,
    after: await readState(connection),
    schemaCulprit: (object) => culprits.schema.get(object),
    rowsCulprit: (table) => culprits.rows.get(table),
    sequenceCulprit: (name) => sequences.get(name),
  };
}
