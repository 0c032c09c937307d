/**
 * What the server holds in memory, one type per container. Moments are epoch milliseconds by the server's steady clock;
 * `state.ts` turns them into the database's time where they become rows.
 */

export type ChatMode = "video" | "text";

/** One 1:1 room. Key: the room's id. Deleting it is its clean end: the row, history and cooldown follow by themselves. */
export interface Room {
  readonly roomId: string;
  readonly user1: string;
  readonly user2: string;
  readonly startedAt: number;
  readonly chatMode: ChatMode;
  readonly status: "active" | "grace_period";
  readonly user1Connected: boolean;
  readonly user2Connected: boolean;
  readonly graceExpiresAt: number | null;
  /** Set in the update right before the room is deleted: when the call was over. */
  readonly endedAt: number | null;
}

/** When a side of a text room spoke last. Key: the room's id. */
export interface TextRoomActivity {
  readonly roomId: string;
  readonly user1LastMessageAt: number | null;
  readonly user2LastMessageAt: number | null;
  readonly warningStartedAt: number | null;
}

/** Key: the referral code. */
export interface ReferralMapping {
  readonly referralCode: string;
  readonly targetUserId: string;
  readonly createdByUserId: string | null;
  readonly targetName: string;
  readonly createdByName: string;
  readonly createdAt: number;
}

/** Key: `pairKey(a, b)`. */
export interface Cooldown {
  readonly userLow: string;
  readonly userHigh: string;
  readonly expiresAt: number;
}

/** Key: the user's id. Seconds that the user spent in calls, never counting time in which no server ran. */
export interface TimerTotal {
  readonly userId: string;
  readonly totalSeconds: number;
}

/** Key: `${key} ${windowStart}`. */
export interface RateLimitCount {
  readonly key: string;
  readonly windowStart: number;
  readonly count: number;
  readonly expiresAt: number;
}

/** Ephemeral. Key: the user's id. */
export interface Presence {
  readonly userId: string;
  readonly name: string;
  /** Its socket, by the id that `send` uses. */
  readonly socketId: string;
  readonly connectedAt: number;
  readonly queuedFor: ChatMode | null;
  readonly queuedAt: number | null;
}

/** Ephemeral. Key: the invite's id. */
export interface Invite {
  readonly inviteId: string;
  readonly fromUserId: string;
  readonly toUserId: string;
  readonly chatMode: ChatMode;
  readonly expiresAt: number;
}

/** Ephemeral. Key: the user's id; the partners whom the user has met since connecting. */
export interface SeenInSession {
  readonly partners: readonly string[];
}

/** A message on its way to its commit. */
export interface NewMessage {
  /** Chosen by the client: sending it again after a lost answer does not write it twice. */
  readonly messageId: string;
  readonly roomId: string;
  readonly senderUserId: string;
  readonly body: string;
  readonly sentAt: number;
}

export interface StoredMessage extends NewMessage {
  readonly sequence: number;
}

/** Who a session token belongs to. */
export interface Identity {
  readonly userId: string;
  readonly name: string;
  readonly accountType: "guest" | "permanent";
}

/** The key of two users' pair, the same from both sides. */
export function pairKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
