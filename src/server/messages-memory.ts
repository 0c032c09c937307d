import type { NewMessage, StoredMessage } from "./model.js";

/** Messages of a server without a database: numbered per room, for as long as the room lives. */
export interface MemoryMessages {
  /** The message with its number; that of the first time when it is sent again. */
  number(message: NewMessage): StoredMessage;
  /** The room is over: nobody speaks in it any more. */
  forget(roomId: string): void;
}

/** A client sends again within seconds: older answers are forgotten first. */
const mostAnswers = 10_000;

export function createMemoryMessages(): MemoryMessages {
  const answers = new Map<string, StoredMessage>();
  const lastOf = new Map<string, number>();
  return {
    number(message) {
      const before = answers.get(message.messageId);
      if (before) return before;
      const sequence = (lastOf.get(message.roomId) ?? 0) + 1;
      lastOf.set(message.roomId, sequence);
      const stored = { ...message, sequence };
      answers.set(message.messageId, stored);
      const [oldest] = answers.keys();
      if (answers.size > mostAnswers && oldest !== undefined) answers.delete(oldest);
      return stored;
    },
    forget: (roomId) => void lastOf.delete(roomId),
  };
}
