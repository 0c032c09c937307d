import type { RowMark } from "../store/mirror.js";
import type {
  Cooldown,
  NewMessage,
  RateLimitCount,
  ReferralMapping,
  Room,
  StoredMessage,
  TextRoomActivity,
  TimerTotal,
} from "./model.js";
import type { ServerSettings } from "./settings.js";

/**
 * Values of memory as rows, and back. Memory counts by the server's steady clock, rows by the database's: `skewMs` lies
 * between the two. A takeover measures it, and it follows the database's clock from then on.
 */
export interface Rows {
  /** The database's clock minus the server's. */
  skewMs: number;
  /** By how much it was corrected since the takeover, all corrections together: older rows may be off by so much. */
  correctedMs: number;
  /** A moment of memory as the database has it. */
  at(moment: number): string;
  /** A moment of the database (epoch milliseconds) as memory has it. */
  fromDatabase(moment: number): number;
  room(key: string, room: Room, mark: RowMark): object;
  activity(key: string, activity: TextRoomActivity, mark: RowMark): object;
  referral(key: string, referral: ReferralMapping, mark: RowMark): object;
  cooldown(key: string, cooldown: Cooldown, mark: RowMark): object;
  timer(key: string, timer: TimerTotal, mark: RowMark): object;
  rateLimit(key: string, count: RateLimitCount, mark: RowMark): object;
  message(message: NewMessage): object;
  storedMessage(row: unknown): StoredMessage;
}

export function createRows({ cooldownMs }: Pick<ServerSettings, "cooldownMs">): Rows {
  const rows: Rows = {
    skewMs: 0,
    correctedMs: 0,
    at: (moment) => new Date(moment + rows.skewMs).toISOString(),
    fromDatabase: (moment) => moment - rows.skewMs,
    room: (_key, room, { version, deleted }) => ({
      room_id: room.roomId,
      user_1: room.user1,
      user_2: room.user2,
      started_at: rows.at(room.startedAt),
      chat_mode: room.chatMode,
      status: deleted ? "ended" : room.status,
      user_1_connected: room.user1Connected,
      user_2_connected: room.user2Connected,
      grace_expires_at: atOrNull(room.graceExpiresAt),
      duration_seconds: durationSeconds(room),
      ended_at: atOrNull(room.endedAt ?? room.startedAt),
      cooldown_seconds: cooldownMs / 1000,
      version,
    }),
    activity: (_key, activity, { deleted }) => ({
      room_id: activity.roomId,
      user_1_last_message_at: atOrNull(activity.user1LastMessageAt),
      user_2_last_message_at: atOrNull(activity.user2LastMessageAt),
      warning_started_at: atOrNull(activity.warningStartedAt),
      deleted,
    }),
    referral: (_key, referral, { deleted }) => ({
      referral_code: referral.referralCode,
      target_user_id: referral.targetUserId,
      created_by_user_id: referral.createdByUserId,
      target_name: referral.targetName,
      created_by_name: referral.createdByName,
      created_at: rows.at(referral.createdAt),
      deleted,
    }),
    cooldown: (_key, cooldown, { deleted }) => ({
      user_low: cooldown.userLow,
      user_high: cooldown.userHigh,
      expires_at: rows.at(cooldown.expiresAt),
      deleted,
    }),
    timer: (_key, timer, { deleted }) => ({
      user_id: timer.userId,
      timer_total_seconds: Math.floor(timer.totalSeconds),
      deleted,
    }),
    rateLimit: (_key, count, { deleted }) => ({
      key: count.key,
      window_start: wholeSecond(count.windowStart + rows.skewMs),
      count: count.count,
      expires_at: rows.at(count.expiresAt),
      deleted,
    }),
    message: (message) => ({
      message_id: message.messageId,
      room_id: message.roomId,
      sender_user_id: message.senderUserId,
      body: message.body,
      sent_at: rows.at(message.sentAt),
    }),
    storedMessage: (row) => toStored(row as StoredRow, rows),
  };
  const atOrNull = (moment: number | null) => (moment === null ? null : rows.at(moment));
  return rows;
}

/** Windows begin at whole seconds. It names the row, so two servers whose clocks differ a little must mean the same one. */
function wholeSecond(moment: number): string {
  return new Date(Math.round(moment / 1000) * 1000).toISOString();
}

/** As the statement that stores it builds it. */
interface StoredRow extends Omit<StoredMessage, "sentAt"> {
  readonly sentAt: string;
}

function toStored({ messageId, roomId, senderUserId, body, sentAt, sequence }: StoredRow, rows: Rows): StoredMessage {
  const moment = rows.fromDatabase(new Date(sentAt).getTime());
  return { messageId, roomId, senderUserId, body, sentAt: moment, sequence };
}

/** Of a running room it is 0: nobody reads it there, and it would make each row new with every second. */
function durationSeconds({ startedAt, endedAt }: Room): number {
  return endedAt === null ? 0 : Math.max(0, Math.round((endedAt - startedAt) / 1000));
}
