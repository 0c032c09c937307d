import { formatDuration } from "../core/duration.js";
import { createContest } from "./contest.js";
import { ageMs, endOfCall, type Judgement, judgeRoom, overtaken, type RecoveryRules, type RoomFacts } from "./judge.js";

/** What happens to one room, and why. */
export interface RoomDecision extends Omit<Judgement, "graceExpiresAt"> {
  readonly roomId: string;
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
  const contest = createContest();
  const judged = rooms.map((room) => {
    const judgement = judgeRoom(room, rules, now.getTime());
    if (judgement.verdict === "recover") contest.add({ room, users: room.users });
    return { room, judgement };
  });
  const losers = contest.losers();
  return judged.map(({ room, judgement }) => {
    const newer = losers.get(room.roomId);
    return toDecision(room, newer === undefined ? judgement : overtaken, { now: now.getTime(), newer });
  });
}

/** Decides one room by itself at the moment `now`. */
export function decideRoom(room: RoomFacts, rules: RecoveryRules, now: Date): RoomDecision {
  return toDecision(room, judgeRoom(room, rules, now.getTime()), { now: now.getTime() });
}

interface Circumstances {
  readonly now: number;
  /** The room that its users are in instead. */
  readonly newer?: string | undefined;
}

function toDecision(room: RoomFacts, judgement: Judgement, circumstances: Circumstances): RoomDecision {
  const { now } = circumstances;
  const { verdict, reason, graceExpiresAt } = judgement;
  const explanation = explain(room, judgement, circumstances);
  const decision = { roomId: room.roomId, verdict, reason, explanation };
  if (verdict === "end") return { ...decision, endedAt: new Date(endOfCall(room, now)) };
  if (graceExpiresAt === undefined) return decision;
  return { ...decision, secondsLeft: (graceExpiresAt - now) / 1000, graceExpiresAt: new Date(graceExpiresAt) };
}

function explain(room: RoomFacts, { reason, graceExpiresAt }: Judgement, { now, newer }: Circumstances): string {
  switch (reason) {
    case "already-ended":
      return "it has ended already";
    case "owned-elsewhere":
      return `the living server ${room.ownerEpoch} owns it`;
    case "stale":
      return `stale: ${describeAge(room, now)}`;
    case "blocked":
      return room.blockedReason ?? "";
    case "user-in-newer-room":
      return `a user of it is in the newer room ${newer}`;
    case "was-active":
      return `active, ${describeAge(room, now)}`;
    case "was-in-grace":
      return `in grace, ${describeAge(room, now)}${graceExpiresAt === room.graceExpiresAt ? "; its deadline stands" : ""}`;
    case "grace-ran-out-before-the-stop":
      return `its grace ran out ${graceAge(room, now)} ago, while its server still ran`;
    case "grace-ran-out-while-down":
      return `its grace ran out ${graceAge(room, now)} ago, while no server ran`;
  }
}

function graceAge({ graceExpiresAt }: RoomFacts, now: number): string {
  return formatDuration(now - (graceExpiresAt ?? now));
}

function describeAge(room: RoomFacts, now: number): string {
  const age = ageMs(room, now);
  if (!Number.isFinite(age)) return "no sign of life on record";
  return `last sign of life ${formatDuration(Math.max(0, age))} ago`;
}
