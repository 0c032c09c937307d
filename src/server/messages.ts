import { messageOf } from "../core/errors.js";
import { loadStatement } from "../db/statement.js";
import { bounded } from "./bounded.js";
import type { StoredMessage } from "./model.js";
import type { Realtime } from "./realtime.js";

/** A message as clients see it. */
export interface ChatLine {
  readonly messageId: string;
  readonly senderUserId: string;
  readonly body: string;
  /** Epoch milliseconds. */
  readonly sentAt: number;
  readonly sequence: number;
}

export interface Messages {
  readonly messages: readonly ChatLine[];
  /** False when there are more after these, or the database could not say: ask again, after the last one. */
  readonly complete: boolean;
}

/** At most so many are sent at once, and kept per room without a database. */
export const mostMessages = 500;
/** Long ones are sent in more pieces, so that one answer stays small. */
const mostCharacters = 1_000_000;

/** Somebody who comes back waits for the call, not for a slow database. */
const readWaitMs = 2_000;

interface Wish {
  readonly roomId: string;
  readonly after: number;
}

/** Messages of a room after a number, for one user, oldest first. Without them, and incomplete, while the database cannot say. */
export async function readMessages(realtime: Realtime, reader: string, { roomId, after }: Wish): Promise<Messages> {
  if (realtime.link.status === "none") {
    return takePage(realtime.talks.kept(roomId).filter(({ sequence }) => sequence > after));
  }
  // One at a time for each user: asking again and again must not keep the database from everybody else.
  if (realtime.reading.has(reader)) return unread;
  realtime.reading.add(reader);
  try {
    const reading = selectMessages(realtime, roomId, after).finally(() => realtime.reading.delete(reader));
    const messages = await bounded(reading, readWaitMs);
    return messages === undefined ? unread : takePage(messages);
  } catch (error) {
    realtime.log.warn({ error: messageOf(error), roomId }, "messages could not be read");
    return unread;
  }
}

function takePage(messages: readonly ChatLine[]): Messages {
  let characters = 0;
  const end = messages.findIndex(({ body }, index) => {
    characters += body.length;
    return index === mostMessages || (index > 0 && characters > mostCharacters);
  });
  return end === -1 ? { messages, complete: true } : { messages: messages.slice(0, end), complete: false };
}

const unread: Messages = { messages: [], complete: false };

export function toLine({ messageId, senderUserId, body, sentAt, sequence }: StoredMessage): ChatLine {
  return { messageId, senderUserId, body, sentAt, sequence };
}

interface MessageRow {
  readonly id: string;
  readonly sender_user_id: string;
  readonly body: string;
  readonly sent_at: number;
  readonly sequence: number;
}

async function selectMessages(realtime: Realtime, roomId: string, after: number): Promise<ChatLine[] | undefined> {
  const rows = await realtime.link
    .database()
    ?.query<MessageRow>(loadStatement("server/messages-after"), [roomId, after, mostMessages + 1]);
  return rows?.map((row) => ({
    messageId: row.id,
    senderUserId: row.sender_user_id,
    body: row.body,
    sentAt: realtime.state.rows.fromDatabase(row.sent_at),
    sequence: row.sequence,
  }));
}
