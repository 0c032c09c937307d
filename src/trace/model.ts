/**
 * Words of a trace. A *lock* is on a relation that was there before the migration, in the strongest mode seen; a *rewrite*
 * writes a table anew, into another storage file; a *scan* reads one completely. `nameBefore` is what a relation was
 * called before the first traced migration: the name it has on the target. It is null for what an earlier traced one made.
 */
export interface TracedRelation {
  /** `users`, `app.users`, as it was called before this migration. */
  readonly name: string;
  readonly kind: RelationKind;
  /** Of an index: the table. */
  readonly table: string | null;
  readonly nameBefore: string | null;
}

export type RelationKind = "table" | "index" | "view" | "materialized view" | "sequence" | "foreign table";

/** PostgreSQL's table lock modes from the weakest to the strongest (the manual, section 13.3.1). */
export const lockModes = [
  "AccessShareLock",
  "RowShareLock",
  "RowExclusiveLock",
  "ShareUpdateExclusiveLock",
  "ShareLock",
  "ShareRowExclusiveLock",
  "ExclusiveLock",
  "AccessExclusiveLock",
] as const;
export type LockMode = (typeof lockModes)[number];

/** Whom a lock keeps waiting among sessions that read and write rows. */
export type Blocks = "nobody" | "writers" | "readers and writers";

export interface LockTrace extends TracedRelation {
  readonly mode: LockMode;
  readonly blocks: Blocks;
  /** How many more statements run before COMMIT gives the lock back; 0 outside of a transaction. */
  readonly heldForStatements: number;
  /** From the beginning of the statement that took it until COMMIT, where it was traced; null where it was sampled. */
  readonly heldMs: number | null;
  /** The table's size on the target; null without a target, and for what is not a table there. */
  readonly target: TableSize | null;
}

export interface RewriteTrace extends TracedRelation {
  /** Null where the server did not tell: no event trigger could be made there. */
  readonly reason: string | null;
  /** Guessed from the target's size; null without one. */
  readonly estimateMs: number | null;
}

export interface ScanTrace extends TracedRelation {
  /** How often: each index that a rewrite builds again reads the table once more. */
  readonly times: number;
  /** Rows that were read in all; 0 where the table was empty, so that it would be a scan of whatever the target holds. */
  readonly rows: number;
  /** Null too for a table that the statement writes anew: its rewrite has an estimate for all of it. */
  readonly estimateMs: number | null;
}

export interface IndexTrace extends TracedRelation {
  /** False when an index that was there was built again. */
  readonly isNew: boolean;
}

export interface TableSize {
  /** What was counted last; null when nobody counted yet. */
  readonly rows: number | null;
  readonly tableBytes: number;
  readonly indexBytes: number;
}

export interface StatementTrace {
  readonly line: number;
  readonly text: string;
  readonly durationMs: number;
  /** Locks that this statement took or made stronger. */
  readonly locks: readonly LockTrace[];
  /** Locks of statements before it in the same transaction that were still held when it ran. */
  readonly stillHeld: readonly HeldLock[];
  readonly rewrites: readonly RewriteTrace[];
  readonly scans: readonly ScanTrace[];
  readonly indexBuilds: readonly IndexTrace[];
  /** How often another session looked at its locks, where it could not run in a transaction; null where they were read inside. */
  readonly samples: number | null;
  /** Why it was not run here; null when it was. */
  readonly notRun: string | null;
}

/** A lock that a migration gives back at COMMIT. */
export interface HeldLock {
  readonly name: string;
  readonly kind: RelationKind;
  readonly mode: LockMode;
  /** Line of the statement that took it; null when a migration before it did (on the target, where all share one transaction). */
  readonly sinceLine: number | null;
}

export interface MigrationTrace {
  readonly name: string;
  readonly path: string;
  readonly isTransactional: boolean;
  readonly durationMs: number;
  readonly statements: readonly StatementTrace[];
  /** Every lock that was held at the end of its transaction; empty for one that has none. */
  readonly held: readonly HeldLock[];
  /** Why it ran on empty tables although rows were wanted; null when it did not. */
  readonly emptied: string | null;
}

/** Whom a mode blocks: SELECT takes AccessShare, INSERT, UPDATE and DELETE RowExclusive. */
export function blocksOf(mode: LockMode): Blocks {
  if (mode === "AccessExclusiveLock") return "readers and writers";
  return lockModes.indexOf(mode) >= lockModes.indexOf("ShareLock") ? "writers" : "nobody";
}
