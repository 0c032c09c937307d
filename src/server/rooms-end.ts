import { bounded } from "./bounded.js";
import { startCooldown } from "./cooldowns.js";
import { graceOf } from "./deadlines.js";
import type { Room } from "./model.js";
import type { Realtime } from "./realtime.js";
import type { Refusal } from "./refusal.js";
import { announceRoom } from "./room-view.js";
import { findSeat } from "./rooms.js";
import type { EndReason } from "./rooms-ended.js";
import { stopTimers } from "./timers.js";
import { stopTorch } from "./torch.js";

/** `room:leave`: ends the room, and says whether its end is in the database already. */
export async function leaveRoom(
  realtime: Realtime,
  userId: string,
  roomId: string,
): Promise<{ readonly ok: true; readonly durable: boolean } | Refusal> {
  const seat = findSeat(realtime, userId, roomId);
  if (!seat.ok) return seat;
  return { ok: true, durable: await endRoomDurably(realtime, roomId, "left") };
}

/**
 * Ends a room for both sides, at once. True as soon as the end is in the database; false when that took longer than a
 * durable message may wait, or there is no database now: then it follows by itself.
 */
async function endRoomDurably(realtime: Realtime, roomId: string, reason: EndReason): Promise<boolean> {
  if (!(await endRoom(realtime, roomId, reason)) || realtime.link.status !== "up") return false;
  const { rooms } = realtime.state;
  // Late, refused or fenced: whatever it is, the end is not in the database now, and the store tells why.
  return rooms.flushed(rooms.lastVersion, { waitMs: realtime.settings.durableWaitMs }).then(
    () => true,
    () => false,
  );
}

/** False for a room that is over already. */
function endRoom(realtime: Realtime, roomId: string, reason: EndReason): Promise<boolean> {
  const ending = finishRoom(realtime, roomId, reason);
  realtime.endings.add(ending);
  const forget = () => realtime.endings.delete(ending);
  ending.then(forget, forget);
  return ending;
}

async function finishRoom(realtime: Realtime, roomId: string, reason: EndReason): Promise<boolean> {
  if (closeRoom(realtime, roomId, reason) === undefined) return false;
  // The history takes the messages from their table, so those on their way to it come first.
  const arriving = realtime.talks.arriving(roomId);
  if (arriving !== undefined) await bounded(arriving, realtime.settings.durableWaitMs);
  realtime.state.rooms.delete(roomId);
  realtime.talks.forget(roomId);
  realtime.state.memoryMessages.forget(roomId);
  return true;
}

/** What both sides see of the end. From here on the room refuses everything. */
function closeRoom(realtime: Realtime, roomId: string, reason: EndReason): Room | undefined {
  const { rooms } = realtime.state;
  const room = rooms.get(roomId);
  if (room === undefined || room.endedAt !== null) return undefined;
  const endedAt = realtime.clock.now().getTime();
  const ended: Room = { ...room, endedAt };
  rooms.set(roomId, ended);
  realtime.endedRooms.add(ended, reason);
  realtime.deadlines.cancel(graceOf(roomId));
  stopTimers(realtime, ended);
  stopTorch(realtime, roomId);
  startCooldown(realtime, ended, endedAt);
  announceRoom(realtime, ended, reason);
  for (const userId of [ended.user1, ended.user2]) leaveSeat(realtime, userId, roomId);
  return ended;
}

/** Forgets what is known of a user because of the room; whoever is in another one by now needs it there. */
function leaveSeat({ state, names }: Realtime, userId: string, roomId: string): void {
  const { roomOf, presence, seen } = state;
  if ((roomOf.get(userId) ?? roomId) !== roomId) return;
  roomOf.delete(userId);
  names.delete(userId);
  if (!presence.has(userId)) seen.delete(userId);
}

/** For ends that nobody waits for: it cannot fail, but a promise without a reader would hide it if it did. */
export function endRoomLater(realtime: Realtime, roomId: string, reason: EndReason): void {
  endRoom(realtime, roomId, reason).catch((error: unknown) => {
    realtime.log.error({ error, roomId }, "a room could not be ended");
  });
}
