import type { Connection } from "../db/pool.js";
import { runTogether } from "./run.js";
import { type Moment, readTraces, saysTheSame } from "./traces.js";
import { countersIn, countersText, readFiles, type Writes, writesBetween } from "./writes.js";

/**
 * What some work does: it is `refused`; it writes `rows` of the app, or moves what is watched; it changes rows of the
 * `catalog`, and a closer look has to tell whether that changes the schema; it writes rows of the catalog the `same` as they
 * were; or it does `nothing`.
 */
export type Effect = "refused" | "rows" | "catalog" | "same" | "nothing";

/** True when all is as it was before the work. */
export function leavesAll(effect: Effect): boolean {
  return effect === "same" || effect === "nothing";
}

export interface Work {
  readonly texts: readonly string[];
  /** Run before it in a transaction of its own; in the one that is open, of which only the work is undone, unless told. */
  readonly opening?: readonly string[];
  /** A query that must give the same before and after. */
  readonly watched?: string;
}

/** Finds out what work does, in as few round trips as it takes, and undoes it. */
export async function effectOf(connection: Connection, work: Work): Promise<Effect> {
  const { texts, opening, watched = "SELECT" } = work;
  if (opening?.length === 0 && (await writesNothing(connection, texts))) return "nothing";
  const [begin, undo] = opening === undefined ? [[savepoint], undoing] : [["BEGIN", ...opening], "ROLLBACK"];
  const run = await runTogether(connection, [...begin, watched, countersText(), ...texts, watched, countersText()]);
  const writes = writesBetween(countersIn(run?.[begin.length + 1]), countersIn(run?.at(-1)));
  const within = writes.catalog > 0 ? await lookInside(connection, writes, "with work") : undefined;
  await connection.execute(undo);
  if (run === undefined) return "refused";
  const isMoved = JSON.stringify(run[begin.length]) !== JSON.stringify(run.at(-2));
  if (isMoved || writes.rows > 0) return "rows";
  if (within === undefined) return "nothing";
  const without = await lookInside(
    connection,
    writes,
    opening === undefined ? "within transaction" : "after transaction",
  );
  if (within.files !== without.files) return "rows";
  return saysTheSame(within.traces, without.traces) ? "same" : "catalog";
}

const savepoint = "SAVEPOINT roomctl_work";
const undoing = "ROLLBACK TO SAVEPOINT roomctl_work; RELEASE SAVEPOINT roomctl_work";

/** A transaction that got no number wrote nothing at all. One that got it may only have taken a strong lock. */
async function writesNothing(connection: Connection, texts: readonly string[]): Promise<boolean> {
  const number = "SELECT pg_current_xact_id_if_assigned()::text AS number";
  const run = await runTogether(connection, ["BEGIN", ...texts, number, "ROLLBACK"]);
  if (run === undefined) await connection.execute("ROLLBACK");
  const row = run?.at(-2)?.[0];
  return row !== undefined && Reflect.get(row, "number") === null;
}

async function lookInside(connection: Connection, writes: Writes, moment: Moment) {
  const traces = await readTraces(connection, writes, moment);
  // Which file a table is in is told by its row there.
  return { traces, files: writes.relations.includes("pg_catalog.pg_class") ? await readFiles(connection) : "" };
}
