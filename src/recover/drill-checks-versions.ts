import { type Check, violate } from "./drill-case.js";
import type { RowMark } from "./drill-evidence.js";

/** I18: from one reading of the rows to the next, no row is of an older epoch, or of an older version under the same one. */
export const checkVersions: Check = (facts) => {
  const { marksBefore, before, rows, afterZombie, marksAfter } = facts.evidence;
  const known = new Map<string, RowMark>(marksBefore);
  const read = [...(before?.rooms ?? []), ...rows.rooms, ...(afterZombie?.rows.rooms ?? [])];
  const marks = [...read.map((row) => [row.roomId, row] as const), ...marksAfter];
  return marks.flatMap(([roomId, row]) => {
    const last = known.get(roomId);
    known.set(roomId, row);
    return violate(facts, last !== undefined && isOlder(row, last), [
      "I18",
      roomId,
      `the row of the room ${roomId} was at ${last && nameOf(last)}, and went back to ${nameOf(row)}`,
    ]);
  });
};

function isOlder(row: RowMark, than: RowMark): boolean {
  const [epoch, lastEpoch] = [BigInt(row.ownerEpoch), BigInt(than.ownerEpoch)];
  return epoch < lastEpoch || (epoch === lastEpoch && BigInt(row.version) < BigInt(than.version));
}

function nameOf({ ownerEpoch, version }: RowMark): string {
  return `version ${version} of epoch ${ownerEpoch}`;
}
