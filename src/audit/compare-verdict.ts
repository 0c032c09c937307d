import type { FieldDifference, RowMatch } from "./compare-rows.js";
import type { EntryAnswer } from "./live-protocol.js";

export const driftIds = [
  "live-missing-in-database",
  "live-missing-in-memory",
  "live-stale",
  "live-ahead",
  "live-differs",
] as const;
export type DriftId = (typeof driftIds)[number];

/** One key for which memory and the database do not agree. */
export interface Drift {
  readonly id: DriftId;
  /** As the server has it; as the database spells it where the server does not have it. */
  readonly key: string;
  readonly memoryVersion: string | null;
  readonly rowVersion: string | null;
  readonly rowEpoch: string | null;
  readonly fields: readonly FieldDifference[];
  /** Why a value of memory could never be written. */
  readonly refusal?: string;
}

/**
 * Whether an entry that is not on its way agrees with its row. Epochs decide before versions, versions before values: an
 * older row that happens to hold the same values was still not written.
 */
export function judgeEntry(entry: EntryAnswer, match: RowMatch, serverEpoch: string | undefined): Drift | undefined {
  const { isThere, fields, refusal } = match;
  const drift = (id: DriftId): Drift => ({
    id,
    key: entry.key,
    memoryVersion: entry.version ?? null,
    rowVersion: match.version,
    rowEpoch: match.epoch,
    fields,
    ...(refusal === undefined ? {} : { refusal }),
  });
  if (refusal !== undefined) return drift("live-differs");
  if (!isThere) return drift("live-missing-in-database");
  const order = compareMarks(entry, match, serverEpoch);
  if (order !== 0) return drift(order > 0 ? "live-ahead" : "live-stale");
  return fields.length > 0 ? drift("live-differs") : undefined;
}

/** Above 0 for a row that is newer than memory, below for one that is older. */
function compareMarks(entry: EntryAnswer, match: RowMatch, serverEpoch: string | undefined): number {
  const { version } = entry;
  const isChangedHere = isVersion(version) && BigInt(version) > 0n;
  if (isVersion(match.epoch) && serverEpoch !== undefined) {
    const order = compareNumbers(match.epoch, serverEpoch);
    // What a predecessor wrote is as it should be, until this server changes it.
    if (order !== 0) return order > 0 || isChangedHere ? order : 0;
  }
  return isChangedHere && isVersion(match.version) ? compareNumbers(match.version, version) : 0;
}

function isVersion(text: string | null | undefined): text is string {
  return typeof text === "string" && /^-?\d+$/.test(text);
}

function compareNumbers(a: string, b: string): number {
  const difference = BigInt(a) - BigInt(b);
  return difference === 0n ? 0 : difference > 0n ? 1 : -1;
}
