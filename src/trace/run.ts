import { RoomctlError } from "../core/errors.js";
import type { ParsedStatement } from "../db/parse.js";
import type { Connection } from "../db/pool.js";
import { type ParsedMigration, runStatement } from "../migrate/build.js";
import { allLocks, type Comparison, findIndexBuilds, findRewrites, findScans, oldLocks } from "./compare.js";
import { openLedger } from "./ledger.js";
import type { HeldLock, StatementTrace } from "./model.js";
import { type RelationState, type Relations, readChange, readRelations, type StateChange } from "./state.js";

export interface TraceRun {
  readonly connection: Connection;
  /** What was there before the first traced migration. */
  readonly first: Relations;
  /** Called before each statement, inside the transaction: bounds its time. */
  readonly beforeStatement?: () => Promise<void>;
  /** Why a statement must not run where it is traced; null when it may. */
  readonly whyNotRun: (statement: ParsedStatement) => string | null;
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
  const { connection, first } = run;
  const base = await readRelations(connection, "transaction");
  const newestOid = [...base.keys()].reduce((newest, oid) => Math.max(newest, oid), 0);
  const ledger = openLedger(base, first);
  const relations = new Map(base);
  let latest = await readChange(connection, newestOid);
  let held: readonly HeldLock[] = [];
  const traces: StatementTrace[] = [];
  for (const statement of statements) {
    const notRun = run.whyNotRun(statement);
    if (notRun !== null) {
      traces.push(notTraced(statement, notRun));
      continue;
    }
    apply(relations, latest);
    await run.beforeStatement?.();
    const startedMs = performance.now();
    await runStatement(connection, migration.file.name, { script: migration.up, statement });
    const durationMs = performance.now() - startedMs;
    const before = { relations, strengths: latest.strengths, rewrites: latest.rewrites };
    latest = await readChange(connection, newestOid);
    const comparison = { statement, before, after: latest, base, first };
    const stillHeld = oldLocks(comparison).map(ledger.describe);
    const locks = ledger.note(comparison, { startedMs, durationMs });
    const { line, text } = statement;
    traces.push({ line, text, durationMs, locks, stillHeld, ...findingsOf(comparison), samples: null, notRun: null });
    held = allLocks(comparison).map(ledger.describe);
  }
  await endTransaction(migration, end);
  ledger.close(performance.now());
  return { statements: traces, held };
}

/** One picture of all relations is kept up to date: a copy for each statement of a long file would fill the memory. */
function apply(relations: Map<number, RelationState>, { changed, dropped }: StateChange): void {
  for (const relation of changed) relations.set(relation.oid, relation);
  for (const oid of dropped) relations.delete(oid);
}

/** A statement that was left out. */
export function notTraced({ line, text }: ParsedStatement, notRun: string): StatementTrace {
  const nothing = { locks: [], stillHeld: [], rewrites: [], scans: [], indexBuilds: [], samples: null };
  return { line, text, durationMs: 0, ...nothing, notRun };
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

/** What a statement did to tables that were there. */
export function findingsOf(comparison: Comparison): Pick<StatementTrace, "rewrites" | "scans" | "indexBuilds"> {
  return {
    rewrites: findRewrites(comparison),
    scans: findScans(comparison),
    indexBuilds: findIndexBuilds(comparison),
  };
}
