/**
 * The torch rule of text rooms: a side that is silent for a while starts a warning, more silence ends the room, and a
 * message of the silent side clears it. Everything follows from moments in the map `activity`, so it survives a restart.
 */
import type { Room, TextRoomActivity } from "./model.js";
import type { Realtime } from "./realtime.js";
import { endRoomLater } from "./rooms-end.js";

/** A text room begins, or one without a memory of who spoke goes on: both sides count as having spoken just now. */
export function startTorch(realtime: Realtime, room: Room): void {
  if (room.chatMode !== "text") return;
  const { roomId } = room;
  const now = realtime.clock.now().getTime();
  const fresh = { roomId, user1LastMessageAt: now, user2LastMessageAt: now, warningStartedAt: null };
  realtime.state.activity.set(roomId, fresh);
  armTorch(realtime, room);
}

/** Sets the next moment of the rule: the warning, or the end after it; neither before `earliestAt`. */
export function armTorch(realtime: Realtime, room: Room, earliestAt = 0): void {
  const activity = realtime.state.activity.get(room.roomId);
  if (room.chatMode !== "text" || activity === undefined) return;
  const { torchSilenceMs, torchWarningMs } = realtime.settings;
  const { warningStartedAt } = activity;
  const at =
    warningStartedAt === null
      ? Math.min(...sidesOf(room, activity).map(({ since }) => since)) + torchSilenceMs
      : warningStartedAt + torchWarningMs;
  realtime.deadlines.set(`torch:${room.roomId}`, Math.max(at, earliestAt), () => reachTorch(realtime, room.roomId));
}

/** A side has spoken: its silence is over, and so is the warning unless the other side is silent too. */
export function noteSpoken(realtime: Realtime, room: Room, userId: string): void {
  if (room.chatMode !== "text") return;
  const now = realtime.clock.now().getTime();
  const before = realtime.state.activity.get(room.roomId);
  if (before === undefined) return;
  const spoken: TextRoomActivity = {
    ...before,
    ...(room.user1 === userId ? { user1LastMessageAt: now } : { user2LastMessageAt: now }),
  };
  const stillSilent = before.warningStartedAt === null ? undefined : silentSides(realtime, room, spoken)[0];
  // The other side's warning counts from when its own silence was too long, not from when this side's was.
  const ownStart = (stillSilent?.since ?? 0) + realtime.settings.torchSilenceMs;
  const warningStartedAt = stillSilent === undefined ? null : Math.max(before.warningStartedAt ?? 0, ownStart);
  realtime.state.activity.set(room.roomId, { ...spoken, warningStartedAt });
  armTorch(realtime, room);
  if (before.warningStartedAt === null) return;
  if (warningStartedAt === null) tell(realtime, room, "torch:warning", { cleared: true });
  else warnOf(realtime, room, warningStartedAt);
}

export function stopTorch(realtime: Realtime, roomId: string): void {
  realtime.deadlines.cancel(`torch:${roomId}`);
  realtime.state.activity.delete(roomId);
}

function reachTorch(realtime: Realtime, roomId: string): void {
  const room = realtime.state.rooms.get(roomId);
  const activity = realtime.state.activity.get(roomId);
  if (room === undefined || room.endedAt !== null || activity === undefined) return;
  if (activity.warningStartedAt !== null) {
    tell(realtime, room, "torch:ended", {});
    endRoomLater(realtime, roomId, "torch");
    return;
  }
  const warningStartedAt = realtime.clock.now().getTime();
  realtime.state.activity.set(roomId, { ...activity, warningStartedAt });
  armTorch(realtime, room);
  warnOf(realtime, room, warningStartedAt);
}

/** One warning for each side that is silent. */
function warnOf(realtime: Realtime, room: Room, warningStartedAt: number): void {
  const activity = realtime.state.activity.get(room.roomId);
  if (activity === undefined) return;
  const endsAt = warningStartedAt + realtime.settings.torchWarningMs;
  for (const { userId } of silentSides(realtime, room, activity))
    tell(realtime, room, "torch:warning", { userId, endsAt });
}

interface Side {
  readonly userId: string;
  /** Since when it has said nothing. */
  readonly since: number;
}

function sidesOf(room: Room, activity: TextRoomActivity): readonly Side[] {
  return [
    { userId: room.user1, since: activity.user1LastMessageAt ?? room.startedAt },
    { userId: room.user2, since: activity.user2LastMessageAt ?? room.startedAt },
  ];
}

function silentSides(realtime: Realtime, room: Room, activity: TextRoomActivity): readonly Side[] {
  const latest = realtime.clock.now().getTime() - realtime.settings.torchSilenceMs;
  return sidesOf(room, activity).filter(({ since }) => since <= latest);
}

function tell(realtime: Realtime, room: Room, event: string, payload: object): void {
  for (const userId of [room.user1, room.user2]) realtime.send(userId, event, { roomId: room.roomId, ...payload });
}
