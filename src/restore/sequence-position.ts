/** Where a sequence stands: `isCalled` says whether `lastValue` has been handed out already. */
export interface Position {
  readonly lastValue: bigint;
  readonly isCalled: boolean;
}

export interface SequenceRange {
  readonly increment: bigint;
  readonly minimum: bigint;
  readonly maximum: bigint;
}

/**
 * Of several positions the one furthest along, so that no value is handed out twice: nextval after it is at or beyond
 * nextval after each of them. Positions that the range has not reached yet do not count; beyond its end is its end.
 */
export function furthestPosition(range: SequenceRange, positions: readonly Position[]): Position | undefined {
  const isUpward = range.increment > 0n;
  const along = (position: Position) => {
    const next = position.lastValue + (position.isCalled ? range.increment : 0n);
    return isUpward ? next : -next;
  };
  return positions
    .filter(({ lastValue }) => (isUpward ? lastValue >= range.minimum : lastValue <= range.maximum))
    .map((position) => withinRange(range, position))
    .reduce<Position | undefined>(
      (best, position) => (best !== undefined && along(best) >= along(position) ? best : position),
      undefined,
    );
}

function withinRange(range: SequenceRange, position: Position): Position {
  if (position.lastValue > range.maximum) return { lastValue: range.maximum, isCalled: true };
  if (position.lastValue < range.minimum) return { lastValue: range.minimum, isCalled: true };
  return position;
}
