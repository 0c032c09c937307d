import type { Rows } from "./drill-model.js";

/** What was found after a strike, as plain data for the checks. */

/** A room that was put into the rows before a start, to see whether the start takes it. */
export interface PlantedRoom {
  readonly roomId: string;
  readonly users: readonly [string, string];
  /** From when on it is too old to come back, by the database's clock. */
  readonly staleAt: number;
}

/** A text room that was put into the rows, whose users have been silent since then or longer. */
export interface PlantedSilence extends PlantedRoom {
  /** What the rule does next, and when that is due were there no restart; by the database's clock. */
  readonly next: "torch:warning" | "torch:ended";
  readonly dueAt: number;
}

/** A user who may make so many more links until its window is over. */
export interface UsedLimit {
  readonly userId: string;
  readonly left: number;
  readonly windowEndsAt: number;
}

/** Where a room's row stood: the epoch that wrote it, and its version under that. */
export interface RowMark {
  readonly ownerEpoch: string;
  readonly version: string;
}

/** What a strike did, and what was found after it. */
export interface Evidence {
  readonly cycle: number;
  readonly nemesis: string;
  /** When the server that was struck began to listen. */
  readonly servedFrom: number;
  /** When it stopped working: nothing that it tells later counts. */
  readonly deadAt: number;
  /** Everything told before was known to be written: an orderly end, or a quiet moment before a kill. */
  readonly safeAt?: number;
  /** From when on the database could not be reached, until the end of the server. */
  readonly outageFrom?: number;
  /** The flush interval, and how long a batch may take on top. */
  readonly windowMs: number;
  readonly allowanceMs: number;
  /** The new server. */
  readonly epoch: string;
  readonly listeningAt: number;
  readonly graceMs: number;
  /** Read when the old server's sessions had ended and before the new one started; where that was waited for. */
  readonly before?: Rows;
  /** What `recover --dry-run` said at that moment: rooms that would come back. */
  readonly planned?: readonly string[];
  /** Read once the new server listened. */
  readonly rows: Rows;
  /** Read after that, when a server that was overtaken had woken up and ended. */
  readonly afterZombie?: { readonly rows: Rows; readonly exitCode: number | null };
  /** How many changes were still not written long after the database was back. */
  readonly stuck?: number;
  /** Its exit code, where it was asked to stop. */
  readonly drainExit?: number | null;
  /** When its successor was started. */
  readonly startedAt: number;
  readonly planted: readonly PlantedRoom[];
  /** Put into the rows before the server that was struck was started; and who had a limit almost used up by then. */
  readonly silences: readonly PlantedSilence[];
  readonly usedLimit?: UsedLimit;
  /** Rows of rooms as they were found in the cycle before. */
  readonly marksBefore: ReadonlyMap<string, RowMark>;
  /** As they were found last of all, when users had returned. */
  readonly marksAfter: ReadonlyMap<string, RowMark>;
  /** Rooms that were told of, or planted, in the cycles before. */
  readonly knownBefore: ReadonlySet<string>;
  /** Rooms that were found to have ended in the cycles before. */
  readonly endedBefore: ReadonlySet<string>;
  /** Timer totals as they were found before. */
  readonly timersBefore: ReadonlyMap<string, number>;
  /** How long each user had a connection, all told, in milliseconds. */
  readonly connectedMs: ReadonlyMap<string, number>;
}
