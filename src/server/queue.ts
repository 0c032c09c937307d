import { mayMeet } from "./cooldowns.js";
import type { ChatMode } from "./model.js";
import type { Realtime } from "./realtime.js";
import { type Refusal, refuse } from "./refusal.js";
import { type RoomView, viewRoom } from "./room-view.js";
import { createRoom } from "./rooms.js";

/** Who waits for a partner, per mode: user → since when, the longest waiting first. */
export type Queues = Readonly<Record<ChatMode, Map<string, number>>>;

export type Queued =
  | { readonly ok: true; readonly queued: true }
  | { readonly ok: true; readonly queued: false; readonly room: RoomView };

/** Nobody in the queue may meet another in it, or they would have met: only cooldowns that end bring pairs together. */
const rematched = 100;

export function createQueues(): Queues {
  return { video: new Map(), text: new Map() };
}

export function queuedCount({ queues }: Realtime): number {
  return queues.video.size + queues.text.size;
}

/** `queue:join`: a room with whoever has waited longest and may be met, or a place at the end of the queue. */
export function joinQueue(realtime: Realtime, userId: string, mode: ChatMode): Queued | Refusal {
  if (realtime.state.roomOf.has(userId)) return refuse("busy", "you are in a room");
  const partnerId = findPartner(realtime, userId, mode);
  if (partnerId !== undefined) {
    const room = createRoom(realtime, [partnerId, userId], mode);
    return { ok: true, queued: false, room: viewRoom(realtime, room, { userId }) };
  }
  if (realtime.queues[mode].has(userId)) return { ok: true, queued: true };
  leaveQueue(realtime, userId);
  const queuedAt = realtime.clock.now().getTime();
  realtime.queues[mode].set(userId, queuedAt);
  realtime.state.presence.update(userId, (known) => known && { ...known, queuedFor: mode, queuedAt });
  return { ok: true, queued: true };
}

export function leaveQueue(realtime: Realtime, userId: string): void {
  const wasQueued = realtime.queues.video.delete(userId) || realtime.queues.text.delete(userId);
  if (!wasQueued) return;
  realtime.state.presence.update(userId, (known) => known && { ...known, queuedFor: null, queuedAt: null });
}

/** Brings those together whose cooldown has ended while both waited. */
export function rematch(realtime: Realtime): void {
  for (const mode of ["video", "text"] as const) {
    for (const userId of [...realtime.queues[mode].keys()].slice(0, rematched)) {
      if (!realtime.queues[mode].has(userId)) continue;
      const partnerId = findPartner(realtime, userId, mode);
      if (partnerId !== undefined) createRoom(realtime, [userId, partnerId], mode);
    }
  }
}

function findPartner(realtime: Realtime, userId: string, mode: ChatMode): string | undefined {
  for (const waiting of realtime.queues[mode].keys()) {
    if (waiting !== userId && mayMeet(realtime, userId, waiting)) return waiting;
  }
  return undefined;
}
