import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { type ParsedMigration, runStatement } from "../migrate/build.js";
import type { ParsedStatement } from "../migrate/parse.js";
import { describeLock, newLocks } from "./compare.js";
import { lockModes, type StatementTrace } from "./model.js";
import { findingsOf, type TraceRun } from "./run.js";
import { type Relations, readRelations, type TransactionState } from "./state.js";

export interface SampledRun extends TraceRun {
  /** Another session of the same database, which looks at the locks of the first. */
  readonly observer: Connection;
}

/**
 * Runs a statement that cannot run in a transaction, while an observer looks at its locks as fast as the server answers:
 * what is held for less than about a millisecond may be missed. Throws E_MIGRATION_FAILED with file, line and column.
 */
export async function traceSampled(
  { connection, observer, first }: SampledRun,
  migration: ParsedMigration,
  statement: ParsedStatement,
): Promise<StatementTrace> {
  const relations = await settledRelations(connection, observer);
  const before: TransactionState = { relations, strengths: new Map(), rewrites: "" };
  const pid = await processIdOf(connection);
  const startedMs = performance.now();
  const sampling = new AbortController();
  const running = runStatement(connection, migration.file.name, { script: migration.up, statement });
  const [durationMs, { strengths, samples }] = await Promise.all([
    running.then(() => performance.now() - startedMs).finally(() => sampling.abort()),
    watchLocks(observer, pid, sampling.signal),
  ]);
  const changed = [...(await settledRelations(connection, observer)).values()];
  const after = { changed, dropped: [], strengths, rewrites: "" };
  const comparison = { statement, before, after, base: before.relations, first };
  return {
    line: statement.line,
    text: statement.text,
    durationMs,
    locks: newLocks(comparison).map((lock) => ({
      ...describeLock(lock, before.relations, first),
      heldForStatements: 0,
      heldMs: null,
    })),
    stillHeld: [],
    ...findingsOf(comparison),
    samples,
    notRun: null,
  };
}

/** Counters of other sessions count only once they are flushed, which PostgreSQL puts off for up to ten seconds. */
async function settledRelations(connection: Connection, observer: Connection): Promise<Relations> {
  await connection.query("SELECT pg_catalog.pg_stat_force_next_flush()");
  return await readRelations(observer, "all");
}

async function processIdOf(connection: Connection): Promise<number> {
  const [row] = await connection.query<{ pid: number }>("SELECT pg_catalog.pg_backend_pid() AS pid");
  return row?.pid ?? 0;
}

interface Samples {
  readonly strengths: ReadonlyMap<number, number>;
  readonly samples: number;
}

async function watchLocks(observer: Connection, pid: number, signal: AbortSignal): Promise<Samples> {
  const strengths = new Map<number, number>();
  let samples = 0;
  while (!signal.aborted) {
    const rows = await observer.query<{ oid: number; strength: number }>(loadStatement("trace/locks"), [
      lockModes,
      pid,
    ]);
    for (const { oid, strength } of rows) strengths.set(oid, Math.max(strength, strengths.get(oid) ?? 0));
    samples += 1;
    // A long build needs no thousand looks a second, and the two share the machine.
    if (samples > 200) await sleep(5);
  }
  return { strengths, samples };
}
