import type { Room } from "./model.js";

export type EndReason = "left" | "grace" | "torch" | "banned" | "ended";

/** Rooms that ended lately, so that a side which comes back late is told so instead of "no such room". */
export interface EndedRooms {
  add(room: Room, reason: EndReason): void;
  /** Why the room ended; undefined when it is not known, or not this user's to know. */
  reasonFor(roomId: string, userId: string): EndReason | undefined;
}

const mostRemembered = 10_000;

export function createEndedRooms(): EndedRooms {
  const known = new Map<string, { readonly room: Room; readonly reason: EndReason }>();
  return {
    add(room, reason) {
      known.set(room.roomId, { room, reason });
      if (known.size <= mostRemembered) return;
      for (const oldest of known.keys()) return void known.delete(oldest);
    },
    reasonFor(roomId, userId) {
      const ended = known.get(roomId);
      return ended?.room.user1 === userId || ended?.room.user2 === userId ? ended.reason : undefined;
    },
  };
}
