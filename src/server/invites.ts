import { mayMeet } from "./cooldowns.js";
import { takeLimit } from "./limits.js";
import { type ChatMode, type Invite, pairKey } from "./model.js";
import type { Realtime } from "./realtime.js";
import { type Answer, type Refusal, refuse } from "./refusal.js";
import { type RoomView, viewRoom } from "./room-view.js";
import { createRoom } from "./rooms.js";

/** Which invites are open, by their pair and by each of their users; the invites are in the map `invites`. */
export interface Invitations {
  readonly byPair: Map<string, string>;
  readonly byUser: Map<string, Set<string>>;
}

type DeclineReason = "declined" | "timeout" | "gone";

export interface InviteWish {
  readonly toUserId: string;
  readonly mode: ChatMode;
}

export function createInvitations(): Invitations {
  return { byPair: new Map(), byUser: new Map() };
}

/** `invite:send`: open until it is answered, its time is over, or either side goes away or into a room. */
export function sendInvite(
  realtime: Realtime,
  sender: { readonly userId: string; readonly name: string; readonly ip: string },
  { toUserId, mode }: InviteWish,
): { readonly ok: true; readonly inviteId: string; readonly expiresAt: number } | Refusal {
  const refusal = refuseInvite(realtime, sender.userId, toUserId);
  if (refusal !== undefined) return refusal;
  const limit = takeLimit(realtime, "invites", sender);
  if (!limit.ok) return refuse("limited", "too many invites", limit.retryAfterMs);
  const invite: Invite = {
    inviteId: realtime.newId(),
    fromUserId: sender.userId,
    toUserId,
    chatMode: mode,
    expiresAt: realtime.clock.now().getTime() + realtime.settings.inviteMs,
  };
  openInvite(realtime, invite);
  const { inviteId, expiresAt } = invite;
  realtime.send(toUserId, "invite:send", {
    inviteId,
    fromUserId: sender.userId,
    fromName: sender.name,
    mode,
    expiresAt,
  });
  return { ok: true, inviteId, expiresAt };
}

/** `invite:accept` by whom it was sent to. */
export function acceptInvite(
  realtime: Realtime,
  userId: string,
  inviteId: string,
): { readonly ok: true; readonly room: RoomView } | Refusal {
  const invite = openInviteTo(realtime, userId, inviteId);
  if (invite === undefined) return refuse("invalid", "there is no such invite, or it is over");
  closeInvite(realtime, invite);
  const refusal = refuseMeeting(realtime, invite.fromUserId, userId);
  if (refusal !== undefined) {
    tellDeclined(realtime, invite, "gone");
    return refusal;
  }
  const room = createRoom(realtime, [invite.fromUserId, userId], invite.chatMode);
  const sendersView = viewRoom(realtime, room, { userId: invite.fromUserId });
  realtime.send(invite.fromUserId, "invite:accept", { inviteId, room: sendersView });
  return { ok: true, room: viewRoom(realtime, room, { userId }) };
}

/** `invite:decline` by either side: the sender takes it back. */
export function declineInvite(realtime: Realtime, userId: string, inviteId: string): Answer {
  const invite = realtime.state.invites.get(inviteId);
  if (invite?.toUserId !== userId && invite?.fromUserId !== userId) {
    return refuse("invalid", "there is no such invite, or it is over");
  }
  closeInvite(realtime, invite);
  tellDeclined(realtime, invite, invite.toUserId === userId ? "declined" : "gone");
  return { ok: true };
}

/** The user goes away or into a room: every open invite of theirs is over. */
export function dropInvites(realtime: Realtime, userId: string): void {
  for (const inviteId of [...(realtime.invitations.byUser.get(userId) ?? [])]) {
    const invite = realtime.state.invites.get(inviteId);
    if (invite === undefined) continue;
    closeInvite(realtime, invite);
    tellDeclined(realtime, invite, "gone");
  }
}

function refuseInvite(realtime: Realtime, fromUserId: string, toUserId: string): Refusal | undefined {
  if (fromUserId === toUserId) return refuse("invalid", "an invite to yourself");
  const openId = realtime.invitations.byPair.get(pairKey(fromUserId, toUserId));
  if (openId !== undefined) {
    const waitMs = (realtime.state.invites.get(openId)?.expiresAt ?? 0) - realtime.clock.now().getTime();
    return refuse("busy", "there is an open invite between you two", Math.max(1, waitMs));
  }
  return refuseMeeting(realtime, fromUserId, toUserId);
}

function refuseMeeting(realtime: Realtime, fromUserId: string, toUserId: string): Refusal | undefined {
  const { presence, roomOf } = realtime.state;
  if (!presence.has(toUserId) || !presence.has(fromUserId)) return refuse("offline", "the other user is not online");
  if (roomOf.has(fromUserId) || roomOf.has(toUserId)) return refuse("busy", "one of you is in a room");
  if (!mayMeet(realtime, fromUserId, toUserId)) return refuse("cooldown", "you two have met lately");
  return undefined;
}

function openInviteTo(realtime: Realtime, userId: string, inviteId: string): Invite | undefined {
  const invite = realtime.state.invites.get(inviteId);
  const isOpen = invite?.toUserId === userId && invite.expiresAt > realtime.clock.now().getTime();
  return isOpen ? invite : undefined;
}

function openInvite(realtime: Realtime, invite: Invite): void {
  const { byPair, byUser } = realtime.invitations;
  realtime.state.invites.set(invite.inviteId, invite);
  byPair.set(pairKey(invite.fromUserId, invite.toUserId), invite.inviteId);
  for (const userId of [invite.fromUserId, invite.toUserId]) {
    const ids = byUser.get(userId) ?? new Set();
    byUser.set(userId, ids.add(invite.inviteId));
  }
  realtime.deadlines.set(`invite:${invite.inviteId}`, invite.expiresAt, () => {
    closeInvite(realtime, invite);
    tellDeclined(realtime, invite, "timeout");
  });
}

function closeInvite(realtime: Realtime, { inviteId, fromUserId, toUserId }: Invite): void {
  const { byPair, byUser } = realtime.invitations;
  realtime.deadlines.cancel(`invite:${inviteId}`);
  realtime.state.invites.delete(inviteId);
  byPair.delete(pairKey(fromUserId, toUserId));
  for (const userId of [fromUserId, toUserId]) {
    const ids = byUser.get(userId);
    ids?.delete(inviteId);
    if (ids?.size === 0) byUser.delete(userId);
  }
}

/** Whoever did not answer it hears of it too: its page must stop asking. */
function tellDeclined(realtime: Realtime, invite: Invite, reason: DeclineReason): void {
  const payload = { inviteId: invite.inviteId, reason };
  realtime.send(invite.fromUserId, "invite:decline", payload);
  if (reason !== "declined") realtime.send(invite.toUserId, "invite:decline", payload);
}
