import type { DeepReadonly } from "./read-only.js";

/** What the store knows of a change beside its value. */
export interface RowMark {
  /** Grows with every change in the store; together with the epoch it says which of two rows is newer. */
  readonly version: number;
  /** The key is gone from memory, and the value is the last one that it had. */
  readonly deleted: boolean;
}

/** How a map is written to its table. */
export interface Mirror<V> {
  /** For people, and for whoever compares memory with the database. */
  readonly table: string;
  /**
   * Writes a batch. `$1` is a JSON array (as text) of what `toRow` made, no key twice; `$2` the fence's epoch, as text.
   * Returns one row `{ owned: boolean, written: number }`; `owned` is false once somebody else owns the data, and then it
   * has written nothing. `{owner}` in it stands for the fence's own SQL. It must lose against a newer row.
   */
  readonly statement: string;
  /** The row of a value. What it throws is treated as a row that the database refuses. */
  readonly toRow: (key: string, value: DeepReadonly<V>, mark: RowMark) => object;
  /** A map whose rows these refer to: what it held when a batch is taken is written before the batch is. */
  readonly after?: Settling;
}

/** Something whose changes reach the database at some time. */
export interface Settling {
  readonly name: string;
  /**
   * Resolves when every change up to this version is written, or refused for good; also when the store stops writing.
   * Never rejects.
   */
  settled(version: number): Promise<void>;
}

/** Proof that this process still owns what it writes. */
export interface Fence {
  /** Grows with each owner; an integer as text. */
  readonly epoch: string;
  /**
   * Body of a CTE: yields one row with a column `epoch` as long as the epoch `$2` owns, and holds that row so that taking
   * over waits for the batch. `SELECT epoch FROM owners WHERE epoch = $2::bigint AND stopped_at IS NULL FOR SHARE`.
   */
  readonly owner?: string;
}

/** The statement as it is sent, with the fence's proof in its place. */
export function withOwner(statement: string, fence: Fence): string {
  const owner = fence.owner ?? "SELECT $2::bigint AS epoch";
  return statement.replace("{owner}", () => owner);
}
