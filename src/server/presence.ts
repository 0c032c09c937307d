import { dropInvites } from "./invites.js";
import type { Identity } from "./model.js";
import { leaveQueue, queuedCount } from "./queue.js";
import type { Realtime } from "./realtime.js";
import { dropUser } from "./rejoin.js";
import { type RoomView, viewRoom } from "./room-view.js";
import { roomOfUser } from "./rooms.js";

/** What a client is told as soon as it is connected. */
export interface SessionView {
  readonly userId: string;
  readonly name: string;
  readonly epoch: string | null;
  /** The room to come back to. */
  readonly room: RoomView | null;
  readonly serverTime: number;
}

export interface PresenceCounts {
  readonly online: number;
  readonly queued: number;
}

/** A user has connected. A room of theirs goes on only once they join it again. */
export function arrive(realtime: Realtime, { userId, name }: Identity, socketId: string): SessionView {
  const connectedAt = realtime.clock.now().getTime();
  realtime.state.presence.set(userId, { userId, name, socketId, connectedAt, queuedFor: null, queuedAt: null });
  const room = roomOfUser(realtime, userId);
  if (realtime.names.has(userId)) realtime.names.set(userId, name);
  return {
    userId,
    name,
    epoch: realtime.link.epoch() ?? null,
    room: room === undefined ? null : viewRoom(realtime, room, { userId }),
    serverTime: connectedAt,
  };
}

/** The user's connection is gone. */
export function depart(realtime: Realtime, userId: string): void {
  leaveQueue(realtime, userId);
  dropInvites(realtime, userId);
  realtime.state.presence.delete(userId);
  if (!realtime.state.roomOf.has(userId)) realtime.state.seen.delete(userId);
  dropUser(realtime, userId);
}

/** `presence`: who of these users is connected. */
export function whoIsOnline(realtime: Realtime, userIds: readonly string[]): { ok: true; online: readonly string[] } {
  return { ok: true, online: userIds.filter((userId) => realtime.state.presence.has(userId)) };
}

export function countPresence(realtime: Realtime): PresenceCounts {
  return { online: realtime.state.presence.size, queued: queuedCount(realtime) };
}
