import type { Judgement, Reason, Verdict } from "./judge.js";
import type { RecoveryPlan } from "./plan.js";

export interface RoomCounts {
  readonly recovered: number;
  readonly ended: number;
  readonly skipped: number;
  /** Each reason that came up, with its rooms. */
  readonly reasons: readonly ReasonCount[];
}

interface ReasonCount {
  readonly verdict: Verdict;
  readonly reason: Reason;
  readonly rooms: number;
}

const verdictOrder: readonly Verdict[] = ["recover", "end", "skip"];

/** How many rooms of each verdict, and of each reason. */
export function countRooms(rooms: readonly Pick<Judgement, "verdict" | "reason">[]): RoomCounts {
  const counter = createRoomCounter();
  for (const room of rooms) counter.add(room);
  return counter.counts();
}

/** Counts decisions as they come, for whoever does not keep them. */
export function createRoomCounter(): {
  add(judgement: Pick<Judgement, "verdict" | "reason">): void;
  counts(): RoomCounts;
} {
  const byReason = new Map<Reason, { readonly verdict: Verdict; readonly reason: Reason; rooms: number }>();
  return {
    add({ verdict, reason }) {
      const known = byReason.get(reason);
      if (known) known.rooms += 1;
      else byReason.set(reason, { verdict, reason, rooms: 1 });
    },
    counts() {
      const reasons = [...byReason.values()].sort(
        (a, b) => verdictOrder.indexOf(a.verdict) - verdictOrder.indexOf(b.verdict) || (a.reason < b.reason ? -1 : 1),
      );
      const total = (wanted: Verdict) =>
        reasons.reduce((sum, { verdict, rooms }) => sum + (verdict === wanted ? rooms : 0), 0);
      return { recovered: total("recover"), ended: total("end"), skipped: total("skip"), reasons };
    },
  };
}

/** One line for a log: what came back, what did not, and why. */
export function summaryLine({ counts, states }: Pick<RecoveryPlan, "counts" | "states">): string {
  const part = (count: number, word: string, verdict: Verdict) => {
    const why = counts.reasons.filter((entry) => entry.verdict === verdict);
    return `${count} ${word}${why.length > 0 ? ` (${why.map(({ rooms, reason }) => `${rooms} ${reason}`).join(", ")})` : ""}`;
  };
  const rooms = [
    part(counts.recovered, "recovered", "recover"),
    part(counts.ended, "ended", "end"),
    part(counts.skipped, "skipped", "skip"),
  ];
  const others = states.map(
    ({ name, live, expired }) => `${name}: ${live} live${expired > 0 ? `, ${expired} not` : ""}`,
  );
  return [`rooms: ${rooms.join(", ")}`, ...others].join("; ");
}
