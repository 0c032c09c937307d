import type { Realtime } from "./realtime.js";
import { type Answer, refuse } from "./refusal.js";
import { findJoinedSeat } from "./rooms.js";

export type SignalEvent = "rtc:offer" | "rtc:answer" | "rtc:ice";

/** Passes a WebRTC signal on to the partner, as it is, and to nobody else. Never waits. */
export function relaySignal(
  realtime: Realtime,
  fromUserId: string,
  { event, signal }: { readonly event: SignalEvent; readonly signal: { readonly roomId: string } },
): Answer {
  const seat = findJoinedSeat(realtime, fromUserId, signal.roomId);
  if (!seat.ok) return seat;
  const isDelivered = seat.isPartnerConnected && realtime.send(seat.partnerId, event, { ...signal, fromUserId });
  return isDelivered ? delivered : away;
}

const delivered: Answer = { ok: true };
const away: Answer = refuse("partner_away", "the partner is not connected now");
