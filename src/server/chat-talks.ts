import { mostMessages } from "./messages.js";
import type { StoredMessage } from "./model.js";

/** What goes on in the chats of rooms that are not over. Nothing of it is needed after a restart. */
export interface Talks {
  /** Notes a message on its way to its commit. */
  track(roomId: string, arrival: Promise<unknown>): void;
  /** Settles once every message that is on its way now has arrived or failed; undefined when there is none. */
  arriving(roomId: string): Promise<unknown> | undefined;
  /** Without a database: keeps a message for who comes back. */
  keep(message: StoredMessage): void;
  kept(roomId: string): readonly StoredMessage[];
  /** True the first time that a message's id is noted: the partner gets it once, however often it is sent. */
  isFirst(roomId: string, messageId: string): boolean;
  forget(roomId: string): void;
}

interface Talk {
  readonly arriving: Set<Promise<unknown>>;
  kept: StoredMessage[];
  readonly delivered: Set<string>;
}

/** Older ids are forgotten: a client sends again within seconds. */
const mostDelivered = 1_000;

export function createTalks(): Talks {
  const talks = new Map<string, Talk>();
  const open = (roomId: string): Talk => {
    const talk = talks.get(roomId) ?? { arriving: new Set(), kept: [], delivered: new Set() };
    talks.set(roomId, talk);
    return talk;
  };
  return {
    track(roomId, arrival) {
      const { arriving } = open(roomId);
      arriving.add(arrival);
      const leave = () => arriving.delete(arrival);
      arrival.then(leave, leave);
    },
    arriving(roomId) {
      const arriving = talks.get(roomId)?.arriving;
      return arriving === undefined || arriving.size === 0 ? undefined : Promise.allSettled(arriving);
    },
    keep(message) {
      const talk = open(message.roomId);
      if (talk.kept.some(({ messageId }) => messageId === message.messageId)) return;
      talk.kept.push(message);
      if (talk.kept.length > mostMessages) talk.kept = talk.kept.slice(-mostMessages);
    },
    kept: (roomId) => talks.get(roomId)?.kept ?? [],
    isFirst(roomId, messageId) {
      const { delivered } = open(roomId);
      if (delivered.has(messageId)) return false;
      delivered.add(messageId);
      if (delivered.size > mostDelivered) for (const oldest of delivered) return delivered.delete(oldest);
      return true;
    },
    forget: (roomId) => void talks.delete(roomId),
  };
}
