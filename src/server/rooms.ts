/**
 * Rooms. A room is `active` while both sides are connected and in its grace period while one is not; it is over when the
 * grace period is. All of it happens in memory, at once: nothing here waits for the database.
 */
import { noteSeen } from "./cooldowns.js";
import { dropInvites } from "./invites.js";
import type { ChatMode, Room } from "./model.js";
import { leaveQueue } from "./queue.js";
import type { Realtime } from "./realtime.js";
import { type Refusal, refuse } from "./refusal.js";
import { announceRoom } from "./room-view.js";
import { startTimers } from "./timers.js";
import { startTorch } from "./torch.js";

/** A user's side of a room that is not over. */
export interface Seat {
  readonly ok: true;
  readonly room: Room;
  readonly partnerId: string;
  readonly isConnected: boolean;
  readonly isPartnerConnected: boolean;
}

/** Brings two connected users together. `user1` will make the WebRTC offer. */
export function createRoom(realtime: Realtime, users: readonly [string, string], chatMode: ChatMode): Room {
  const [user1, user2] = users;
  const room: Room = {
    roomId: realtime.newId(),
    user1,
    user2,
    startedAt: realtime.clock.now().getTime(),
    chatMode,
    status: "active",
    user1Connected: true,
    user2Connected: true,
    graceExpiresAt: null,
    endedAt: null,
  };
  for (const userId of users) {
    leaveQueue(realtime, userId);
    dropInvites(realtime, userId);
    realtime.state.roomOf.set(userId, room.roomId);
    realtime.names.set(userId, realtime.state.presence.get(userId)?.name ?? "");
  }
  realtime.state.rooms.set(room.roomId, room);
  noteSeen(realtime, room);
  startTimers(realtime, room);
  startTorch(realtime, room);
  announceRoom(realtime, room);
  return room;
}

/** The user's side of a room, or why there is none. */
export function findSeat(realtime: Realtime, userId: string, roomId: string): Seat | Refusal {
  const room = realtime.state.rooms.get(roomId);
  if (room === undefined) {
    const hasEnded = realtime.endedRooms.reasonFor(roomId, userId) !== undefined;
    return hasEnded ? refuse("room_ended", "this room is over") : refuse("no_such_room", "there is no such room");
  }
  const isUser1 = room.user1 === userId;
  if (!isUser1 && room.user2 !== userId) return refuse("not_your_room", "this is not your room");
  if (room.endedAt !== null) return refuse("room_ended", "this room is over");
  return {
    ok: true,
    room,
    partnerId: isUser1 ? room.user2 : room.user1,
    isConnected: isUser1 ? room.user1Connected : room.user2Connected,
    isPartnerConnected: isUser1 ? room.user2Connected : room.user1Connected,
  };
}

/** As `findSeat`, for what only a side that has joined may do. */
export function findJoinedSeat(realtime: Realtime, userId: string, roomId: string): Seat | Refusal {
  const seat = findSeat(realtime, userId, roomId);
  return seat.ok && !seat.isConnected ? refuse("invalid", "join the room first: room:rejoin") : seat;
}

/** The room that the user is in, if any. */
export function roomOfUser({ state }: Realtime, userId: string): Room | undefined {
  const roomId = state.roomOf.get(userId);
  return roomId === undefined ? undefined : state.rooms.get(roomId);
}
