/** What is known of one room, from rows alone. Ids are text, whatever the app's own type; moments are epoch milliseconds. */
export interface RoomFacts {
  readonly roomId: string;
  /** One or two users. */
  readonly users: readonly string[];
  readonly status: RoomStatus;
  readonly startedAt: number | null;
  readonly updatedAt: number | null;
  readonly graceExpiresAt: number | null;
  readonly ownerEpoch: string | null;
  /** Of the server that owned the room; null where there is no record of it. */
  readonly ownerHeartbeatAt: number | null;
  readonly ownerStoppedAt: number | null;
  readonly version: string | null;
  /** Why the app does not want this room back. */
  readonly blockedReason: string | null;
}

export const roomStatuses = ["active", "grace_period", "ended"] as const;
type RoomStatus = (typeof roomStatuses)[number];

export interface RecoveryRules {
  readonly freshnessSeconds: number;
  readonly graceSeconds: number;
  /** Epochs of servers that live and are not the one that starts: their rooms are theirs. */
  readonly otherOwners?: ReadonlySet<string>;
}

export type Verdict = "recover" | "end" | "skip";

export type Reason =
  | "was-active"
  | "was-in-grace"
  | "grace-ran-out-before-the-stop"
  | "grace-ran-out-while-down"
  | "blocked"
  | "user-in-newer-room"
  | "already-ended"
  | "owned-elsewhere"
  | "stale";

/** What becomes of one room. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: Reason;
  /** Of a recovered room: the moment when both sides have to be back. */
  readonly graceExpiresAt?: number;
}

/**
 * Judges one room by itself at the moment `now`. The order of the rules is part of them: an expired grace ends a room
 * however old it is, and only a room that would come back can be blocked.
 */
export function judgeRoom(room: RoomFacts, rules: RecoveryRules, now: number): Judgement {
  if (room.status === "ended") return alreadyEnded;
  if (room.ownerEpoch !== null && rules.otherOwners?.has(room.ownerEpoch)) return ownedElsewhere;
  const deadline = room.status === "grace_period" ? room.graceExpiresAt : null;
  if (deadline !== null && deadline <= now) return deadline <= lastSeen(room) ? ranOutBefore : ranOutWhileDown;
  if (ageMs(room, now) >= rules.freshnessSeconds * 1000) return stale;
  if (room.blockedReason !== null) return blocked;
  const fresh = now + rules.graceSeconds * 1000;
  return {
    verdict: "recover",
    reason: room.status === "active" ? "was-active" : "was-in-grace",
    graceExpiresAt: deadline === null ? fresh : Math.min(deadline, fresh),
  };
}

const alreadyEnded: Judgement = { verdict: "skip", reason: "already-ended" };
const ownedElsewhere: Judgement = { verdict: "skip", reason: "owned-elsewhere" };
const stale: Judgement = { verdict: "skip", reason: "stale" };
const blocked: Judgement = { verdict: "end", reason: "blocked" };
const ranOutBefore: Judgement = { verdict: "end", reason: "grace-ran-out-before-the-stop" };
const ranOutWhileDown: Judgement = { verdict: "end", reason: "grace-ran-out-while-down" };
/** Of a room whose user is in a newer one. */
export const overtaken: Judgement = { verdict: "end", reason: "user-in-newer-room" };

/** Since the last sign of life; infinite without any. */
export function ageMs({ updatedAt, ownerHeartbeatAt }: RoomFacts, now: number): number {
  return now - Math.max(updatedAt ?? never, ownerHeartbeatAt ?? never);
}

/**
 * When the call of a room was over that does not come back: nobody saw it after its last sign of life, and in grace it
 * cannot have lasted past its deadline.
 */
export function endOfCall(room: RoomFacts, now: number): number {
  const seenAt = lastSeen(room);
  const end = Math.min(seenAt === never ? (room.startedAt ?? now) : seenAt, now);
  return room.status === "grace_period" ? Math.min(room.graceExpiresAt ?? end, end) : end;
}

const never = Number.NEGATIVE_INFINITY;

/** A clean stop counts here: a room lived until then, although it does not live since. */
function lastSeen({ updatedAt, ownerHeartbeatAt, ownerStoppedAt }: RoomFacts): number {
  return Math.max(updatedAt ?? never, ownerHeartbeatAt ?? never, ownerStoppedAt ?? never);
}
