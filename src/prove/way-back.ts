import type { Connection } from "../db/pool.js";
import type { ParsedMigration } from "../migrate/build.js";
import { mayLeaveState } from "../migrate/session-state.js";
import { checkDeferred, newSessionTexts, runTogether, textsOf } from "./run.js";
import { hasOwnRows, readTraces, saysTheSame } from "./traces.js";
import { type Counters, countersIn, countersText, writesBetween } from "./writes.js";

/** Tells, once the transaction was rolled back, whether down had led to the very rows that were there before it. */
export type WayBack = () => Promise<boolean>;

interface Start {
  /** The counters as they were when the transaction began. */
  readonly before: Counters;
  /** True when nothing was undone in it since. */
  readonly isClean: boolean;
}

/** Runs down in the transaction that up has run in, to its end. Undefined when it cannot, or when up cannot run after it. */
export async function goBack(
  connection: Connection,
  { up, down }: ParsedMigration,
  { before, isClean }: Start,
): Promise<WayBack | undefined> {
  if (down === undefined || down.ownControl || !down.isTransactional) return undefined;
  const run = await runTogether(connection, [
    checkDeferred,
    ...newSessionTexts(up),
    ...textsOf(down.statements),
    checkDeferred,
    ...newSessionTexts(down),
    countersText(),
  ]);
  if (run === undefined) return undefined;
  const writes = writesBetween(before, countersIn(run.at(-1)));
  // Definitions open no subtransactions of their own. As many rows, and none of them new: they are the same.
  const isCounted = isClean && writes.isLevel && !mayLeaveState(up) && !mayLeaveState(down);
  if (isCounted && !(await hasOwnRows(connection, writes))) return async () => true;
  const traces = await readTraces(connection, writes, "with work");
  // A column that came and went is seen by nobody, but what came back would not be the very same.
  const hasResidue = traces.some(({ residue }) => residue > 0);
  if (hasResidue && !(await runTogether(connection, textsOf(up.statements)))) return undefined;
  return async () => saysTheSame(traces, await readTraces(connection, writes, "after transaction"));
}
