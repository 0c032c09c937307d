import { io } from "/socket.io/socket.io.esm.min.js";

const refusedForGood = new Set(["unauthorized", "banned"]);

/**
 * The page's one socket. It comes back by itself, quickly, for as long as the page is open.
 * `onStatus` hears connecting, online, lost, replaced or refused (with the server's reason).
 */
export function openConnection({ token, onStatus }) {
  const socket = io({
    auth: { token },
    transports: ["websocket"],
    reconnectionDelay: 300,
    reconnectionDelayMax: 1000,
    timeout: 5000,
  });
  let retryTimer;
  let isOver = false;
  const retryIn = (waitMs) => {
    clearTimeout(retryTimer);
    retryTimer = setTimeout(() => socket.connect(), waitMs);
  };
  const end = (status, reason) => {
    isOver = true;
    clearTimeout(retryTimer);
    socket.disconnect();
    onStatus(status, reason);
  };

  onStatus("connecting");
  socket.on("connect", () => onStatus("online"));
  socket.on("session:replaced", () => end("replaced"));
  socket.on("session:ended", (reason) => end("refused", reason));
  socket.on("disconnect", () => {
    if (isOver) return;
    onStatus("lost");
    // Socket.IO itself does not come back when the server was the one to close.
    if (!socket.active) retryIn(300);
  });
  socket.on("connect_error", (error) => {
    if (isOver) return;
    if (refusedForGood.has(error.data?.code)) return end("refused", error.data);
    onStatus("lost");
    // Nor after an answer that was a refusal: a server that has just started may not know the session yet.
    if (socket.active) return;
    // On a new connection: on this one the server takes only so many attempts.
    socket.disconnect();
    retryIn(Math.min(Math.max(error.data?.retryAfterMs ?? 500, 300), 10_000));
  });

  return {
    on: (event, handler) => socket.on(event, handler),
    isOnline: () => socket.connected,
    /** Asks the server; always answers, with `{ ok: false, code: "no_answer" }` when the server did not. */
    request: (event, payload, waitMs = 8000) => request(socket, { event, payload, waitMs }),
    close: () => {
      isOver = true;
      clearTimeout(retryTimer);
      socket.disconnect();
    },
  };
}

async function request(socket, { event, payload, waitMs }) {
  const offline = { ok: false, code: "no_answer", message: "The server cannot be reached right now." };
  // Socket.IO would keep it and send it after the reconnection, when it may be wrong.
  if (!socket.connected) return offline;
  try {
    return await socket.timeout(waitMs).emitWithAck(event, payload);
  } catch {
    return offline;
  }
}
