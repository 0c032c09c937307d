import type { Room } from "./model.js";
import type { Realtime } from "./realtime.js";
import type { EndReason } from "./rooms-ended.js";

/** A room as one of its sides sees it. Moments are epoch milliseconds. */
export interface RoomView {
  readonly roomId: string;
  readonly mode: Room["chatMode"];
  readonly status: Room["status"] | "ended";
  readonly startedAt: number;
  readonly graceExpiresAt: number | null;
  readonly you: { readonly connected: boolean };
  readonly partner: { readonly userId: string; readonly name: string; readonly connected: boolean };
  /** This side makes the WebRTC offer. */
  readonly initiator: boolean;
  /** Why the room is over. */
  readonly reason?: EndReason;
}

/** `reason` is given for a room that is over. */
export function viewRoom(realtime: Realtime, room: Room, viewer: { userId: string; reason?: EndReason }): RoomView {
  const isUser1 = room.user1 === viewer.userId;
  const partnerId = isUser1 ? room.user2 : room.user1;
  const { reason } = viewer;
  return {
    roomId: room.roomId,
    mode: room.chatMode,
    status: reason === undefined ? room.status : "ended",
    startedAt: room.startedAt,
    graceExpiresAt: reason === undefined ? room.graceExpiresAt : null,
    you: { connected: isUser1 ? room.user1Connected : room.user2Connected },
    partner: {
      userId: partnerId,
      name: realtime.state.presence.get(partnerId)?.name ?? realtime.names.get(partnerId) ?? "",
      connected: isUser1 ? room.user2Connected : room.user1Connected,
    },
    initiator: isUser1,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Tells both sides how their room is now; who is not connected is told when coming back. */
export function announceRoom(realtime: Realtime, room: Room, reason?: EndReason): void {
  for (const userId of [room.user1, room.user2]) {
    realtime.send(userId, "room:state", { room: viewRoom(realtime, room, { userId, reason }) });
  }
}
