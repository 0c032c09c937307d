import { formatName } from "../db/identifier.js";
import { type LockedTable, type LockMode, lockedTables, stopsWrites } from "./locked-tables.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintStatement } from "./rule.js";

/** The locks of a transaction that stop writes. */
export interface HeldLocks {
  /** The strongest such mode by table, as statements before this one took it; none where each has its own transaction. */
  readonly before: ReadonlyMap<string, LockMode>;
  /** The first old table that a statement before this one closed for reads too. */
  readonly closed: string | undefined;
  /** What this statement takes. */
  readonly own: readonly LockedTable[];
}

/**
 * The locks that are held when a statement's turn comes. Rules that ask for them must ask at each statement: what it
 * locks is known by the schema of that moment only.
 */
export function heldLocks(statement: LintStatement, context: LintContext): HeldLocks {
  const held = locksOfFile(context);
  if (held.index !== context.index) {
    if (context.isTransactional) keep(held);
    held.index = context.index;
    held.own = lockedTables(statement, context)
      .filter(({ mode }) => stopsWrites(mode))
      .map((lock) => ({ ...lock, isOld: !context.model.table(lock.table)?.isNew }));
  }
  return held;
}

/** True when the transaction has a lock on the table that is at least as strong. */
export function isHeld({ before }: HeldLocks, table: string, mode: LockMode): boolean {
  const there = before.get(table);
  return there !== undefined && byStrength.indexOf(there) >= byStrength.indexOf(mode);
}

const byStrength: readonly LockMode[] = ["Share", "ShareRowExclusive", "Exclusive", "AccessExclusive"];

interface Held extends HeldLocks {
  index: number;
  readonly before: Map<string, LockMode>;
  closed: string | undefined;
  own: readonly (LockedTable & { readonly isOld: boolean })[];
}

const locksOfFile = perFile((): Held => ({ index: -1, before: new Map(), closed: undefined, own: [] }));

function keep(held: Held): void {
  for (const { table, mode, isOld } of held.own) {
    const name = formatName(table);
    if (!isHeld(held, name, mode)) held.before.set(name, mode);
    if (mode === "AccessExclusive" && isOld) held.closed ??= name;
  }
}
