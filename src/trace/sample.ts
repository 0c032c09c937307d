import { setTimeout as sleep } from "node:timers/promises";
import type { ParsedStatement } from "../db/parse.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { type ParsedMigration, runStatement } from "../migrate/build.js";
import { type Barrier, raiseBarrier } from "./barrier.js";
import { describeLock, newLocks } from "./compare.js";
import { lockModes, type StatementTrace } from "./model.js";
import { findingsOf, type TraceRun } from "./run.js";
import { type Relations, readRelations, type TransactionState } from "./state.js";

export interface SampledRun extends TraceRun {
  /** Another session of the same database, which looks at the locks of the first. */
  readonly observer: Connection;
}

/**
 * Runs a statement that cannot run in a transaction, while an observer looks at its locks as fast as the server answers.
 * It has to wait for each table that it names until its lock on it was seen; what else it locks for less than about a
 * millisecond may be missed. Throws E_MIGRATION_FAILED with file, line and column.
 */
export async function traceSampled(
  run: SampledRun,
  migration: ParsedMigration,
  statement: ParsedStatement,
): Promise<StatementTrace> {
  const { connection, observer, first } = run;
  const relations = await settledRelations(connection, observer);
  const before: TransactionState = { relations, strengths: new Map(), rewrites: "" };
  const { durationMs, strengths, samples } = await runWatched(run, migration, statement);
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

interface Watched {
  /** Without its first wait, which is of our making. */
  readonly durationMs: number;
  readonly strengths: ReadonlyMap<number, number>;
  readonly samples: number;
}

async function runWatched(
  { connection, observer }: SampledRun,
  migration: ParsedMigration,
  statement: ParsedStatement,
): Promise<Watched> {
  const { pid, isHurried } = await readSession(connection);
  await using barrier = isHurried ? undefined : await raiseBarrier(observer, statement);
  const sampling = new AbortController();
  const startedMs = performance.now();
  const running = runStatement(connection, migration.file.name, { script: migration.up, statement });
  const [endedMs, { heldUpUntilMs, ...watched }] = await Promise.all([
    running.then(() => performance.now()).finally(() => sampling.abort()),
    watchLocks({ observer, pid, barrier, signal: sampling.signal }),
  ]);
  return { durationMs: endedMs - (heldUpUntilMs ?? startedMs), ...watched };
}

interface Session {
  readonly pid: number;
  /** Waits for a lock so shortly that it must not wait for ours. */
  readonly isHurried: boolean;
}

async function readSession(connection: Connection): Promise<Session> {
  const [session] = await connection.query<Session>(loadStatement("trace/session"));
  return session ?? { pid: 0, isHurried: true };
}

interface Watch {
  readonly observer: Connection;
  readonly pid: number;
  readonly barrier: Barrier | undefined;
  readonly signal: AbortSignal;
}

interface Samples extends Pick<Watched, "strengths" | "samples"> {
  readonly heldUpUntilMs: number | undefined;
}

interface Sight {
  readonly oid: number | null;
  readonly strength: number;
  readonly isWaiting: boolean;
}

async function watchLocks({ observer, pid, barrier, signal }: Watch): Promise<Samples> {
  const strengths = new Map<number, number>();
  let samples = 0;
  let heldUpUntilMs: number | undefined;
  while (!signal.aborted) {
    const sights = await observer.query<Sight>(loadStatement("trace/locks"), [lockModes, pid]);
    for (const { oid, strength } of sights) {
      if (oid !== null) strengths.set(oid, Math.max(strength, strengths.get(oid) ?? 0));
    }
    samples += 1;
    const wait = sights.find(({ isWaiting }) => isWaiting);
    if (wait && (await barrier?.release(wait.oid))) heldUpUntilMs ??= performance.now();
    // A long build needs no thousand looks a second, and the two share the machine.
    if (samples > 200) await sleep(5);
  }
  return { strengths, samples, heldUpUntilMs };
}
