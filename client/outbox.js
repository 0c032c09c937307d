const finalRefusals = new Set(["invalid", "too_large", "not_your_room", "no_such_room", "room_ended"]);

/**
 * What this side has written in one room and the server has not acknowledged yet. One message at a time, so that the
 * order stays, and each under the same id until it is through: the server writes an id once, however often it comes.
 * Kept in `storage`, so that a reload loses nothing either.
 */
export function openOutbox({ roomId, send, storage, onSent, onRefused }) {
  const key = `rooms.outbox.${roomId}`;
  const waiting = read(storage, key);
  let isSending = false;
  let retryTimer;
  const save = () => {
    if (waiting.length > 0) storage.setItem(key, JSON.stringify(waiting));
    else storage.removeItem(key);
  };

  const flush = async () => {
    if (isSending) return;
    clearTimeout(retryTimer);
    isSending = true;
    while (waiting.length > 0) {
      const [message] = waiting;
      const answer = await send({ roomId, ...message });
      if (!answer.ok && !finalRefusals.has(answer.code)) {
        retryTimer = setTimeout(flush, answer.retryAfterMs ?? 1000);
        break;
      }
      waiting.shift();
      save();
      if (answer.ok) onSent(answer.message);
      else onRefused(message.messageId);
    }
    isSending = false;
  };

  return {
    waiting,
    add(body) {
      const message = { messageId: crypto.randomUUID(), body };
      waiting.push(message);
      save();
      flush();
      return message;
    },
    /** Tries at once what waits for its next try: the server is back. */
    flush,
    close: () => clearTimeout(retryTimer),
    discard: () => storage.removeItem(key),
  };
}

function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key)) ?? [];
  } catch {
    // Not ours: nothing is waiting.
    return [];
  }
}
