import { RoomctlError } from "../core/errors.js";
import type { Connection } from "../db/pool.js";
import { type ParsedMigration, runStatement } from "../migrate/build.js";
import type { ParsedStatement } from "../migrate/parse.js";
import {
  type Comparison,
  describeLock,
  type FoundLock,
  findIndexBuilds,
  findRewrites,
  findScans,
  newLocks,
  oldLocks,
} from "./compare.js";
import type { HeldLock, LockTrace, StatementTrace } from "./model.js";
import { describeRelation, type Relations, readRelations, readState, type TransactionState } from "./state.js";

export interface TraceRun {
  readonly connection: Connection;
  /** What was there before the first traced migration. */
  readonly first: Relations;
  /** Called before each statement, inside the transaction: bounds its time. */
  readonly beforeStatement?: () => Promise<void>;
}

export interface TransactionTrace {
  readonly statements: readonly StatementTrace[];
  readonly held: readonly HeldLock[];
}

/**
 * Runs statements of a migration in the transaction that is open, and reads after each what it locked, wrote anew and
 * scanned. `end` commits, or does nothing where the caller rolls back. Throws E_MIGRATION_FAILED with file, line and column.
 */
export async function traceTransaction(
  run: TraceRun,
  migration: ParsedMigration,
  { statements, end }: { readonly statements: readonly ParsedStatement[]; readonly end: () => Promise<void> },
): Promise<TransactionTrace> {
  const base = await readRelations(run.connection, "transaction");
  let before = await readState(run.connection, base);
  const steps: Step[] = [];
  for (const statement of statements) {
    await run.beforeStatement?.();
    const startedMs = performance.now();
    await runStatement(run.connection, migration.file.name, { script: migration.up, statement });
    const durationMs = performance.now() - startedMs;
    const after = await readState(run.connection, before.relations);
    steps.push({ statement, before, after, base, first: run.first, startedMs, durationMs });
    before = after;
  }
  await endTransaction(migration, end);
  return { statements: describeSteps(steps, performance.now()), held: heldAtEnd(steps, base, run.first) };
}

interface Step extends Comparison {
  readonly startedMs: number;
  readonly durationMs: number;
}

/** Constraints that were deferred are checked by COMMIT. */
async function endTransaction({ file }: ParsedMigration, end: () => Promise<void>): Promise<void> {
  try {
    await end();
  } catch (cause) {
    throw new RoomctlError("E_MIGRATION_FAILED", `${file.name} failed at its COMMIT`, {
      hint: `look at the deferred constraints of ${file.up.path}`,
      cause,
    });
  }
}

function describeSteps(steps: readonly Step[], endedMs: number): readonly StatementTrace[] {
  const sinceLines = new Map<number, number>();
  return steps.map((step, index) => {
    const { statement, base, first, durationMs, startedMs } = step;
    const stillHeld = oldLocks(step).map((lock) => describeHeld(lock, { base, first, sinceLines }));
    const locks = newLocks(step).map((lock): LockTrace => {
      const isKept = steps.slice(index).every(({ after }) => after.strengths.has(lock.oid));
      sinceLines.set(lock.oid, statement.line);
      return {
        ...describeLock(lock, base, first),
        heldForStatements: isKept ? steps.length - index - 1 : 0,
        heldMs: isKept ? endedMs - startedMs : durationMs,
      };
    });
    return {
      line: statement.line,
      text: statement.text,
      durationMs,
      locks,
      stillHeld,
      ...findingsOf(step),
      samples: null,
      notRun: null,
    };
  });
}

/** What a statement did to tables that were there. */
export function findingsOf(comparison: Comparison): Pick<StatementTrace, "rewrites" | "scans" | "indexBuilds"> {
  return {
    rewrites: findRewrites(comparison),
    scans: findScans(comparison),
    indexBuilds: findIndexBuilds(comparison),
  };
}

interface HeldContext {
  readonly base: Relations;
  readonly first: Relations;
  readonly sinceLines: ReadonlyMap<number, number>;
}

function describeHeld({ oid, mode }: FoundLock, { base, first, sinceLines }: HeldContext): HeldLock {
  const { name, kind } = describeRelation({ oid }, base, first);
  return { name, kind, mode, sinceLine: sinceLines.get(oid) ?? null };
}

/** All that COMMIT gives back, with the line that took it first. */
function heldAtEnd(steps: readonly Step[], base: Relations, first: Relations): readonly HeldLock[] {
  const last = steps.at(-1);
  if (last === undefined) return [];
  const sinceLines = new Map<number, number>();
  for (const step of steps) {
    for (const { oid } of newLocks(step)) if (!sinceLines.has(oid)) sinceLines.set(oid, step.statement.line);
  }
  const everything = { ...last, before: noLocks(last.before) };
  return newLocks(everything).map((lock) => describeHeld(lock, { base, first, sinceLines }));
}

function noLocks(state: TransactionState): TransactionState {
  return { ...state, strengths: new Map() };
}
