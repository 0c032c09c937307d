import { messageOf, RoomctlError } from "../core/errors.js";
import { takeLimit } from "./limits.js";
import { type ChatLine, toLine } from "./messages.js";
import type { NewMessage, StoredMessage } from "./model.js";
import type { Realtime } from "./realtime.js";
import { type Refusal, refuse } from "./refusal.js";
import { findJoinedSeat, type Seat } from "./rooms.js";
import { noteSpoken } from "./torch.js";

export interface ChatWish {
  readonly roomId: string;
  /** Chosen by the client: sending it again is safe. */
  readonly messageId: string;
  readonly body: string;
}

export interface Said {
  readonly ok: true;
  readonly message: ChatLine;
  /** False only without a configured database. */
  readonly durable: boolean;
}

const tryAgainMs = 1_000;

/** `chat:message`: acknowledged, and shown to the partner, only once it is committed. */
export async function sayInRoom(
  realtime: Realtime,
  sender: { readonly userId: string; readonly ip: string },
  wish: ChatWish,
): Promise<Said | Refusal> {
  const seat = findJoinedSeat(realtime, sender.userId, wish.roomId);
  if (!seat.ok) return seat;
  const limit = takeLimit(realtime, "messages", sender);
  if (!limit.ok) return refuse("limited", "too many messages", limit.retryAfterMs);
  // Whoever tries to speak is not silent, even while the database keeps the message from being said.
  noteSpoken(realtime, seat.room, sender.userId);
  if (realtime.link.status === "down") return unavailable();
  const stored = await storeMessage(realtime, {
    ...wish,
    senderUserId: sender.userId,
    sentAt: realtime.clock.now().getTime(),
  });
  return "ok" in stored ? stored : deliver(realtime, seat, stored);
}

async function storeMessage(realtime: Realtime, message: NewMessage): Promise<StoredMessage | Refusal> {
  const arrival = realtime.state.messages.append(message);
  realtime.talks.track(message.roomId, arrival);
  try {
    const stored = await arrival;
    const isTheirs = stored.roomId === message.roomId && stored.senderUserId === message.senderUserId;
    return isTheirs ? stored : refuse("invalid", "this messageId is taken");
  } catch (error) {
    if (error instanceof RoomctlError && error.code === "E_UNAVAILABLE") return unavailable();
    realtime.log.warn({ error: messageOf(error), roomId: message.roomId }, "a message was refused by the database");
    return refuse("invalid", "this message cannot be stored");
  }
}

function deliver(realtime: Realtime, { room, partnerId }: Seat, stored: StoredMessage): Said {
  const durable = realtime.link.status !== "none";
  const message = toLine(stored);
  // What is kept for a room goes with its end: for one that is over, nothing would take it away again.
  const isOpen = realtime.state.rooms.has(room.roomId);
  if (isOpen && !durable) realtime.talks.keep(stored);
  if (isOpen && realtime.talks.isFirst(room.roomId, stored.messageId)) {
    realtime.send(partnerId, "chat:message", { roomId: room.roomId, message });
  }
  return { ok: true, message, durable };
}

function unavailable(): Refusal {
  return refuse(
    "unavailable",
    "the message could not be stored now; send it again with the same messageId",
    tryAgainMs,
  );
}
