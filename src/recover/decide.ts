import { formatDuration } from "../core/duration.js";

/** What is known of one room, from rows alone. Ids are text, whatever the app's own type. */
export interface RoomFacts {
  readonly roomId: string;
  /** One or two users. */
  readonly users: readonly string[];
  readonly status: RoomStatus;
  readonly startedAt: Date | null;
  readonly updatedAt: Date | null;
  readonly graceExpiresAt: Date | null;
  readonly ownerEpoch: string | null;
  /** Of the server that owned the room; null where there is no record of it. */
  readonly ownerHeartbeatAt: Date | null;
  readonly ownerStoppedAt: Date | null;
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

/** What happens to one room, and why. */
export interface RoomDecision {
  readonly roomId: string;
  readonly verdict: Verdict;
  readonly reason: Reason;
  /** The reason as a sentence. */
  readonly explanation: string;
  /** Of a recovered room: how long both sides have to come back. */
  readonly secondsLeft?: number;
  /** Of a recovered room: the moment when that time is over. */
  readonly graceExpiresAt?: Date;
  /** Of an ended room: the moment when the call was over, from which its duration and cooldown count. */
  readonly endedAt?: Date;
}

/**
 * Decides every room at the moment `now`, in the order given. A user has one room: of several that could come back the
 * newest stays, and the others end.
 */
export function decideRooms(rooms: readonly RoomFacts[], rules: RecoveryRules, now: Date): readonly RoomDecision[] {
  const decide = createDecider(rules, now);
  const decisions = new Map([...rooms].sort(byNewest).map((room) => [room, decide(room)]));
  return rooms.flatMap((room) => decisions.get(room) ?? []);
}

/**
 * Decides rooms that come one by one, the newest first; rooms of the same moment by falling id. `knownRoomOf` says in
 * which room a user is in any case.
 */
export function createDecider(
  rules: RecoveryRules,
  now: Date,
  knownRoomOf: (user: string) => string | undefined = () => undefined,
): (room: RoomFacts) => RoomDecision {
  const roomOf = new Map<string, string>();
  return (room) => {
    const decision = decideRoom(room, rules, now);
    if (decision.verdict !== "recover") return decision;
    for (const user of room.users) {
      const newer = roomOf.get(user) ?? knownRoomOf(user);
      if (newer === undefined || newer === room.roomId) continue;
      return end(room, now, "user-in-newer-room", `a user of it is in the newer room ${newer}`);
    }
    for (const user of room.users) roomOf.set(user, room.roomId);
    return decision;
  };
}

/**
 * Decides one room by itself at the moment `now`. The order of the rules is part of them: an expired grace ends a room
 * however old it is, and only a room that would come back can be blocked.
 */
export function decideRoom(room: RoomFacts, rules: RecoveryRules, now: Date): RoomDecision {
  if (room.status === "ended") return skip(room, "already-ended", "it has ended already");
  if (room.ownerEpoch !== null && rules.otherOwners?.has(room.ownerEpoch)) {
    return skip(room, "owned-elsewhere", `the living server ${room.ownerEpoch} owns it`);
  }
  const deadline = room.status === "grace_period" ? room.graceExpiresAt : null;
  if (deadline !== null && deadline <= now) return endExpired(room, deadline, now);
  const seenAt = latest([room.updatedAt, room.ownerHeartbeatAt]);
  const ageMs = seenAt === null ? Number.POSITIVE_INFINITY : now.getTime() - seenAt.getTime();
  if (ageMs >= rules.freshnessSeconds * 1000) return skip(room, "stale", `stale: ${describeAge(ageMs)}`);
  if (room.blockedReason !== null) return end(room, now, "blocked", room.blockedReason);
  return recover(room, { rules, now, deadline, ageMs });
}

function recover(
  { roomId, status }: RoomFacts,
  facts: {
    readonly rules: RecoveryRules;
    readonly now: Date;
    readonly deadline: Date | null;
    readonly ageMs: number;
  },
): RoomDecision {
  const fresh = new Date(facts.now.getTime() + facts.rules.graceSeconds * 1000);
  const keepsDeadline = facts.deadline !== null && facts.deadline < fresh;
  const graceExpiresAt = keepsDeadline && facts.deadline !== null ? facts.deadline : fresh;
  const isActive = status === "active";
  return {
    roomId,
    verdict: "recover",
    reason: isActive ? "was-active" : "was-in-grace",
    explanation: `${isActive ? "active" : "in grace"}, ${describeAge(facts.ageMs)}${keepsDeadline ? "; its deadline stands" : ""}`,
    secondsLeft: (graceExpiresAt.getTime() - facts.now.getTime()) / 1000,
    graceExpiresAt,
  };
}

function endExpired(room: RoomFacts, deadline: Date, now: Date): RoomDecision {
  const ago = formatDuration(now.getTime() - deadline.getTime());
  const stoppedAt = latest([room.updatedAt, room.ownerHeartbeatAt, room.ownerStoppedAt]);
  return stoppedAt !== null && deadline <= stoppedAt
    ? end(room, now, "grace-ran-out-before-the-stop", `its grace ran out ${ago} ago, while its server still ran`)
    : end(room, now, "grace-ran-out-while-down", `its grace ran out ${ago} ago, while no server ran`);
}

function end(room: RoomFacts, now: Date, reason: Reason, explanation: string): RoomDecision {
  return { roomId: room.roomId, verdict: "end", reason, explanation, endedAt: endOf(room, now) };
}

function skip({ roomId }: RoomFacts, reason: Reason, explanation: string): RoomDecision {
  return { roomId, verdict: "skip", reason, explanation };
}

/** Nobody saw the call after its last sign of life, and in grace it cannot have lasted past its deadline. */
function endOf(room: RoomFacts, now: Date): Date {
  const seenAt = latest([room.updatedAt, room.ownerHeartbeatAt, room.ownerStoppedAt]) ?? room.startedAt ?? now;
  const bounds = [seenAt, now, ...(room.status === "grace_period" && room.graceExpiresAt ? [room.graceExpiresAt] : [])];
  return new Date(Math.min(...bounds.map((bound) => bound.getTime())));
}

function latest(times: readonly (Date | null)[]): Date | null {
  return times.reduce((newest, time) => (newest === null || (time !== null && time > newest) ? time : newest), null);
}

function describeAge(ageMs: number): string {
  if (!Number.isFinite(ageMs)) return "no sign of life on record";
  return `last sign of life ${formatDuration(Math.max(0, ageMs))} ago`;
}

/** By start, then by the id, so that every run picks the same room. */
function byNewest(a: RoomFacts, b: RoomFacts): number {
  const difference = (b.startedAt?.getTime() ?? 0) - (a.startedAt?.getTime() ?? 0);
  return difference || (a.roomId < b.roomId ? 1 : -1);
}
