import type { Comparison } from "./compare.js";
import { describeLock, type FoundLock, newLocks } from "./compare.js";
import { type HeldLock, type LockTrace, lockModes } from "./model.js";
import { describeRelation, type Relations } from "./state.js";

/**
 * Which statement of a transaction took which lock, in each mode that a relation was held in. Kept as the statements run,
 * so that thousands of them need no second look at each other.
 */
export interface LockLedger {
  /** Locks of a statement; how long they are held is filled in when it is known. */
  note(comparison: Comparison, timing: StatementTiming): readonly LockTrace[];
  /** A lock as held, with the first line that took it in this mode. */
  describe(lock: FoundLock): HeldLock;
  /** COMMIT gives everything back now. */
  close(endedMs: number): void;
}

interface StatementTiming {
  readonly startedMs: number;
  readonly durationMs: number;
}

/** One mode of one relation, as long as it is held. */
interface Entry {
  readonly strength: number;
  readonly line: number;
  readonly place: number;
  readonly startedMs: number;
  readonly trace: Writable<LockTrace>;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

export function openLedger(base: Relations, first: Relations): LockLedger {
  const held = new Map<number, Entry[]>();
  const described = new Map<string, HeldLock>();
  let count = 0;
  return {
    note(comparison, { startedMs, durationMs }) {
      giveBack(held, comparison.after.strengths);
      count += 1;
      return newLocks(comparison).map((lock) => {
        const trace = { ...describeLock(lock, base, first), heldForStatements: 0, heldMs: durationMs };
        const { line } = comparison.statement;
        const entry = { strength: lockModes.indexOf(lock.mode) + 1, line, place: count, startedMs, trace };
        held.set(lock.oid, [...(held.get(lock.oid) ?? []), entry]);
        return trace;
      });
    },
    describe({ oid, mode }) {
      const strength = lockModes.indexOf(mode) + 1;
      const sinceLine = held.get(oid)?.find((entry) => entry.strength >= strength)?.line ?? null;
      const key = `${oid} ${mode} ${sinceLine}`;
      // Shared: a lock that is held by thousands of statements is told in each of them.
      const known = described.get(key);
      if (known) return known;
      const { name, kind } = describeRelation({ oid }, base, first);
      const fresh = { name, kind, mode, sinceLine };
      described.set(key, fresh);
      return fresh;
    },
    close(endedMs) {
      for (const { trace, place, startedMs } of [...held.values()].flat()) {
        trace.heldForStatements = count - place;
        trace.heldMs = endedMs - startedMs;
      }
    },
  };
}

/** A savepoint that was rolled back gave back what was taken since. */
function giveBack(held: Map<number, Entry[]>, strengths: ReadonlyMap<number, number>): void {
  for (const [oid, entries] of held) {
    const strength = strengths.get(oid) ?? 0;
    if (entries.every((entry) => entry.strength <= strength)) continue;
    held.set(
      oid,
      entries.filter((entry) => entry.strength <= strength),
    );
  }
}
