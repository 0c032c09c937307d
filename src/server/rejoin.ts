/** How a side of a room goes away and comes back. */

import { graceOf } from "./deadlines.js";
import { type ChatLine, readMessages } from "./messages.js";
import type { Room } from "./model.js";
import type { Realtime } from "./realtime.js";
import { type Refusal, refuse } from "./refusal.js";
import { announceRoom, type RoomView, viewRoom } from "./room-view.js";
import { findSeat, roomOfUser } from "./rooms.js";
import { endRoomLater } from "./rooms-end.js";
import { startTimers, stopTimers } from "./timers.js";

export interface Rejoined {
  readonly ok: true;
  readonly room: RoomView;
  /** Those after the number that the client gave, at most 500. */
  readonly messages: readonly ChatLine[];
  /** False when there are more after these, or they could not be read now: ask again, after the last one. */
  readonly complete: boolean;
}

/** `room:join` and `room:rejoin`: takes the user's seat at once; only the messages may come from the database. */
export async function rejoinRoom(
  realtime: Realtime,
  userId: string,
  wish: { readonly roomId: string; readonly after: number },
): Promise<Rejoined | Refusal> {
  const seat = findSeat(realtime, userId, wish.roomId);
  if (!seat.ok) return seat;
  const { graceExpiresAt } = seat.room;
  if (graceExpiresAt !== null && graceExpiresAt <= realtime.clock.now().getTime()) {
    endRoomLater(realtime, wish.roomId, "grace");
    return refuse("room_ended", "this room is over");
  }
  if (!seat.isConnected) takeSeat(realtime, userId, seat.room);
  const messages = await readMessages(realtime, userId, wish);
  // As the room is now: a view from before the reading would be older than what its user was told meanwhile.
  const now = findSeat(realtime, userId, wish.roomId);
  return now.ok ? { ok: true, room: viewRoom(realtime, now.room, { userId }), ...messages } : now;
}

/** The user's connection is gone: the room waits for as long as the grace period lasts. The first drop sets its end. */
export function dropUser(realtime: Realtime, userId: string): void {
  const room = roomOfUser(realtime, userId);
  if (room === undefined || room.endedAt !== null) return;
  stopTimers(realtime, room);
  const waiting: Room = {
    ...room,
    ...(room.user1 === userId ? { user1Connected: false } : { user2Connected: false }),
    status: "grace_period",
    graceExpiresAt: room.graceExpiresAt ?? realtime.clock.now().getTime() + realtime.settings.graceMs,
  };
  realtime.state.rooms.set(room.roomId, waiting);
  armGrace(realtime, waiting);
  announceRoom(realtime, waiting);
}

/** Ends the room when its grace period does. A room without one is left alone. */
export function armGrace(realtime: Realtime, { roomId, graceExpiresAt }: Room): void {
  if (graceExpiresAt === null) return;
  realtime.deadlines.set(graceOf(roomId), graceExpiresAt, () => endRoomLater(realtime, roomId, "grace"));
}

/** Both have to negotiate anew when both are back: either side's peer connection may be gone. */
function takeSeat(realtime: Realtime, userId: string, room: Room): void {
  const seated = { ...room, ...(room.user1 === userId ? { user1Connected: true } : { user2Connected: true }) };
  const isWhole = seated.user1Connected && seated.user2Connected;
  const now: Room = isWhole ? { ...seated, status: "active", graceExpiresAt: null } : seated;
  realtime.state.rooms.set(room.roomId, now);
  if (isWhole) {
    realtime.deadlines.cancel(graceOf(room.roomId));
    startTimers(realtime, now);
  }
  announceRoom(realtime, now);
  if (isWhole) for (const id of [now.user1, now.user2]) realtime.send(id, "rtc:restart", { roomId: now.roomId });
}
