import { setImmediate as yieldToEvents } from "node:timers/promises";
import { messageOf } from "../core/errors.js";
import { graceOf } from "./deadlines.js";
import { dropInvites } from "./invites.js";
import type { Room } from "./model.js";
import { leaveQueue } from "./queue.js";
import type { Realtime } from "./realtime.js";
import { armGrace } from "./rejoin.js";
import { announceRoom } from "./room-view.js";
import { endRoomLater } from "./rooms-end.js";
import { readUsers } from "./rooms-users.js";
import { armTorch, startTorch } from "./torch.js";

/**
 * Takes up the rooms that a recovery has put into memory: their users have until the end of the grace period to come
 * back. A room whose user is in another room by now ends. Rooms that run already are left as they are, so a late
 * recovery may call it again.
 */
export async function armRooms(realtime: Realtime): Promise<void> {
  const { rooms, roomOf } = realtime.state;
  const armed: Room[] = [];
  let seen = 0;
  for (const room of rooms.values()) {
    seen += 1;
    if (seen % sliceRooms === 0) await yieldToEvents();
    if (room.endedAt !== null) continue;
    const isTaken = [room.user1, room.user2].some((userId) => (roomOf.get(userId) ?? room.roomId) !== room.roomId);
    if (isTaken) endRoomLater(realtime, room.roomId, "ended");
    else if (!isRunning(realtime, room)) {
      armRoom(realtime, room);
      armed.push(room);
    }
  }
  void learnNames(realtime, armed);
}

/** A few milliseconds of work. */
const sliceRooms = 500;

/** Of a room that nobody ended: a recovered one that is not whole and has no end to its waiting would stay for ever. */
function isRunning({ names, deadlines }: Realtime, { roomId, user1, user2, status }: Room): boolean {
  return names.has(user1) && names.has(user2) && (status === "active" || deadlines.has(graceOf(roomId)));
}

function armRoom(realtime: Realtime, loaded: Room): void {
  const { rooms, roomOf, presence } = realtime.state;
  // Both may have come back before this.
  const isWhole = loaded.user1Connected && loaded.user2Connected;
  const graceExpiresAt = loaded.graceExpiresAt ?? realtime.clock.now().getTime() + realtime.settings.graceMs;
  const room: Room = isWhole ? loaded : { ...loaded, status: "grace_period", graceExpiresAt };
  if (room.graceExpiresAt !== loaded.graceExpiresAt) rooms.set(room.roomId, room);
  for (const userId of [room.user1, room.user2]) {
    // Whoever is online already is in this room from now on, and waits for no other.
    leaveQueue(realtime, userId);
    dropInvites(realtime, userId);
    roomOf.set(userId, room.roomId);
    realtime.names.set(userId, presence.get(userId)?.name ?? "");
  }
  armGrace(realtime, room);
  // Nobody could speak while no server ran: the users have their time to come back before the rule goes on.
  if (realtime.state.activity.has(room.roomId)) armTorch(realtime, room, isWhole ? 0 : graceExpiresAt);
  else startTorch(realtime, room);
  announceRoom(realtime, room);
}

/** Recovered rows have no names. Until they are read, a partner who is away has none. */
async function learnNames(realtime: Realtime, rooms: readonly Room[]): Promise<void> {
  try {
    for (let first = 0; first < rooms.length; first += sliceRooms) {
      const database = realtime.link.database();
      if (database === undefined) return;
      const slice = rooms.slice(first, first + sliceRooms);
      const users = await readUsers(
        database,
        slice.flatMap(({ user1, user2 }) => [user1, user2]),
      );
      for (const [userId, { name }] of users) if (realtime.names.get(userId) === "") realtime.names.set(userId, name);
    }
  } catch (error) {
    realtime.log.warn({ error: messageOf(error) }, "names of recovered rooms could not be read");
  }
}
