import { openOutbox } from "/client/outbox.js";
import { byId } from "/client/page.js";

/**
 * The messages of one room: in the order of their sequence numbers, each once, and below them those of this side that
 * are still on their way.
 */
export function openChat({ roomId, userId, send }) {
  const list = byId("messages");
  const items = new Map();
  list.replaceChildren();

  const receive = (message) => {
    const item = items.get(message.messageId) ?? createItem(message, message.senderUserId === userId);
    items.set(message.messageId, item);
    item.dataset.sequence = message.sequence;
    markItem(item, "sent", timeOf(message.sentAt));
    const isNewest = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    list.insertBefore(item, placeOf(list, item, message.sequence));
    if (isNewest) list.scrollTop = list.scrollHeight;
  };

  const showWaiting = ({ messageId, body }) => {
    const item = createItem({ messageId, body }, true);
    items.set(messageId, item);
    markItem(item, "sending", "sending…");
    list.append(item);
    list.scrollTop = list.scrollHeight;
  };

  const outbox = openOutbox({
    roomId,
    send,
    storage: sessionStorage,
    onSent: receive,
    onRefused: (messageId) => markItem(items.get(messageId), "failed", "not delivered"),
  });
  outbox.waiting.forEach(showWaiting);

  return {
    receive,
    write: (body) => showWaiting(outbox.add(body)),
    flush: outbox.flush,
    /** The number up to which nothing is missing here. */
    knownUpTo: () => knownUpTo(list),
    close: outbox.close,
    discard: outbox.discard,
  };
}

function createItem({ messageId, body }, isMine) {
  const item = document.createElement("li");
  item.dataset.messageId = messageId;
  item.classList.toggle("mine", isMine);
  const text = document.createElement("span");
  text.textContent = body;
  item.append(text, document.createElement("small"));
  return item;
}

function markItem(item, state, note) {
  item.dataset.state = state;
  item.querySelector("small").textContent = note;
}

/** The item that comes after a message with that number: mostly the first of those still on their way, or none. */
function placeOf(list, item, sequence) {
  let next = null;
  for (let other = list.lastElementChild; other !== null; other = other.previousElementSibling) {
    if (other === item) continue;
    if (Number(other.dataset.sequence ?? Number.POSITIVE_INFINITY) < sequence) break;
    next = other;
  }
  return next;
}

function knownUpTo(list) {
  let known = 0;
  for (const { dataset } of list.children) {
    if (Number(dataset.sequence) === known + 1) known += 1;
  }
  return known;
}

function timeOf(sentAt) {
  return new Date(sentAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
